"""What events lead to here: cases of accountability are told, subscriptions restored."""

from collections.abc import Sequence

from services.notify.feeds import commands
from services.notify.feeds.domain import Fact
from services.notify.feeds.recording import record_facts
from services.notify.queues.domain.notices import notices_of_case
from services.notify.queues.reactions import on_accountability_opened
from shared.database import Session
from shared.events.base import Received
from shared.events.inspection import AccountabilityOpened
from shared.events.notify import SubscriptionEvent


async def on_case_opened(
    session: Session, received: Sequence[Received[AccountabilityOpened]]
) -> None:
    """Tell who watches over accountability of each case, then who subscribed to such."""
    await on_accountability_opened(session, received)
    envelopes = [one.envelope for one in received]
    await record_facts(session, [_fact_of_case(one) for one in received], envelopes)


async def on_subscription_event(
    session: Session, received: Sequence[Received[SubscriptionEvent]]
) -> None:
    """Know subscriptions again after the store was lost; in normal life it knows them already."""
    await commands.restore(session, received)


def _fact_of_case(received: Received[AccountabilityOpened]) -> Fact:
    event, envelope = received.event, received.envelope
    told = notices_of_case(envelope.id, event.kind, event.village_code)
    return Fact(
        event_id=envelope.id,
        event_type=envelope.type,
        at=envelope.time,
        problem_id=None,
        kind=event.kind,
        tier=None,
        severity=None,
        state=None,
        village_code=event.village_code,
        leads=frozenset(notice.organisation for notice in told),
    )
