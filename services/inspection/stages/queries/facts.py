"""Duties, stamps, ledgers and open problems of a campaign."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlmodel import col, select

from services.inspection.campaigns.tables import Campaign
from services.inspection.kinds import CORRUPTION_PREFIX, STYLE
from services.inspection.ledger.domain import Figures, GroupBy
from services.inspection.ledger.queries import FiguresWanted, Filters, list_figures
from services.inspection.scope import Sight
from services.inspection.stages.tables import CampaignDuty, LedgerStamp
from shared.database import Connection, ReadSession, Session
from shared.errors import NotFound
from shared.regions import prefix_range

_OPEN = f"""
SELECT count(*) AS count,
       (array_agg(problem_no ORDER BY due_on NULLS LAST, id) FILTER (WHERE
         ($2 OR kind <> '{STYLE}') AND ($3 OR NOT starts_with(kind, '{CORRUPTION_PREFIX}'))
       ))[1:$4] AS first
FROM problems WHERE campaign_id = $1 AND NOT finished AND scope <> 'SYSTEMIC'
"""


def whole_sight(campaign: Campaign) -> Sight:
    """Every problem of the campaign's region, hidden kinds included: for what is decided and what
    stamps cover, not for figures that are shown."""
    low, high = prefix_range(campaign.region_code)
    return Sight(low, high, None, style=True, corruption=True)


async def list_ledgers(connection: Connection, campaign: Campaign, sight: Sight) -> list[Figures]:
    """Each department's figures in the campaign within `sight`, in the order of its code."""
    wanted = FiguresWanted(Filters(campaign_id=campaign.id), GroupBy.LEAD_DEPT)
    return await list_figures(connection, sight, wanted)


async def newest_stamps(session: ReadSession, campaign_id: UUID) -> Mapping[str, LedgerStamp]:
    """The newest stamp of each department that has stamped its ledger."""
    statement = select(LedgerStamp).where(col(LedgerStamp.campaign_id) == campaign_id)
    stamps = await session.scalars(statement.order_by(col(LedgerStamp.id)))
    return {stamp.department: stamp for stamp in stamps}  # the last one wins


async def count_open_problems(
    connection: Connection, campaign_id: UUID, sight: Sight, first: int
) -> tuple[int, Sequence[str]]:
    """How many problems of the campaign are open and not systemic, and the numbers of the first
    few that the caller may see."""
    row = await connection.fetchrow(_OPEN, campaign_id, sight.style, sight.corruption, first)
    assert row is not None
    return row["count"], row["first"] or ()


async def list_duties(
    session: ReadSession, campaign_id: UUID, department: str | None
) -> list[CampaignDuty]:
    """The duties of a campaign, of all departments or of one, in the order of their codes."""
    statement = select(CampaignDuty).where(col(CampaignDuty.campaign_id) == campaign_id)
    if department is not None:
        statement = statement.where(col(CampaignDuty.department) == department)
    return list(await session.scalars(statement.order_by(col(CampaignDuty.department))))


async def get_duty_for_update(session: Session, campaign_id: UUID, department: str) -> CampaignDuty:
    """One department's duty, locked; raises `NotFound` for a department without one."""
    duty = await session.get(CampaignDuty, (campaign_id, department), with_for_update=True)
    if duty is None:
        raise NotFound
    return duty
