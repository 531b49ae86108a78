"""Reading the lists, page by page or as one stream of bounded memory, and their deliveries."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Select, false, func, literal_column
from sqlmodel import col, select

from services.inspection.fields import DayOfYear
from services.inspection.listing.domain import Listed
from services.inspection.listing.tables import LIST_DELIVERIES, ListDelivery
from services.inspection.mirror.queries import find_household_numbers, find_region_names
from services.inspection.problems.domain.states import State
from services.inspection.problems.queries import (
    ProblemFilters,
    ordered_statement,
    page_statement,
)
from services.inspection.problems.tables import PROBLEMS, Problem
from services.inspection.responsibility.queries import find_responsibles
from services.inspection.scope import Sight, sight_of
from shared import clock
from shared.configuration import Setting
from shared.database import Connection, ReadSession, Session
from shared.errors import NotFound
from shared.regions import county_of, prefix_range, township_of
from shared.security import Actor
from shared.web.pagination import PageRequest

# The day (MM-DD) of the campaign's year by which the addressees give their receipts.
DELIVERY_DUE: Setting[str] = Setting("list_delivery_due", "04-15", DayOfYear, rule="I-07")

# No list shows what is not known to be a problem, or known to be none.
_LISTED = col(Problem.state).not_in([State.SUSPECTED, State.WITHDRAWN])
# What the lists take over as it stands.
_PLAIN = (
    *("id", "problem_no", "kind", "object_type", "object_ref", "village_code", "description"),
    *("found_on", "source", "severity", "state", "finished", "lead_dept", "executing_org"),
    *("responsible_person", "tier", "due_on", "plan_deadline", "progress_pct"),
)
_DESCRIPTION: ColumnElement[str] = literal_column("problems.sources -> 0 ->> 'description'")
_COLUMNS = (
    *(PROBLEMS.c[name] for name in _PLAIN if name != "description"),
    *(PROBLEMS.c[name] for name in ("county_code", "co_depts", "due_rules", "overdue_level")),
    _DESCRIPTION.label("description"),
)
_CHUNK_ROWS = 500


async def take_snapshot(session: ReadSession) -> None:
    """Let everything the session reads from now on be of one instant."""
    await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


async def count_list(session: ReadSession, sight: Sight, filters: ProblemFilters) -> int:
    """How many lines each of the three lists has."""
    statement = ordered_statement(sight, filters).where(_LISTED).order_by(None)
    return await session.scalar(statement.with_only_columns(func.count())) or 0


async def list_page(
    session: ReadSession, sight: Sight, filters: ProblemFilters, page: PageRequest, on: date
) -> list[Listed]:
    """A page of the lists, in the order of all lists of problems, with one row to look ahead."""
    statement = _lines(page_statement(sight, filters, page))
    rows = (await session.execute(statement)).mappings().all()
    return await _complete(await session.driver(), rows, on)


async def stream_list(
    session: ReadSession, sight: Sight, filters: ProblemFilters, on: date
) -> AsyncIterator[Listed]:
    """The whole list in the same order, read by a server-side cursor."""
    statement = _lines(ordered_statement(sight, filters))
    found = await session.stream(statement, execution_options={"yield_per": _CHUNK_ROWS})
    driver = await session.driver()
    async for rows in found.mappings().partitions():
        for listed in await _complete(driver, rows, on):
            yield listed


def _lines(statement: Select[Any]) -> Select[Any]:
    return statement.where(_LISTED).with_only_columns(*_COLUMNS)


async def _complete(driver: Connection, rows: Sequence[RowMapping], on: date) -> list[Listed]:
    """The rows with the names of their places, the numbers of their households, and who answers."""
    households = {
        row["id"]: UUID(row["object_ref"]) for row in rows if row["object_type"] == "HOUSEHOLD"
    }
    leads = {row["id"]: f"{row['lead_dept']}@{row['county_code']}" for row in rows}
    names = await find_region_names(driver, {code for row in rows for code in _places(row)})
    numbers = await find_household_numbers(driver, list(households.values()))
    responsibles = await find_responsibles(driver, set(leads.values()), on)
    return [
        Listed(
            **{name: row[name] for name in _PLAIN},
            object_no=numbers.get(households[row["id"]]) if row["id"] in households else None,
            co_depts=tuple(row["co_depts"]),
            due_rules=tuple(row["due_rules"]),
            overdue=row["overdue_level"] > 0 and not row["finished"],
            leaders=responsibles.get(leads[row["id"]]),
            names=names,
        )
        for row in rows
    ]


def _places(row: RowMapping) -> list[str]:
    """The regions a row speaks of: its own county, township and village, and the executing one."""
    place = row["village_code"]
    executing = (row["executing_org"] or "").partition("@")[2]
    return [code for code in (county_of(place), township_of(place), place, executing) if code]


async def get_delivery_for_update(
    session: Session, actor: Actor, delivery_id: UUID
) -> ListDelivery:
    """A delivery in the actor's region, locked; raises `NotFound`."""
    statement = select(ListDelivery).where(col(ListDelivery.id) == delivery_id, *_seen_by(actor))
    delivery = (await session.scalars(statement.with_for_update())).one_or_none()
    if delivery is None:
        raise NotFound
    return delivery


async def list_deliveries(
    session: ReadSession,
    actor: Actor,
    page: PageRequest,
    *,
    campaign_id: UUID | None = None,
    missing: bool = False,
) -> list[ListDelivery]:
    """A page of the deliveries of lists about the actor's region, oldest first. `missing`: those
    whose day has passed without a receipt (I-07)."""
    statement = select(ListDelivery).where(*_seen_by(actor))
    if campaign_id is not None:
        statement = statement.where(col(ListDelivery.campaign_id) == campaign_id)
    if missing:
        statement = statement.where(
            col(ListDelivery.received_at).is_(None), col(ListDelivery.due_on) < clock.today()
        )
    return list(await session.scalars(page.after(statement, [LIST_DELIVERIES.c.id], UUID)))


def _seen_by(actor: Actor) -> list[ColumnElement[bool]]:
    """A line department is no addressee and sees none: a list holds other departments' matters."""
    low, high = prefix_range(actor.region)
    place = col(ListDelivery.region_code)
    seen = [place >= low, place < high]
    if sight_of(actor).department is not None:
        seen.append(false())
    return seen
