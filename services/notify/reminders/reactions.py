"""What the events of problems lead to: the mirror, messages, reminders, what was subscribed."""

from collections.abc import Sequence

from services.notify.feeds.domain import fact_of
from services.notify.feeds.recording import record_facts
from services.notify.mirror.commands import follow_problems
from services.notify.queues.commands.telling import announce
from services.notify.reminders.commands import (
    escalate,
    repeat_reminders,
    replan_reminders,
    restore_reminders,
    settle_reminders,
)
from shared.database import Session
from shared.events.base import Received
from shared.events.inspection import ProblemEvent
from shared.events.notify import ReminderSent


async def on_problem_event(session: Session, received: Sequence[Received[ProblemEvent]]) -> None:
    """Tell whom it concerns, and keep the reminders in step with the deadline.

    Nothing here depends on when it runs, only on the events and their times.
    """
    changes = await follow_problems(session, received)
    await settle_reminders(session, changes)
    await announce(session, changes)
    await replan_reminders(session, changes)
    await escalate(session, changes)
    facts = [fact_of(change) for change in changes]
    await record_facts(session, facts, [one.envelope for one in received])
    # Not of these events: what was sent between them and the next ones.
    await repeat_reminders(session, changes)


async def on_reminder_sent(session: Session, received: Sequence[Received[ReminderSent]]) -> None:
    """Know, in a store being rebuilt, which reminders had been sent; otherwise nothing changes."""
    await restore_reminders(session, [one.event for one in received])
