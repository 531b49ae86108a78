"""Reading campaigns: pages within a scope, and the terms that logging asks for again and again."""

import time
from collections.abc import Collection, Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, TypeAdapter
from sqlmodel import col, select

from services.inspection.campaigns.domain import (
    STAGES,
    CampaignState,
    CampaignTerms,
    CampaignType,
    CampaignUnknown,
    OutsideCampaign,
    StagePlan,
    StagesInvalid,
    check_stages,
)
from services.inspection.campaigns.tables import CAMPAIGNS, Campaign
from services.inspection.deadlines.domain import DeadlinePolicy
from services.inspection.fields import DayOfYear
from services.inspection.scope import concerns
from shared.configuration import Setting
from shared.database import Connection, ReadSession, Session
from shared.errors import NotFound
from shared.regions import ancestors, is_within, prefix_range
from shared.security import Actor
from shared.web.pagination import PageRequest

_POLICY = TypeAdapter(DeadlinePolicy)
_TERMS = (
    "SELECT id, version, type, region_code, state, self_check_until,"
    " deadline_policy::text AS policy FROM campaigns WHERE id = ANY($1::uuid[])"
)


_LOOK_BACK_ORDER = STAGES[CampaignType.LOOK_BACK]
_ANY_YEAR = 2001


def planned(year: int, spans: Mapping[CampaignState, tuple[str, str]]) -> list[StagePlan]:
    """The stages of a look-back of `year` on the given days (MM-DD), in their order: jsonb keeps
    that of no object."""
    order = sorted(spans, key=(*_LOOK_BACK_ORDER, *CampaignState).index)
    return [
        StagePlan(stage, *(date.fromisoformat(f"{year}-{day}") for day in spans[stage]))
        for stage in order
    ]


def _check_usual(spans: Mapping[CampaignState, tuple[str, str]]) -> None:
    try:
        check_stages(CampaignType.LOOK_BACK, planned(_ANY_YEAR, spans))
    except StagesInvalid:
        raise StagesInvalid.about("value") from None


# The days (MM-DD) of a look-back's stages where its creator plans none.
LOOK_BACK_STAGES: Setting[dict[CampaignState, tuple[str, str]]] = Setting(
    "look_back_stages",
    {
        CampaignState.PREPARE: ("03-11", "03-20"),
        CampaignState.SELF_CHECK: ("03-21", "03-31"),
        CampaignState.CROSS_CHECK: ("04-01", "04-20"),
        CampaignState.RECTIFY: ("04-21", "05-30"),
        CampaignState.SAMPLE_SUMMARY: ("06-01", "06-30"),
    },
    dict[CampaignState, tuple[DayOfYear, DayOfYear]],
    rule="I-50",
    check=_check_usual,
)
LOOK_BACK_SINCE_YEAR = Setting(
    "look_back_since_year", 2014, Annotated[int, Field(ge=2000, le=2099)], rule="I-53"
)

SETTINGS: tuple[Setting[Any], ...] = (LOOK_BACK_STAGES, LOOK_BACK_SINCE_YEAR)

_REMEMBERED = 1_000
# A sister process may close a campaign; its problems may still be logged here for this long.
_REMEMBER_SECONDS = 5.0


async def get_campaign(session: ReadSession, actor: Actor, campaign_id: UUID) -> Campaign:
    """A campaign whose region contains the caller's or lies in it; raises `NotFound`."""
    campaign = await session.get(Campaign, campaign_id)
    if campaign is None or not concerns(actor, campaign.region_code):
        raise NotFound
    return campaign


async def get_named_campaign(
    session: ReadSession, actor: Actor, campaign_id: UUID, region_code: str
) -> Campaign:
    """The campaign that a request names for a matter of `region_code`; raises `CampaignUnknown`,
    `OutsideCampaign`."""
    try:
        campaign = await get_campaign(session, actor, campaign_id)
    except NotFound:
        raise CampaignUnknown.about("campaign_id") from None
    if not is_within(region_code, campaign.region_code):
        raise OutsideCampaign.about("region_code")
    return campaign


async def get_campaign_for_update(session: Session, actor: Actor, campaign_id: UUID) -> Campaign:
    """A campaign in the caller's region, locked; raises `NotFound`, also where the campaign
    reaches beyond it."""
    statement = select(Campaign).where(col(Campaign.id) == campaign_id).with_for_update()
    campaign = (await session.scalars(statement)).one_or_none()
    if campaign is None:
        raise NotFound
    actor.must_cover(campaign.region_code)
    return campaign


async def hold_campaign(session: Session, actor: Actor, campaign_id: UUID) -> Campaign:
    """A campaign that concerns the caller, whose stage nobody changes before this transaction
    ends; raises `NotFound`."""
    statement = select(Campaign).where(col(Campaign.id) == campaign_id).with_for_update(read=True)
    campaign = (await session.scalars(statement)).one_or_none()
    if campaign is None or not concerns(actor, campaign.region_code):
        raise NotFound
    return campaign


async def list_campaigns(session: ReadSession, actor: Actor, page: PageRequest) -> list[Campaign]:
    """A page of the campaigns that concern the caller, oldest first."""
    low, high = prefix_range(actor.region)
    region = col(Campaign.region_code)
    statement = select(Campaign).where(
        ((region >= low) & (region < high)) | region.in_(ancestors(actor.region))
    )
    return list(await session.scalars(page.after(statement, [CAMPAIGNS.c.id], UUID)))


def terms_of(campaign: Campaign) -> CampaignTerms:
    """What logging needs to know of a campaign's row."""
    policy = campaign.deadline_policy
    return CampaignTerms(
        id=campaign.id,
        version=campaign.version,
        type=campaign.type,
        region_code=campaign.region_code,
        state=campaign.state,
        self_check_until=campaign.self_check_until,
        policy=None if policy is None else _POLICY.validate_python(policy),
    )


class CampaignTermsCache:
    """Terms of campaigns. Region, type and policy never change; what moves a campaign here is known
    at its commit."""

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[float, CampaignTerms]] = {}

    def remember(self, terms: CampaignTerms) -> None:
        """Take up terms that were just committed or read; what is newer stays."""
        _, known = self._known.get(terms.id, (0.0, None))
        if known is not None and known.version > terms.version:
            return
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
                    version=row["version"],
                    type=row["type"],
                    region_code=row["region_code"],
                    state=row["state"],
                    self_check_until=row["self_check_until"],
                    policy=_POLICY.validate_json(row["policy"]) if row["policy"] else None,
                )
                self.remember(terms)
                found[terms.id] = terms
        return found
