"""The rows of subscriptions, their versions, and what each of them has recorded."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field

from services.notify.feeds.domain import Action, State, next_state
from services.notify.tables import CODE, INSTANT, NotifyTable
from shared.ids import new_id

_DUE = text("state = 'PENDING'")
_DEAD = text("state = 'DEAD'")
_LIVE = text("state <> 'DELETED'")


class Subscription(NotifyTable, table=True):
    """An organisation's subscription. `target` is a webhook's URL or the topic; `reason` says why
    it is suspended; `last_position` numbers what it has recorded: 1, 2, 3 … without a gap."""

    __tablename__ = "subscriptions"
    __table_args__ = (
        Index("subscriptions_of_org", "org", postgresql_where=_LIVE),
        # An event concerns those of a few regions, however many there are.
        Index("subscriptions_of_region", text("split_part(org, '@', 2)")),
    )

    subscription_id: UUID = Field(default_factory=new_id, primary_key=True)
    org: str = Field(sa_type=CODE)
    channel: str
    target: str | None = None
    filters: dict[str, Any] = Field(sa_type=JSON)
    state: str = State.ACTIVE
    reason: str | None = None
    created_at: datetime = Field(sa_type=INSTANT)
    changed_at: datetime = Field(sa_type=INSTANT)
    event_sequence: int = Field(default=0, sa_type=BigInteger)
    last_position: int = Field(default=0, sa_type=BigInteger)

    def move(self, action: Action, at: datetime, reason: str | None = None) -> None:
        """Take the move `action`; raises `IllegalMove`."""
        self.state = next_state(State(self.state), action)
        self.changed_at, self.reason = at, reason


class SubscriptionVersion(NotifyTable, table=True):
    """What a subscription was from an instant on: an event is matched by the version in force when
    it happened, so that a rebuilt store finds the same."""

    __tablename__ = "subscription_versions"

    subscription_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_type=BigInteger)
    valid_from: datetime = Field(sa_type=INSTANT)
    state: str
    filters: dict[str, Any] = Field(sa_type=JSON)


class Delivery(NotifyTable, table=True):
    """One event recorded for a webhook or a stream. RECORDED: a stream's; PENDING: to be delivered
    at `next_at`; DELIVERED; DEAD: given up."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("subscription_id", "event_id"),
        Index("deliveries_due", "subscription_id", "next_at", "position", postgresql_where=_DUE),
        Index("deliveries_dead", "subscription_id", "position", postgresql_where=_DEAD),
        Index("deliveries_of_problem", "subscription_id", "problem_id", "position"),
        Index("deliveries_recorded", "recorded_at"),
    )

    subscription_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=BigInteger)
    event_id: UUID
    problem_id: UUID | None = None
    state: str
    attempts: int = 0
    recorded_at: datetime = Field(sa_type=INSTANT)
    next_at: datetime | None = Field(None, sa_type=INSTANT)
    settled_at: datetime | None = Field(None, sa_type=INSTANT)


SUBSCRIPTIONS = NotifyTable.metadata.tables["subscriptions"]
