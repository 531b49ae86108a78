"""A failure told of once is in the handler's queue, in a rebuilt store too."""

from collections.abc import Sequence

from services.notify.feedback.commands import tell_failures
from shared.database import Session
from shared.events.base import Received
from shared.events.notify import PetitionFeedbackFailed


async def on_feedback_failed(
    session: Session, received: Sequence[Received[PetitionFeedbackFailed]]
) -> None:
    """Tell the handlers, who in normal life have been told."""
    await tell_failures(
        session, [(one.envelope.id, one.envelope.time, one.event) for one in received]
    )
