"""What notify's own events of broadcasts lead to when they are heard again: the same, once."""

from collections.abc import Sequence

from services.notify.broadcasts.commands import (
    follow_sequence,
    keep_issued,
    keep_unread,
    keep_withdrawn,
    settle_unread,
)
from shared.database import Session
from shared.events.base import Received
from shared.events.notify import BroadcastIssued, BroadcastUnread, BroadcastWithdrawn


async def on_broadcast_issued(
    session: Session, received: Sequence[Received[BroadcastIssued]]
) -> None:
    """Keep what was issued; in everyday life it stands already."""
    for one in received:
        envelope = one.envelope
        await keep_issued(session, one.event, simulated=envelope.simulated)
        await follow_sequence(session, one.event.broadcast_id, envelope.sequence)


async def on_broadcast_withdrawn(
    session: Session, received: Sequence[Received[BroadcastWithdrawn]]
) -> None:
    """Recall what was withdrawn; in everyday life it is recalled already."""
    for one in received:
        await keep_withdrawn(session, one.event)
        await follow_sequence(session, one.event.broadcast_id, one.envelope.sequence)


async def on_broadcast_unread(
    session: Session, received: Sequence[Received[BroadcastUnread]]
) -> None:
    """Tell the issuer who has not read; in everyday life he has been told."""
    for one in received:
        await keep_unread(session, one.event)
        await settle_unread(session, one.event.broadcast_id)
        await follow_sequence(session, one.event.broadcast_id, one.envelope.sequence)
