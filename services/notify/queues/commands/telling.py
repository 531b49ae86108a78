"""Putting messages into queues, and recalling them; CHANNEL tells who waits that a queue grew."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.notify.contacts.queries import plan_sendings_sql
from services.notify.mirror.domain import Change
from services.notify.queues.domain.notices import (
    Notice,
    Recall,
    farewell_of,
    notices_of,
    recalls_of,
)
from services.notify.queues.tables import UNKNOWN_PURPOSE
from shared import clock
from shared.database import Session

# Who listens on it gets the organisation whose queue has grown, once that is committed.
CHANNEL = "queues"

# A message without purpose was restored from what became of it, before its event came: it is
# completed and takes its place now. Every contact who minds is to be told by his own channel.
_ENQUEUE = f"""
WITH happened AS (
  INSERT INTO happenings (event_id, event_type, at, data)
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::json[])
  ON CONFLICT DO NOTHING),
queued AS (
  INSERT INTO messages AS m
         (message_id, event_id, org, problem_id, purpose, information, priority, role)
  SELECT * FROM unnest($5::uuid[], $6::uuid[], $7::text[], $8::uuid[], $9::text[], $10::bool[],
                       $11::smallint[], $12::text[])
  ON CONFLICT (message_id) DO UPDATE
     SET problem_id = EXCLUDED.problem_id, purpose = EXCLUDED.purpose, role = EXCLUDED.role,
         information = EXCLUDED.information, priority = EXCLUDED.priority, position = DEFAULT
   WHERE m.purpose = '{UNKNOWN_PURPOSE}'
  RETURNING m.message_id, m.org, m.information, m.priority, m.role, m.settled_at),
{plan_sendings_sql("queued", 13)}
SELECT count(pg_notify('{CHANNEL}', org)) FROM (SELECT DISTINCT org FROM queued) AS grown
"""

# A message replayed after the event is meant to be handed out.
_RECALL = """
UPDATE messages m SET state = 'CANCELLED'
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[])
       AS r(problem_id, org, purposes, version)
 WHERE m.problem_id = r.problem_id AND m.state IN ('QUEUED', 'LEASED')
   AND (m.replayed_version IS NULL OR m.replayed_version < r.version)
   AND (r.org IS NULL OR m.org = r.org)
   AND (r.purposes = '' AND m.purpose <> 'SUBSCRIBED'
        OR m.purpose = ANY(string_to_array(r.purposes, ',')))
"""
_RECALL_EVENT = """
UPDATE messages SET state = 'CANCELLED'
 WHERE event_id = $1 AND state IN ('QUEUED', 'LEASED') AND (settled_at IS NULL OR settled_at < $2)
"""
# Whoever was told, unless the last message said that the matter is no longer theirs.
_TO_BE_TOLD = f"""
SELECT problem_id, org FROM messages
 WHERE problem_id = ANY($1) AND purpose NOT IN ('SUBSCRIBED', '{UNKNOWN_PURPOSE}')
 GROUP BY 1, 2
HAVING (array_agg(purpose ORDER BY position DESC))[1] <> 'WITHDRAWAL'
 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Happened:
    """What messages tell of: an event, its time and its data as JSON."""

    event_id: UUID
    event_type: str
    at: datetime
    data: str


async def announce(session: Session, changes: Sequence[Change]) -> None:
    """Tell the organisations concerned what changed, and recall what that makes pointless."""
    recalls = [recall for change in changes for recall in recalls_of(change)]
    notices = await _recall(session, recalls)
    for change in changes:
        notices += notices_of(change)
    told = {notice.event_id for notice in notices}
    await enqueue(
        session,
        [
            Happened(change.event_id, change.event_type, change.at, change.data)
            for change in changes
            if change.event_id in told
        ],
        notices,
    )


async def enqueue(
    session: Session, happened: Iterable[Happened], notices: Sequence[Notice]
) -> None:
    """Put messages into queues, in their order; what an organisation was told before is left out.

    Whoever waits for one of the queues is woken once the transaction has committed.
    """
    if not notices:
        return
    connection = await session.driver()
    await connection.execute(
        _ENQUEUE,
        *zip(*((one.event_id, one.event_type, one.at, one.data) for one in happened), strict=True),
        *zip(
            *(
                (
                    notice.message_id,
                    notice.event_id,
                    notice.organisation,
                    notice.problem_id,
                    notice.purpose,
                    notice.is_information,
                    notice.priority,
                    notice.role,
                )
                for notice in notices
            ),
            strict=True,
        ),
        clock.now(),
        clock.is_simulated(),
    )


async def recall_event(session: Session, event_id: UUID, at: datetime) -> None:
    """Cancel the messages that tell of an event which is taken back `at` an instant; what was
    acknowledged stands: it was read."""
    await (await session.driver()).execute(_RECALL_EVENT, event_id, at)


async def _recall(session: Session, recalls: Sequence[Recall]) -> list[Notice]:
    """Cancel what nobody has acknowledged yet; the farewells for those who had been told."""
    if not recalls:
        return []
    connection = await session.driver()
    await connection.execute(
        _RECALL,
        [recall.change.problem.problem_id for recall in recalls],
        [recall.organisation for recall in recalls],
        [",".join(sorted(recall.purposes)) for recall in recalls],
        [recall.change.version for recall in recalls],
    )
    ended = {
        recall.change.problem.problem_id: recall
        for recall in recalls
        if recall.farewell is not None
    }
    rows = await connection.fetch(_TO_BE_TOLD, list(ended)) if ended else []
    farewells = [farewell_of(ended[row["problem_id"]], row["org"]) for row in rows]
    return [farewell for farewell in farewells if farewell is not None]
