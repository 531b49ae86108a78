"""Reading campaigns: pages within a scope, and the terms that logging asks for again and again."""

import time
from collections.abc import Collection, Mapping
from uuid import UUID

from pydantic import TypeAdapter
from sqlmodel import col, select

from services.inspection.campaigns.domain import CampaignState, CampaignTerms
from services.inspection.campaigns.tables import CAMPAIGNS, Campaign
from services.inspection.deadlines.domain import DeadlinePolicy
from shared.database import Connection, ReadSession
from shared.errors import NotFound
from shared.regions import is_within, prefix_range
from shared.security import Actor
from shared.web.pagination import PageRequest

_POLICY = TypeAdapter(DeadlinePolicy)
_TERMS = (
    "SELECT id, region_code, state, deadline_policy::text AS policy"
    " FROM campaigns WHERE id = ANY($1::uuid[])"
)
_REMEMBERED = 1_000
# A sister process may close a campaign; its problems may still be logged here for this long.
_REMEMBER_SECONDS = 5.0


async def get_campaign(session: ReadSession, actor: Actor, campaign_id: UUID) -> Campaign:
    """A campaign whose region contains the caller's or lies in it; raises `NotFound`."""
    campaign = await session.get(Campaign, campaign_id)
    if campaign is None or not concerns(actor, campaign.region_code):
        raise NotFound
    return campaign


async def list_campaigns(session: ReadSession, actor: Actor, page: PageRequest) -> list[Campaign]:
    """A page of the campaigns that concern the caller, oldest first."""
    low, high = prefix_range(actor.region)
    above = [actor.region[:length] for length in (2, 4, 6, 9) if length < len(actor.region)]
    region = col(Campaign.region_code)
    statement = select(Campaign).where(((region >= low) & (region < high)) | region.in_(above))
    return list(await session.scalars(page.after(statement, [CAMPAIGNS.c.id], UUID)))


def concerns(actor: Actor, region_code: str) -> bool:
    """Whether a campaign in `region_code` touches the caller's region."""
    return is_within(region_code, actor.region) or is_within(actor.region, region_code)


class CampaignTermsCache:
    """Terms of campaigns. Region and policy never change; a closing here is known at its commit."""

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[float, CampaignTerms]] = {}

    def remember(self, terms: CampaignTerms) -> None:
        """Take up terms that were just committed or read."""
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[terms.id] = (time.monotonic() + _REMEMBER_SECONDS, terms)

    def get(self, campaign_id: UUID) -> CampaignTerms | None:
        """The terms if they were read lately; None says nothing."""
        expires_at, terms = self._known.get(campaign_id, (0.0, None))
        return terms if time.monotonic() < expires_at else None

    async def find(
        self, connection: Connection, campaign_ids: Collection[UUID]
    ) -> Mapping[UUID, CampaignTerms]:
        """The terms of those campaigns that exist."""
        found = {key: terms for key in campaign_ids if (terms := self.get(key)) is not None}
        missing = [key for key in campaign_ids if key not in found]
        if missing:
            for row in await connection.fetch(_TERMS, missing):
                terms = CampaignTerms(
                    id=row["id"],
                    region_code=row["region_code"],
                    closed=row["state"] == CampaignState.CLOSED,
                    policy=_POLICY.validate_json(row["policy"]) if row["policy"] else None,
                )
                self.remember(terms)
                found[terms.id] = terms
        return found
