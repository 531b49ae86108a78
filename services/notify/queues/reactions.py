"""What cases of accountability lead to: messages of their own."""

from collections.abc import Sequence

from services.notify.queues.commands import Happened, enqueue
from services.notify.queues.domain.notices import notices_of_case
from shared.database import Session
from shared.events.base import Received
from shared.events.inspection import AccountabilityOpened


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
