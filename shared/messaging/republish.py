"""Sending again what was sent before, and deleting what is older than anyone may ask for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import clock
from shared.database import CHUNK_ROWS, Connection, delete_in_chunks
from shared.messaging.reconciliation import first_id_at

OUTBOX_DAYS = 30
INBOX_DAYS = 90

_QUEUE_AGAIN = """
UPDATE outbox SET published_at = NULL
 WHERE id IN (SELECT id FROM outbox
               WHERE id > $1 AND published_at >= $2 AND ($3::text[] IS NULL OR topic = ANY($3))
               ORDER BY id LIMIT $4)
RETURNING id
"""

_PURGE_OUTBOX = """
DELETE FROM outbox
 WHERE id IN (SELECT id FROM outbox WHERE published_at < $1 ORDER BY published_at LIMIT $2)
RETURNING id
"""
# Ids are ordered by time: the range on the primary key finds the old rows, `received_at` spares
# what was republished lately.
_PURGE_INBOX = """
DELETE FROM inbox
 WHERE (consumer, event_id) IN (
       SELECT consumer, event_id FROM inbox WHERE event_id < $3 AND received_at < $1
        ORDER BY consumer, event_id LIMIT $2)
RETURNING event_id
"""


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows a purge deleted."""

    outbox: int
    inbox: int


async def republish(
    connection: Connection, since: datetime, topics: Collection[str] | None = None
) -> int:
    """Queue again every event published since then (of `topics`, or all); answers how many.

    The relay sends them in their old order and under their old ids, so consumers that have them
    drop them. Each chunk is a transaction of its own; a second call finishes an interrupted one.
    """
    names = None if topics is None else sorted(topics)
    last, total = 0, 0
    while ids := await connection.fetch(_QUEUE_AGAIN, last, since, names, CHUNK_ROWS):
        last = max(row["id"] for row in ids)
        total += len(ids)
    return total


async def release(connection: Connection) -> int:
    """Let the relay try again the rows it parked, once their cause is gone; answers how many."""
    rows = await connection.fetch(
        "UPDATE outbox SET parked_at = NULL, park_reason = NULL"
        " WHERE parked_at IS NOT NULL RETURNING id"
    )
    return len(rows)


async def purge(connection: Connection, now: datetime | None = None) -> Purged:
    """Delete what was published over 30 days and received over 90 days ago, 5,000 rows at a time.

    What is pending or parked stays, however old; so do the cursors, which recognise duplicates
    after the inbox rows are gone.
    """
    instant = now or clock.now()
    published_before = instant - timedelta(days=OUTBOX_DAYS)
    received_before = instant - timedelta(days=INBOX_DAYS)
    return Purged(
        outbox=await delete_in_chunks(connection, _PURGE_OUTBOX, published_before),
        inbox=await delete_in_chunks(
            connection, _PURGE_INBOX, received_before, first_id_at(received_before)
        ),
    )
