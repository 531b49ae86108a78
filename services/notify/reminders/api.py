"""HTTP for reminders."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.notify.reminders import queries
from services.notify.reminders.domain import Kind, State, role_of
from services.notify.reminders.tables import Reminder
from services.notify.roles import WORKERS
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, allows

router = APIRouter(prefix="/reminders", tags=["reminders"])

Reader = Annotated[
    Actor,
    allows(*WORKERS, Role.INSPECTOR, Role.OPS),
]


class ReminderView(BaseModel):
    """A reminder of a deadline; an OVERDUE one is sent when inspection says that it has passed."""

    on: date = Field(description="提醒日：整改期限前7、3、1天和当天 ⚙")
    at: datetime | None = Field(
        description="发出时间：提醒日为休息日的，提前到上一工作日；逾期通报为空，以逾期事件为准"
    )
    kind: Kind
    to: str = Field(description="the organisation reminded", examples=["HOUS@511132"])
    role: str = Field(
        description="whom in it; several roles parted by commas", examples=["dept_head"]
    )
    level: int | None = Field(description="the escalation, null before the deadline has passed")
    due_on: date
    state: State

    @classmethod
    def of(cls, reminder: Reminder) -> Self:
        """The view of a row."""
        return cls(
            **reminder.model_dump(include={"kind", "level", "due_on", "state"}),
            on=reminder.remind_on,
            at=reminder.remind_at,
            to=reminder.org,
            role=role_of(reminder.level, reminder.org),
        )


class Reminders(BaseModel):
    """The reminders of one problem by their day, cancelled ones included."""

    items: list[ReminderView]


@router.get("")
async def list_reminders(
    session: QuerySession,
    actor: Reader,
    problem_id: Annotated[UUID, Query(description="the problem")],
) -> Reminders:
    """The reminders of a problem; none for a problem outside the caller's scope."""
    reminders = await queries.list_reminders(session, actor, problem_id)
    return Reminders(items=[ReminderView.of(reminder) for reminder in reminders])
