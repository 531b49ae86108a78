"""What webhooks do when events come in."""

from collections.abc import Sequence

from services.notify.feeds.commands import restore
from services.notify.feeds.domain import Channel
from services.notify.webhooks.commands import Suspension, tell_suspended
from shared.database import Session
from shared.events.base import Received
from shared.events.notify import SubscriptionSuspended


async def on_subscription_suspended(
    session: Session, received: Sequence[Received[SubscriptionSuspended]]
) -> None:
    """What was suspended is suspended, and its people have been told (a store being rebuilt)."""
    await restore(session, received)
    await tell_suspended(
        session,
        [
            Suspension(
                event.subscription_id,
                event.organisation,
                event.reason,
                event.valid_from,
                event.version,
            )
            for event in (one.event for one in received)
            if event.channel == Channel.WEBHOOK
        ],
    )
