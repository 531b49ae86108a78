"""The rows of reminders: one per deadline, kind and day, so that each is sent once."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, SmallInteger, text
from sqlmodel import Field

from services.notify.tables import CODE, INSTANT, NotifyTable


class Reminder(NotifyTable, table=True):
    """A reminder of a problem's deadline; `remind_at` is null for escalations, which wait for
    their event, as `level` is for all others. `sent_version` says after which of the problem's
    events it was sent. PLANNED with `sent_at`: it was sent so before the store was rebuilt, and is
    told again once that event has come."""

    __tablename__ = "reminders"
    __table_args__ = (
        Index(
            "reminders_restored",
            "problem_id",
            postgresql_where=text("state = 'PLANNED' AND sent_at IS NOT NULL"),
        ),
    )

    problem_id: UUID = Field(primary_key=True)
    due_on: date = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    remind_on: date = Field(primary_key=True)
    level: int | None = Field(None, sa_type=SmallInteger)
    remind_at: datetime | None = Field(None, sa_type=INSTANT)
    org: str = Field(sa_type=CODE)
    state: str
    sent_at: datetime | None = Field(None, sa_type=INSTANT)
    sent_version: int | None = Field(None, sa_type=BigInteger)
