"""Reading inspections: pages within a region, the days a village has planned, its burden.

An inspection shows those of its villages that lie in the caller's region; a department sees the
ones it scheduled itself. The burden counts everybody's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from services.inspection.inspections.domain import (
    LONGEST_WINDOW_DAYS,
    InspectionState,
    VillageUnknown,
    count_over,
)
from services.inspection.inspections.tables import Inspection, InspectionVillage
from services.inspection.scope import sight_of
from shared.configuration import Configuration, Setting
from shared.database import ReadSession, Session
from shared.errors import NotFound
from shared.regions import prefix_range
from shared.security import Actor
from shared.web.pagination import PageRequest

LIMIT = Setting("inspection_limit", 2, Annotated[int, Field(ge=1, le=1000)], rule="I-57")
WINDOW_DAYS = Setting(
    "inspection_window_days",
    30,
    Annotated[int, Field(ge=1, le=LONGEST_WINDOW_DAYS)],
    rule="I-57",
)

_REACH = timedelta(days=LONGEST_WINDOW_DAYS)
# In the order of their codes, so that two who schedule the same villages wait instead of locking
# each other out.
_LOCK_VILLAGES = text(
    "SELECT code FROM regions WHERE code = ANY(:codes) ORDER BY code FOR NO KEY UPDATE"
)
_PLANNED = (
    "SELECT village_code, array_agg(visit.planned_on ORDER BY visit.planned_on) AS days"
    " FROM inspection_villages AS visit JOIN inspections ON inspections.id = visit.inspection_id"
    f" WHERE state = '{InspectionState.PLANNED}'"
)


@dataclass(frozen=True, slots=True)
class InspectionFilters:
    """What a list is narrowed to; None leaves a filter out. Days are inclusive."""

    region: str
    since: date | None = None
    until: date | None = None
    state: InspectionState | None = None


@dataclass(frozen=True, slots=True)
class InspectionRow:
    """An inspection with its villages, in order of their codes."""

    inspection: Inspection
    village_codes: list[str]


@dataclass(frozen=True, slots=True)
class VillageBurden:
    """A village's inspections of a period, and how many of them were over the limit."""

    village_code: str
    inspections: int
    over_limit: int


async def lock_villages(session: Session, codes: Collection[str]) -> None:
    """Hold the villages until the transaction ends: whoever schedules one of them meanwhile waits
    and then counts what was scheduled here. Raises `VillageUnknown`."""
    known = set(await session.scalars(_LOCK_VILLAGES, {"codes": list(codes)}))
    if known != set(codes):
        raise VillageUnknown.about("village_codes")


async def planned_days(
    session: ReadSession, codes: Collection[str], around: date
) -> Mapping[str, Sequence[date]]:
    """The days of the villages' inspections within the longest window before and after a day."""
    rows = await session.execute(
        text(
            f"{_PLANNED} AND village_code = ANY(:codes)"
            " AND visit.planned_on BETWEEN :since AND :until GROUP BY village_code"
        ),
        {"codes": list(codes), "since": around - _REACH, "until": around + _REACH},
    )
    return {row.village_code: row.days for row in rows}


async def list_burdens(
    session: ReadSession,
    configuration: Configuration,
    region: str,
    since: date,
    until: date,
    page: PageRequest,
) -> list[VillageBurden]:
    """A page of the villages of a region that have inspections in a period, by code."""
    low, high = prefix_range(region)
    (after,) = page.key(str) or ("",)
    rows = await session.execute(
        text(
            f"{_PLANNED} AND village_code >= :low AND village_code < :high"
            " AND village_code > :after"
            " AND visit.planned_on BETWEEN :reach AND :until"
            " GROUP BY village_code HAVING max(visit.planned_on) >= :since"
            " ORDER BY village_code LIMIT :limit"
        ),
        {
            "low": low,
            "high": high,
            "after": after,
            "reach": since - _REACH,
            "since": since,
            "until": until,
            "limit": page.limit + 1,
        },
    )
    return [_burden(configuration, code, days, since, until) for code, days in rows]


def _burden(
    configuration: Configuration, village: str, days: Sequence[date], since: date, until: date
) -> VillageBurden:
    over = count_over(
        days,
        since,
        limit=configuration.value(LIMIT, village, until),
        window_days=configuration.value(WINDOW_DAYS, village, until),
    )
    return VillageBurden(village, sum(day >= since for day in days), over)


async def list_inspections(
    session: ReadSession, actor: Actor, filters: InspectionFilters, page: PageRequest
) -> list[InspectionRow]:
    """A page of inspections, by day."""
    village = col(InspectionVillage.village_code)
    planned_on = col(Inspection.planned_on)
    columns: list[Any] = [
        Inspection,
        func.array_agg(aggregate_order_by(village, village.asc())),
    ]
    order: list[Any] = [planned_on, col(Inspection.id)]
    low, high = prefix_range(filters.region)
    statement = (
        select(*columns)
        .join(InspectionVillage, col(InspectionVillage.inspection_id) == order[1])
        .where(village >= low, village < high, *_own(actor))
        .group_by(order[1])
    )
    if filters.since is not None:
        statement = statement.where(planned_on >= filters.since)
    if filters.until is not None:
        statement = statement.where(planned_on <= filters.until)
    if filters.state is not None:
        statement = statement.where(col(Inspection.state) == filters.state)
    rows = await session.execute(page.after(statement, order, date, UUID))
    return [InspectionRow(*row) for row in rows]


async def get_inspection_for_update(
    session: Session, actor: Actor, inspection_id: UUID
) -> InspectionRow:
    """An inspection, locked. Raises `NotFound` unless all of its villages lie in the caller's
    region and, for a department, it is its own."""
    inspection = await session.scalar(
        select(Inspection)
        .where(col(Inspection.id) == inspection_id, *_own(actor))
        .with_for_update()
    )
    if inspection is None:
        raise NotFound
    village = col(InspectionVillage.village_code)
    codes = await session.scalars(
        select(village)
        .where(col(InspectionVillage.inspection_id) == inspection_id)
        .order_by(village)
    )
    row = InspectionRow(inspection, list(codes))
    for code in row.village_codes:
        actor.must_cover(code)
    return row


def _own(actor: Actor) -> list[ColumnElement[bool]]:
    if sight_of(actor).department is None:
        return []
    return [col(Inspection.org) == actor.organisation]
