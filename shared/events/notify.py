"""Events published by notify: what became of a message."""

from typing import ClassVar
from uuid import UUID

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


class ReminderSent(Event):
    """A reminder of a deadline was put into a queue (N-03, N-04)."""

    wire_type: ClassVar[str] = "notify.reminder.sent.v1"
    subject_field: ClassVar[str] = "reminder_id"

    reminder_id: UUID
    problem_id: UUID
    organisation: str
    kind: str
