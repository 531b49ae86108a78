"""Reading allocations, always within a region."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.funds.allocations.domain import Source, State
from services.funds.allocations.tables import ALLOCATIONS, Allocation
from shared.database import ReadSession
from shared.errors import NotFound
from shared.regions import prefix_range
from shared.web.pagination import PageRequest


def within(statement: SelectOfScalar[Allocation], region: str) -> SelectOfScalar[Allocation]:
    """`statement` limited to allocations of `region` and the regions below it (X-05)."""
    low, high = prefix_range(region)
    return statement.where(col(Allocation.region_code) >= low, col(Allocation.region_code) < high)


async def get_allocation(session: ReadSession, allocation_id: UUID, region: str) -> Allocation:
    """The allocation; raises `NotFound` when there is none within `region`."""
    return await _one(session, _by_id(allocation_id, region))


async def get_allocation_for_update(
    session: ReadSession, allocation_id: UUID, region: str
) -> Allocation:
    """The allocation, locked until the transaction ends; raises `NotFound` outside `region`."""
    return await _one(session, _by_id(allocation_id, region).with_for_update())


async def list_allocations(
    session: ReadSession,
    region: str,
    page: PageRequest,
    *,
    year: int | None = None,
    source: Source | None = None,
    state: State | None = None,
) -> Sequence[Allocation]:
    """Allocations of `region` and below in the order they were entered, one more than the page."""
    statement = within(select(Allocation), region)
    wanted = {Allocation.year: year, Allocation.source: source, Allocation.state: state}
    for column, value in wanted.items():
        if value is not None:
            statement = statement.where(col(column) == value)
    return (await session.scalars(page.after(statement, [ALLOCATIONS.c.id], UUID))).all()


async def published_sums(
    session: ReadSession, region_codes: Sequence[str], year: int, as_of: date
) -> dict[str, tuple[Decimal, Decimal]]:
    """By region code, what was allotted and public on `as_of`, and what was paid of it.

    Sums of exactly these regions; a region without published money is missing from the answer.
    """
    rows = await session.execute(
        select(
            Allocation.region_code,
            func.sum(Allocation.amount),
            func.sum(Allocation.paid),
        )
        .where(
            col(Allocation.region_code).in_(region_codes),
            col(Allocation.year) == year,
            col(Allocation.published_on) <= as_of,
        )
        .group_by(col(Allocation.region_code))
    )
    return {code: (allotted, paid) for code, allotted, paid in rows}


def _by_id(allocation_id: UUID, region: str) -> SelectOfScalar[Allocation]:
    return within(select(Allocation).where(col(Allocation.id) == allocation_id), region)


async def _one(session: ReadSession, statement: SelectOfScalar[Allocation]) -> Allocation:
    found = await session.scalar(statement)
    if found is None:
        raise NotFound
    return found
