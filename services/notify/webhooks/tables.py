"""The rows of webhooks: their secrets, how their endpoints are doing, and every attempt."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Identity, Index, SmallInteger, text
from sqlmodel import Field

from services.notify.tables import INSTANT, NotifyTable
from shared.ids import new_id


class WebhookSecret(NotifyTable, table=True):
    """A secret that signs the deliveries of a subscription, sealed; one that was replaced signs
    until `expires_at` as well."""

    __tablename__ = "webhook_secrets"
    __table_args__ = (Index("webhook_secrets_of_subscription", "subscription_id"),)

    secret_id: UUID = Field(default_factory=new_id, primary_key=True)
    subscription_id: UUID
    sealed: str
    created_at: datetime = Field(sa_type=INSTANT)
    expires_at: datetime | None = Field(None, sa_type=INSTANT)


class WebhookLane(NotifyTable, table=True):
    """The health of a subscription's endpoint, which process sends to it until when, and when it
    was last tested; without a row it is healthy, and nobody sends or tests."""

    __tablename__ = "webhook_lanes"

    subscription_id: UUID = Field(primary_key=True)
    holder: UUID | None = None
    leased_until: datetime | None = Field(None, sa_type=INSTANT)
    failures: int = 0
    failing_since: datetime | None = Field(None, sa_type=INSTANT)
    probes: int = 0
    not_before: datetime | None = Field(None, sa_type=INSTANT)
    tested_at: list[datetime] = Field(
        sa_type=ARRAY(INSTANT), sa_column_kwargs={"server_default": text("'{}'")}
    )


class WebhookAttempt(NotifyTable, table=True):
    """One attempt of a delivery: the status that came back, or the error that kept it from coming.
    A replayed delivery counts its attempts from 1 again."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (
        Index("webhook_attempts_of_delivery", "subscription_id", "position", "attempt_id"),
        Index("webhook_attempts_age", "at"),
    )

    attempt_id: int | None = Field(
        None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    subscription_id: UUID
    position: int = Field(sa_type=BigInteger)
    attempt: int
    at: datetime = Field(sa_type=INSTANT)
    status: int | None = Field(None, sa_type=SmallInteger)
    error: str | None = None
    duration_ms: int
    excerpt: str | None = None
