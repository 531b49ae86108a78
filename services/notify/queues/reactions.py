"""What cases of accountability lead to, and what became of messages."""

from collections.abc import Sequence

from services.notify.queues.commands.restoring import settle
from services.notify.queues.commands.telling import Happened, enqueue
from services.notify.queues.domain.notices import notices_of_case
from shared.database import Session
from shared.events.base import Received
from shared.events.inspection import AccountabilityOpened
from shared.events.notify import NotificationEvent


async def on_accountability_opened(
    session: Session, received: Sequence[Received[AccountabilityOpened]]
) -> None:
    """Tell who watches over accountability of each case, once however often its event comes."""
    happened, notices = [], []
    for one in received:
        event, envelope = one.event, one.envelope
        happened.append(Happened(envelope.id, envelope.type, envelope.time, envelope.data.decode()))
        notices += notices_of_case(envelope.id, event.kind, event.village_code)
    await enqueue(session, happened, notices)


async def on_message_settled(
    session: Session, received: Sequence[Received[NotificationEvent]]
) -> None:
    """Take up what was acknowledged, died or was replayed before this store was made (N-11)."""
    await settle(session, received)
