"""Events published by notify: what became of a message."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.events.base import Event


class NotificationEvent(Event):
    """What every event of a message says."""

    subject_field: ClassVar[str] = "message_id"

    message_id: UUID
    organisation: str
    event_id: UUID
    event_type: str
    problem_id: UUID | None


class NotificationAcked(NotificationEvent):
    """The organisation took the message out of its queue."""

    wire_type: ClassVar[str] = "notify.notification.acked.v1"


class NotificationDead(NotificationEvent):
    """The message was handed out too often without an acknowledgement (N-11)."""

    wire_type: ClassVar[str] = "notify.notification.dead.v1"


class NotificationReplayed(NotificationEvent):
    """An operator put the dead message back into its queue, after the `version`-th event of its
    problem, should it have one."""

    wire_type: ClassVar[str] = "notify.notification.replayed.v1"

    version: int | None = None


class AbsorbedReminder(BaseModel):
    """A reminder that had fallen due as well and was not sent on its own."""

    model_config = ConfigDict(frozen=True)

    kind: str
    remind_on: date
    remind_at: datetime


class ReminderSent(Event):
    """A reminder of a deadline was put into a queue (N-03, N-04): at the instant `at`, after the
    `version`-th event of its problem. `remind_at` is when it was to be sent."""

    wire_type: ClassVar[str] = "notify.reminder.sent.v1"
    subject_field: ClassVar[str] = "reminder_id"

    reminder_id: UUID
    problem_id: UUID
    organisation: str
    kind: str
    due_on: date | None = None
    remind_on: date | None = None
    remind_at: datetime | None = None
    level: int | None = None
    at: datetime | None = None
    version: int | None = None
    absorbed: list[AbsorbedReminder] = Field(default_factory=list)


class DigestFigures(BaseModel):
    """How many problems an organisation's digest counts: open; of these due within seven days,
    overdue, and waiting for verification; new and closed in the week."""

    model_config = ConfigDict(frozen=True)

    open: int = 0
    due_soon: int = 0
    overdue: int = 0
    waiting: int = 0
    new: int = 0
    closed: int = 0


class DigestIssued(Event):
    """An organisation was given the figures of a period (N-06): `kind` WEEKLY, `period` 2086-W10,
    the week in which it is due; for who watches others also by department."""

    wire_type: ClassVar[str] = "notify.digest.issued.v1"
    subject_field: ClassVar[str] = "digest_id"
    region_field: ClassVar[str | None] = "region_code"

    digest_id: UUID
    organisation: str
    region_code: str
    kind: str
    period: str
    figures: DigestFigures
    departments: dict[str, DigestFigures] = Field(default_factory=dict)
    title: str
    text: str


class BroadcastEvent(Event):
    """What every event of a broadcast says; `at` is when it was issued, withdrawn, found unread."""

    subject_field: ClassVar[str] = "broadcast_id"
    region_field: ClassVar[str | None] = "region_code"

    broadcast_id: UUID
    region_code: str
    title: str
    read_by: date
    issued_by: str
    at: datetime


class BroadcastIssued(BroadcastEvent):
    """A letter went out to all who hold one of `roles` in a region (N-09); `organisations` are
    those they belong to."""

    wire_type: ClassVar[str] = "notify.broadcast.issued.v1"

    roles: list[str]
    text: str
    priority: int
    organisations: list[str]


class BroadcastWithdrawn(BroadcastEvent):
    """The office that issued the broadcast took it back."""

    wire_type: ClassVar[str] = "notify.broadcast.withdrawn.v1"


class BroadcastUnread(BroadcastEvent):
    """The day by which it was to be read is over, and some have not (N-09)."""

    wire_type: ClassVar[str] = "notify.broadcast.unread.v1"

    recipients: int
    unread: int


class PetitionFeedbackEvent(Event):
    """What every event of an answer to a petitioner says; nothing of him but the petition."""

    subject_field: ClassVar[str] = "feedback_id"

    feedback_id: UUID
    petition_no: str
    organisation: str


class PetitionFeedbackDelivered(PetitionFeedbackEvent):
    """The petitioner has been written to (N-10)."""

    wire_type: ClassVar[str] = "notify.feedback.delivered.v1"


class PetitionFeedbackFailed(PetitionFeedbackEvent):
    """The petitioner could not be written to (N-10); `reason` as of a sending."""

    wire_type: ClassVar[str] = "notify.feedback.failed.v1"

    reason: str


class SubscriptionFilters(BaseModel):
    """Which events a subscription is about; what is empty lets everything through."""

    model_config = ConfigDict(frozen=True)

    kinds: list[str]
    region_prefix: str | None
    tiers: list[str]
    severities: list[str]
    states: list[str]
    event_types: list[str]


class SubscriptionEvent(Event):
    """What every event of a subscription says: what it is from `valid_from` on, as its
    `version`-th version (N-02). Where a webhook delivers to is nobody else's matter."""

    subject_field: ClassVar[str] = "subscription_id"
    # Compacted: a subscription outlives the days that histories are kept for.
    latest_wins: ClassVar[bool] = True

    subscription_id: UUID
    organisation: str
    channel: str
    filters: SubscriptionFilters
    state: str
    reason: str | None
    valid_from: datetime
    version: int


class SubscriptionCreated(SubscriptionEvent):
    """An organisation subscribed."""

    wire_type: ClassVar[str] = "notify.subscription.created.v1"


class SubscriptionChanged(SubscriptionEvent):
    """Its filters, its target or its state were changed, or it was reinstated."""

    wire_type: ClassVar[str] = "notify.subscription.changed.v1"


class SubscriptionSuspended(SubscriptionEvent):
    """Its deliveries failed for too long, or were refused for good (N-15)."""

    wire_type: ClassVar[str] = "notify.subscription.suspended.v1"


class SubscriptionDeleted(SubscriptionEvent):
    """It takes no more events."""

    wire_type: ClassVar[str] = "notify.subscription.deleted.v1"
