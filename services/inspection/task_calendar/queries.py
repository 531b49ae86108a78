"""Reading task calendars and their tasks.

A calendar shows to the places above, at and below its region. Of its tasks a department sees its
own, a place those of units in it.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_
from sqlmodel import and_, col, not_, select

from services.inspection.scope import concerns, sight_of
from services.inspection.task_calendar.domain import Phase
from services.inspection.task_calendar.tables import CalendarTask, TaskCalendar
from shared.database import ReadSession, Session
from shared.errors import NotFound
from shared.regions import ancestors, prefix_range
from shared.security import Actor
from shared.web.pagination import PageRequest


@dataclass(frozen=True, slots=True)
class TaskFilters:
    """What a list is narrowed to; None leaves a filter out. `overdue` is judged on `as_of`."""

    as_of: date
    overdue: bool | None = None
    phase: Phase | None = None


async def get_calendar(session: ReadSession, actor: Actor, calendar_id: UUID) -> TaskCalendar:
    """A calendar whose region contains the caller's or lies in it; raises `NotFound`."""
    calendar = await session.get(TaskCalendar, calendar_id)
    if calendar is None or not concerns(actor, calendar.region_code):
        raise NotFound
    return calendar


async def list_calendars(
    session: ReadSession, actor: Actor, year: int | None, page: PageRequest
) -> list[TaskCalendar]:
    """A page of the calendars that concern the caller, oldest first."""
    low, high = prefix_range(actor.region)
    region = col(TaskCalendar.region_code)
    order: list[Any] = [col(TaskCalendar.id)]
    statement = select(TaskCalendar).where(
        or_(and_(region >= low, region < high), region.in_(ancestors(actor.region)))
    )
    if year is not None:
        statement = statement.where(col(TaskCalendar.year) == year)
    return list(await session.scalars(page.after(statement, order, UUID)))


async def list_tasks(
    session: ReadSession, actor: Actor, calendar_id: UUID, filters: TaskFilters, page: PageRequest
) -> list[CalendarTask]:
    """A page of a calendar's tasks, the first due first."""
    due_on, done_on = col(CalendarTask.due_on), col(CalendarTask.done_on)
    statement = select(CalendarTask).where(
        col(CalendarTask.calendar_id) == calendar_id, *_in_sight(actor)
    )
    if filters.phase is not None:
        statement = statement.where(col(CalendarTask.phase) == filters.phase)
    if filters.overdue is not None:
        overdue = and_(due_on < filters.as_of, or_(done_on.is_(None), done_on > filters.as_of))
        statement = statement.where(overdue if filters.overdue else not_(overdue))
    order: list[Any] = [due_on, col(CalendarTask.id)]
    return list(await session.scalars(page.after(statement, order, date, UUID)))


async def get_task_for_update(
    session: Session, actor: Actor, calendar_id: UUID, task_id: UUID
) -> CalendarTask:
    """A task of a calendar, locked; raises `NotFound`."""
    task: CalendarTask | None = await session.scalar(
        select(CalendarTask)
        .where(
            col(CalendarTask.id) == task_id,
            col(CalendarTask.calendar_id) == calendar_id,
            *_in_sight(actor),
        )
        .with_for_update()
    )
    if task is None:
        raise NotFound
    return task


def _in_sight(actor: Actor) -> list[ColumnElement[bool]]:
    low, high = prefix_range(actor.region)
    place = col(CalendarTask.place)
    conditions = [place >= low, place < high]
    if sight_of(actor).department is not None:
        conditions.append(col(CalendarTask.org) == actor.organisation)
    return conditions
