"""Taking up from notify's own events what became of messages: nothing new in normal life, the state
of every queue where the store is rebuilt."""

from collections.abc import Mapping, Sequence

from services.notify.queues.domain.states import State
from services.notify.queues.tables import UNKNOWN_PURPOSE
from shared.database import Session
from shared.events.base import Received
from shared.events.notify import (
    NotificationAcked,
    NotificationDead,
    NotificationEvent,
    NotificationReplayed,
)

_STATES: Mapping[type[NotificationEvent], State] = {
    NotificationAcked: State.ACKED,
    NotificationDead: State.DEAD,
    NotificationReplayed: State.QUEUED,
}

# Of several events of one message the last counts. A message whose event has not come yet is kept
# as its end alone, and completed by its event (`telling`).
_SETTLE = f"""
INSERT INTO messages AS m (message_id, event_id, org, problem_id, purpose, information, priority,
                           state, event_sequence, settled_at, replayed_version, delivery_count)
SELECT DISTINCT ON (message_id) message_id, event_id, org, problem_id, '{UNKNOWN_PURPOSE}', false,
       0, state, sequence, at, version, (state <> 'QUEUED')::int
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::bigint[],
              $7::timestamptz[], $8::bigint[])
       AS e(message_id, event_id, org, problem_id, state, sequence, at, version)
 ORDER BY message_id, sequence DESC
ON CONFLICT (message_id) DO UPDATE
   SET state = EXCLUDED.state, event_sequence = EXCLUDED.event_sequence,
       settled_at = EXCLUDED.settled_at, replayed_version = EXCLUDED.replayed_version,
       delivery_count = EXCLUDED.delivery_count, leased_until = NULL, final_delivery = false
 WHERE m.event_sequence < EXCLUDED.event_sequence
"""


async def settle(session: Session, received: Sequence[Received[NotificationEvent]]) -> None:
    """Bring messages to the state their own events left them in, unless they are there already."""
    rows = [
        (
            one.event.message_id,
            one.event.event_id,
            one.event.organisation,
            one.event.problem_id,
            _STATES[type(one.event)],
            one.envelope.sequence,
            one.envelope.time,
            one.event.version if isinstance(one.event, NotificationReplayed) else None,
        )
        for one in received
    ]
    await (await session.driver()).execute(_SETTLE, *zip(*rows, strict=True))
