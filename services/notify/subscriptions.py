"""What notify listens to."""

from collections.abc import Mapping

from services.notify.alerts.reactions import ALERTING_EVENTS, on_alerting_event
from services.notify.broadcasts.reactions import (
    on_broadcast_issued,
    on_broadcast_unread,
    on_broadcast_withdrawn,
)
from services.notify.digests.reactions import on_digest_issued
from services.notify.feedback.reactions import on_feedback_failed
from services.notify.feeds.reactions import on_case_opened, on_subscription_event
from services.notify.mirror.reactions import on_region_stored
from services.notify.queues.reactions import on_message_settled
from services.notify.reminders.reactions import on_problem_event, on_reminder_sent
from services.notify.webhooks.reactions import on_subscription_suspended
from shared.events.base import Event, event_types
from shared.events.households import RegionStored
from shared.events.inspection import AccountabilityOpened, ProblemEvent
from shared.events.notify import (
    BroadcastIssued,
    BroadcastUnread,
    BroadcastWithdrawn,
    DigestIssued,
    NotificationAcked,
    NotificationDead,
    NotificationReplayed,
    PetitionFeedbackFailed,
    ReminderSent,
    SubscriptionChanged,
    SubscriptionCreated,
    SubscriptionDeleted,
    SubscriptionSuspended,
)
from shared.messaging.consumer import Reaction

SUBSCRIPTIONS: Mapping[type[Event], Reaction] = {
    PetitionFeedbackFailed: on_feedback_failed,
    RegionStored: on_region_stored,
    AccountabilityOpened: on_case_opened,
    NotificationAcked: on_message_settled,
    NotificationDead: on_message_settled,
    NotificationReplayed: on_message_settled,
    ReminderSent: on_reminder_sent,
    DigestIssued: on_digest_issued,
    SubscriptionCreated: on_subscription_event,
    SubscriptionChanged: on_subscription_event,
    SubscriptionSuspended: on_subscription_suspended,
    SubscriptionDeleted: on_subscription_event,
    **dict.fromkeys(ALERTING_EVENTS, on_alerting_event),
    BroadcastIssued: on_broadcast_issued,
    BroadcastWithdrawn: on_broadcast_withdrawn,
    BroadcastUnread: on_broadcast_unread,
    # All of them: the mirror needs each change of state, also of kinds of event yet to come.
    **{
        event_class: on_problem_event
        for event_class in event_types().values()
        if issubclass(event_class, ProblemEvent)
    },
}
