"""Drawing the households and villages of a city's spot-check (I-52)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.inspection.campaigns.domain import Action, OutsideCampaign
from services.inspection.campaigns.queries import hold_campaign
from services.inspection.campaigns.tables import Campaign
from services.inspection.stages.domain.sampling import (
    QuotaBy,
    ZoneKind,
    allot,
    check_pool,
    check_size,
    check_target,
)
from services.inspection.stages.queries.samplings import MINIMUM, Pool, stands_above
from services.inspection.stages.tables import CampaignSampling
from shared import clock
from shared.audit import record_audit
from shared.configuration import configuration_of
from shared.database import Connection, Session
from shared.errors import Forbidden
from shared.ids import new_id
from shared.regions import is_within
from shared.security import Actor


async def draw_sample(
    session: Session,
    actor: Actor,
    campaign_id: UUID,
    *,
    target_region: str,
    zone_kind: ZoneKind,
    households: int,
    villages: int,
    seed: int | str,
    quotas: QuotaBy | None,
) -> CampaignSampling:
    """Draw `households` and `villages` of `target_region`; the same seed draws the same from the
    same pool. With `quotas` each group is drawn from in proportion to its size.

    Raises `NotFound`, `Forbidden` at county level and below, `IllegalMove`, `SampleTooSmall`,
    `PoolTooSmall`, `TargetInvalid`, `OutsideCampaign`.
    """
    campaign = await hold_campaign(session, actor, campaign_id)
    if not stands_above(actor):
        raise Forbidden
    actor.must_cover(target_region)
    campaign.after(Action.DRAW_SAMPLE)
    _check_request(session, campaign, target_region, zone_kind, households, villages)
    connection = await session.driver()
    since, today = campaign.since_year, clock.today()
    people = await _draw(
        connection, Pool("HOUSEHOLD", target_region, quotas, since), households, seed
    )
    places = await _draw(connection, Pool("VILLAGE", target_region, quotas, today), villages, seed)
    sampling = CampaignSampling(
        id=new_id(),
        campaign_id=campaign.id,
        target_region=target_region,
        zone_kind=zone_kind,
        seed=seed,
        quotas=quotas,
        households=[UUID(one) for one in people.ids],
        villages=places.ids,
        household_population=sum(people.populations.values()),
        village_population=sum(places.populations.values()),
        shares=[] if quotas is None else people.document(),
        person=actor.person,
        organisation=actor.organisation,
        drawn_at=clock.now(),
    )
    session.add(sampling)
    change = {"target_region": target_region, "seed": seed, "sampling": sampling.id}
    await record_audit(session, actor, Action.DRAW_SAMPLE, "campaign", campaign.id, change=change)
    return sampling


@dataclass(frozen=True, slots=True)
class _Draw:
    """What was drawn from groups of which sizes, and how many of each."""

    ids: list[str]
    populations: Mapping[str, int]
    shares: Mapping[str, int]

    def document(self) -> list[dict[str, Any]]:
        """The groups as they are kept."""
        return [
            {"key": key, "population": size, "drawn": self.shares[key]}
            for key, size in self.populations.items()
        ]


def _check_request(
    session: Session,
    campaign: Campaign,
    target_region: str,
    zone_kind: ZoneKind,
    households: int,
    villages: int,
) -> None:
    check_target(target_region, zone_kind)
    if not is_within(target_region, campaign.region_code):
        raise OutsideCampaign.about("target_region")
    minimum = configuration_of(session).value(MINIMUM[zone_kind], target_region, clock.today())
    check_size(households, villages, minimum)


async def _draw(connection: Connection, pool: Pool, number: int, seed: int | str) -> _Draw:
    populations = await pool.populations(connection)
    check_pool(pool.role, number, sum(populations.values()))
    shares = allot(number, populations)
    return _Draw(await pool.draw(connection, seed, shares), populations, shares)
