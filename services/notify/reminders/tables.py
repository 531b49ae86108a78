"""The rows of reminders: one per deadline, kind and day, so that each is sent once."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import SmallInteger
from sqlmodel import Field

from services.notify.tables import CODE, INSTANT, NotifyTable


class Reminder(NotifyTable, table=True):
    """A reminder of a problem's deadline; `remind_at` is null for escalations, which wait for
    their event, as `level` is for all others."""

    __tablename__ = "reminders"

    problem_id: UUID = Field(primary_key=True)
    due_on: date = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    remind_on: date = Field(primary_key=True)
    level: int | None = Field(None, sa_type=SmallInteger)
    remind_at: datetime | None = Field(None, sa_type=INSTANT)
    org: str = Field(sa_type=CODE)
    state: str
