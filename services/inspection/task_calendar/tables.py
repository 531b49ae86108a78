"""The rows of task calendars; a task's `state` changes through one gate."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from services.inspection.tables import INSTANT, REGION_CODE, InspectionTable
from services.inspection.task_calendar.domain import TaskAction, TaskState, next_state


class TaskCalendar(InspectionTable, table=True):
    """The calendar of a region's year."""

    __tablename__ = "task_calendars"
    __table_args__ = (Index("ix_task_calendars_region_code", "region_code", "year"),)

    id: UUID = Field(primary_key=True)
    region_code: str = Field(sa_type=REGION_CODE)
    year: int
    name: str
    created_by: str
    created_at: datetime = Field(sa_type=INSTANT)


class CalendarTask(InspectionTable, table=True):
    """A task with its term as entered, the term's last day, and the person who answers for it.
    `place` is the unit's region, without a unit the calendar's."""

    __tablename__ = "calendar_tasks"
    __table_args__ = (Index("ix_calendar_tasks_calendar_id", "calendar_id", "due_on", "id"),)

    id: UUID = Field(primary_key=True)
    calendar_id: UUID
    title: str
    phase: str
    due: str
    due_on: date
    person: str
    org: str | None
    place: str = Field(sa_type=REGION_CODE)
    state: str = TaskState.OPEN
    done_on: date | None = None

    def complete(self, done_on: date) -> None:
        """The task was done on a day; raises `IllegalMove`."""
        self.state = next_state(TaskState(self.state), TaskAction.COMPLETE)
        self.done_on = done_on
