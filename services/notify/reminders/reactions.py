"""What the events of problems lead to: the mirror, messages, reminders, in this order."""

from collections.abc import Sequence

from services.notify.mirror.commands import follow_problems
from services.notify.queues.commands import announce
from services.notify.reminders.commands import escalate, replan_reminders, settle_reminders
from shared.database import Session
from shared.events.base import Received
from shared.events.inspection import ProblemEvent


async def on_problem_event(session: Session, received: Sequence[Received[ProblemEvent]]) -> None:
    """Tell whom it concerns, and keep the reminders in step with the deadline.

    Nothing here depends on when it runs, only on the events and their times.
    """
    changes = await follow_problems(session, received)
    await settle_reminders(session, changes)
    await announce(session, changes)
    await replan_reminders(session, changes)
    await escalate(session, changes)
