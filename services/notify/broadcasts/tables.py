"""The rows of broadcasts: what was sent, and to whom it was addressed when it was sent."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Index, SmallInteger, Text
from sqlmodel import Field

from services.notify.broadcasts.domain import Action, State, next_state
from services.notify.tables import CODE, INSTANT, NotifyTable


class Broadcast(NotifyTable, table=True):
    """A letter of `issued_by` to all who hold one of `roles` in a region. Its id is also that of
    the event it was issued with, and so that of its messages in the queues of `organisations`."""

    __tablename__ = "broadcasts"
    __table_args__ = (Index("broadcasts_of_issuer", "issued_by", "broadcast_id"),)

    broadcast_id: UUID = Field(primary_key=True)
    region_code: str = Field(sa_type=CODE)
    roles: list[str] = Field(sa_type=ARRAY(Text))
    title: str
    text: str
    read_by: date
    priority: int = Field(sa_type=SmallInteger)
    issued_by: str = Field(sa_type=CODE)
    organisations: list[str] = Field(sa_type=ARRAY(Text))
    issued_at: datetime = Field(sa_type=INSTANT)
    state: str = State.ISSUED
    withdrawn_at: datetime | None = Field(None, sa_type=INSTANT)
    unread_told_at: datetime | None = Field(None, sa_type=INSTANT)
    event_sequence: int = Field(0, sa_type=BigInteger)

    def withdraw(self, at: datetime) -> None:
        """Take it back; raises `IllegalMove`."""
        self.state = next_state(State(self.state), Action.WITHDRAW)
        self.withdrawn_at = at


class Recipient(NotifyTable, table=True):
    """A person it is addressed to, as the contact book had it; `read_at` is the receipt."""

    __tablename__ = "broadcast_recipients"
    __table_args__ = (Index("broadcast_recipients_of_person", "person", "org", "broadcast_id"),)

    broadcast_id: UUID = Field(primary_key=True)
    org: str = Field(primary_key=True, sa_type=CODE)
    person: str = Field(primary_key=True)
    label: str
    read_at: datetime | None = Field(None, sa_type=INSTANT)
