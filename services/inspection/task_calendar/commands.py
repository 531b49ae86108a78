"""Drawing up a task calendar, adding to it, completing a task."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.inspection.task_calendar.domain import (
    PlannedTask,
    check_done,
    check_task,
)
from services.inspection.task_calendar.queries import get_calendar, get_task_for_update
from services.inspection.task_calendar.tables import CalendarTask, TaskCalendar
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.ids import new_id
from shared.regions import region_of
from shared.security import Actor


@dataclass(frozen=True, slots=True)
class DrawnCalendar:
    """A calendar with its tasks."""

    calendar: TaskCalendar
    tasks: list[CalendarTask]


async def create_calendar(
    session: Session,
    actor: Actor,
    *,
    region_code: str,
    year: int,
    name: str,
    tasks: Sequence[PlannedTask],
) -> DrawnCalendar:
    """Draw up a calendar. Raises `NotFound` outside the actor's region, and for a task
    `PersonRequired`, `DueOutsideYear`, `UnitOutsideRegion`."""
    actor.must_cover(region_code)
    calendar = TaskCalendar(
        id=new_id(),
        region_code=region_code,
        year=year,
        name=name,
        created_by=actor.person,
        created_at=clock.now(),
    )
    session.add(calendar)
    drawn = [_add(session, calendar, task) for task in tasks]
    await record_audit(
        session, actor, "CREATE", "task_calendar", calendar.id, change={"tasks": len(drawn)}
    )
    return DrawnCalendar(calendar, drawn)


async def add_task(
    session: Session, actor: Actor, calendar_id: UUID, task: PlannedTask
) -> CalendarTask:
    """Add a task to a calendar of the actor's region; raises as `create_calendar`."""
    calendar = await get_calendar(session, actor, calendar_id)
    actor.must_cover(calendar.region_code)
    added = _add(session, calendar, task)
    await record_audit(session, actor, "ADD", "calendar_task", added.id)
    return added


async def complete_task(
    session: Session, actor: Actor, calendar_id: UUID, task_id: UUID, done_on: date
) -> CalendarTask:
    """A task was done. Raises `NotFound` out of the actor's sight, `DoneInFuture`,
    `IllegalMove`."""
    task = await get_task_for_update(session, actor, calendar_id, task_id)
    check_done(done_on, clock.today())
    task.complete(done_on)
    await record_audit(
        session, actor, "COMPLETE", "calendar_task", task_id, change={"done_on": done_on}
    )
    return task


def _add(session: Session, calendar: TaskCalendar, task: PlannedTask) -> CalendarTask:
    person = check_task(task, calendar.region_code, calendar.year)
    row = CalendarTask(
        id=new_id(),
        calendar_id=calendar.id,
        title=task.title,
        phase=task.phase,
        due=task.due.term,
        due_on=task.due.last_day,
        person=person,
        org=task.org,
        place=region_of(task.org) if task.org else calendar.region_code,
    )
    session.add(row)
    return row
