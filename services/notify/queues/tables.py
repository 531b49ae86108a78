"""The rows of queues: what happened once, and one message of it per organisation told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Identity, Index, SmallInteger, UniqueConstraint, text
from sqlmodel import Field

from services.notify.queues.domain.states import Action, State, next_state
from services.notify.tables import CODE, INSTANT, NotifyTable


class Happening(NotifyTable, table=True):
    """What messages tell of: an event with its data, kept once however many are told."""

    __tablename__ = "happenings"

    event_id: UUID = Field(primary_key=True)
    event_type: str
    at: datetime = Field(sa_type=INSTANT)
    data: dict[str, Any] = Field(sa_type=JSON)


# The purpose of a message of which only its end is known yet (a store being rebuilt).
UNKNOWN_PURPOSE = ""

_LEASED = text("state = 'LEASED'")
_FAILING = text("state = 'LEASED' AND final_delivery")


class Message(NotifyTable, table=True):
    """One message in the queue of `org`. `position` is its place: of one problem the lower ones are
    handed out first; those of no problem stand alone. `role` says whom in the organisation it is
    meant for (None: whoever handles its matters). `final_delivery` marks the last lease it gets
    before it is dead. `settled_at` is when it was last acknowledged, declared dead or replayed;
    `replayed_version` after which of its problem's events it was replayed: those do not recall it.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("event_id", "org"),
        # A pull reads these two from their start, however long the queue is.
        Index(
            "messages_queued",
            *("org", text("priority DESC"), "position"),
            postgresql_where=text("state = 'QUEUED'"),
        ),
        Index("messages_leased", "org", "leased_until", postgresql_where=_LEASED),
        Index("messages_failing", "leased_until", postgresql_where=_FAILING),
        Index("messages_dead", "message_id", postgresql_where=text("state = 'DEAD'")),
        Index("messages_of_problem", "problem_id", "org", "position"),
        Index("messages_of_org", "org", "position"),
    )

    message_id: UUID = Field(primary_key=True)
    event_id: UUID
    org: str = Field(sa_type=CODE)
    problem_id: UUID | None
    purpose: str
    information: bool
    role: str | None = None
    priority: int = Field(sa_type=SmallInteger)
    position: int = Field(sa_type=BigInteger, sa_column_args=(Identity(always=True),))
    state: str = State.QUEUED
    delivery_count: int = 0
    leased_until: datetime | None = Field(None, sa_type=INSTANT)
    lease_simulated: bool = False
    final_delivery: bool = False
    event_sequence: int = Field(0, sa_type=BigInteger)
    settled_at: datetime | None = Field(None, sa_type=INSTANT)
    replayed_version: int | None = Field(None, sa_type=BigInteger)

    def move(self, action: Action) -> None:
        """Take the move `action`; raises `IllegalMove`."""
        self.state = next_state(State(self.state), action)

    def replay(self, at: datetime, version: int | None) -> None:
        """Bring a dead message back to its place in the queue, as if it had never been handed out,
        after the `version`-th event of its problem; raises `IllegalMove`."""
        self.move(Action.REPLAY)
        self.settled_at, self.replayed_version = at, version
        self.delivery_count = 0
        self.leased_until = None
        self.lease_simulated = self.final_delivery = False


MESSAGES = NotifyTable.metadata.tables["messages"]
