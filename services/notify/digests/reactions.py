"""What notify's own digests lead to when they are heard again: the same, once."""

from collections.abc import Sequence

from services.notify.digests.commands import keep_digests
from shared.database import Session
from shared.events.base import Received
from shared.events.notify import DigestIssued


async def on_digest_issued(session: Session, received: Sequence[Received[DigestIssued]]) -> None:
    """Keep what was issued; in everyday life it stands already."""
    await keep_digests(session, [(one.event, one.envelope.time) for one in received])
