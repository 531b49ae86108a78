"""What the slices of notify contribute: calls, timers, jobs, chores, loops, configured values."""

from typing import Any

from services.notify.alerts import api as alerts
from services.notify.alerts.queries import INCOME_DROP_PCT, PROGRESS_GAP_POINTS, RANKING_ROLES
from services.notify.broadcasts import api as broadcasts
from services.notify.broadcasts.commands import UNREAD_TIMER, tell_unread
from services.notify.contacts import api as contacts
from services.notify.digests import api as digests
from services.notify.digests import issuing
from services.notify.digests.commands import run_digests
from services.notify.feedback import api as feedback
from services.notify.feedback import watching
from services.notify.feedback.commands import ADDRESS_DAYS, settle_feedback
from services.notify.feeds import api as feeds
from services.notify.feeds import retention as feeds_retention
from services.notify.feeds.commands import SUBSCRIPTION_LIMIT
from services.notify.inbox import api as inbox
from services.notify.inbox.queries import INBOX_REACH
from services.notify.queues import api as queues
from services.notify.queues import waiting
from services.notify.queues.commands.handing import DELIVERY_LIMIT, LEASE_SECONDS
from services.notify.reminders import api as reminders
from services.notify.reminders.commands import REMINDER_TIMER, send_reminders
from services.notify.reminders.queries import ESCALATION_DAYS, REMINDER_DAYS, REMINDER_HOUR
from services.notify.sendings import api as sendings
from services.notify.sendings import sender
from services.notify.sendings.commands import (
    DINGTALK_PER_MINUTE,
    FEISHU_PER_MINUTE,
    SENDING_HOURS,
    SENDING_KEPT_DAYS,
    SENDING_RETRY_MINUTES,
    SENDING_STALE_DAYS,
    WECOM_PER_MINUTE,
)
from services.notify.streams import api as streams
from services.notify.streams.tails import watch_streams
from services.notify.templates import api as templates
from services.notify.webhooks import api as webhooks
from services.notify.webhooks import retention as webhooks_retention
from services.notify.webhooks.queries import SETTINGS as WEBHOOK_SETTINGS
from services.notify.webhooks.sending import send_webhooks, send_webhooks_due
from shared.configuration import Setting

ROUTERS = (
    queues.router,
    reminders.router,
    contacts.router,
    sendings.router,
    feedback.router,
    feeds.router,
    inbox.router,
    broadcasts.router,
    streams.router,
    alerts.router,
    digests.router,
    templates.router,
    webhooks.router,
)

SETTINGS: tuple[Setting[Any], ...] = (
    LEASE_SECONDS,
    DELIVERY_LIMIT,
    REMINDER_DAYS,
    REMINDER_HOUR,
    ESCALATION_DAYS,
    *digests.SETTINGS,
    *templates.SETTINGS,
    SENDING_HOURS,
    SENDING_RETRY_MINUTES,
    SENDING_STALE_DAYS,
    SENDING_KEPT_DAYS,
    WECOM_PER_MINUTE,
    DINGTALK_PER_MINUTE,
    FEISHU_PER_MINUTE,
    ADDRESS_DAYS,
    SUBSCRIPTION_LIMIT,
    INBOX_REACH,
    streams.STREAM_SECONDS,
    streams.STREAM_HEARTBEAT_SECONDS,
    INCOME_DROP_PCT,
    PROGRESS_GAP_POINTS,
    RANKING_ROLES,
    *WEBHOOK_SETTINGS,
)

TIMERS = (REMINDER_TIMER, UNREAD_TIMER)

JOBS = {
    "reminders": send_reminders,
    "digests": run_digests,
    "sendings": sender.send_due,
    "feedback": settle_feedback,
    "broadcasts": tell_unread,
    "webhooks": send_webhooks_due,
}

LOOPS = (
    waiting.watch_queues,
    sender.send_to_people,
    watch_streams,
    send_webhooks,
)

CHORES = (
    *waiting.CHORES,
    *issuing.CHORES,
    *sender.CHORES,
    *watching.CHORES,
    *feeds_retention.CHORES,
    *webhooks_retention.CHORES,
)
