"""Events set aside: listing, replaying and skipping them.

`inbox_parked` is the dead-letter queue and the hold queue of a consumer. It lies in the consumer's
own database, so that an event is set aside in the transaction that would have applied it; nothing
is published to a dead-letter topic, which could not be atomic with the inbox.
"""

import asyncio
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog

from shared.database import Connection, Database, Session
from shared.errors import NotFound
from shared.events.base import Envelope, Event, event_types, find_event_type
from shared.messaging import metrics
from shared.messaging.failures import describe, is_passing
from shared.messaging.inbox import Inbox
from shared.messaging.ordering import Aggregate, Cursor, ParkedKind

log = structlog.get_logger()

ATTEMPTS = 5
FIRST_RETRY_SECONDS = 0.02

# What may be applied without a person: its turn came, or the new release knows its type.
AUTOMATIC = (ParkedKind.GAP, ParkedKind.HELD, ParkedKind.UNKNOWN_VERSION)

_OPEN = """
SELECT event_id, aggregate_type, aggregate_id, aggregate_seq, kind, error, attempts, parked_at
  FROM inbox_parked WHERE consumer = $1 AND resolved_at IS NULL
 ORDER BY aggregate_type, aggregate_id, aggregate_seq LIMIT $2
"""
_READY = """
SELECT DISTINCT p.aggregate_type, p.aggregate_id
  FROM inbox_parked p
  LEFT JOIN inbox_cursor c USING (consumer, aggregate_type, aggregate_id)
 WHERE p.consumer = $1 AND p.resolved_at IS NULL
   AND p.aggregate_seq = coalesce(c.last_seq, 0) + 1
   AND (p.kind IN ('gap', 'held')
        OR p.kind = 'unknown_version' AND p.envelope->'headers'->>'ce_type' = ANY($2))
"""
_OPEN_AGGREGATES = """
SELECT DISTINCT aggregate_type, aggregate_id FROM inbox_parked
 WHERE consumer = $1 AND resolved_at IS NULL AND aggregate_seq IS NOT NULL
"""
# Locked, so that of two clerks the second finds nothing left to do.
_OF_AGGREGATE = """
SELECT event_id, aggregate_seq, kind, envelope::text AS envelope FROM inbox_parked
 WHERE consumer = $1 AND aggregate_type = $2 AND aggregate_id = $3 AND resolved_at IS NULL
   AND kind <> 'conflict' AND aggregate_seq IS NOT NULL
 ORDER BY aggregate_seq FOR UPDATE
"""
_RESOLVE = """
UPDATE inbox_parked SET resolved_at = clock_timestamp(), resolved_by = $3
 WHERE consumer = $1 AND event_id = ANY($2)
"""
_FAILED = """
UPDATE inbox_parked SET kind = $3, error = $4, attempts = attempts + $5
 WHERE consumer = $1 AND event_id = $2
"""
_ONE = """
SELECT aggregate_type, aggregate_id, aggregate_seq FROM inbox_parked
 WHERE consumer = $1 AND event_id = $2 AND resolved_at IS NULL FOR UPDATE
"""
_PARK_MALFORMED = """
INSERT INTO inbox_parked
       (consumer, event_id, aggregate_type, aggregate_id, kind, envelope, error, attempts)
SELECT $1, e, t, p, 'poison', v::jsonb, r, 1
  FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[]) AS m(e, t, p, v, r)
ON CONFLICT DO NOTHING
"""
_COUNT = "SELECT count(*) FROM inbox_parked WHERE consumer = $1 AND resolved_at IS NULL"


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """One open row of the parking table, without its data."""

    event_id: UUID
    aggregate: Aggregate
    sequence: int | None
    kind: ParkedKind
    error: str | None
    attempts: int
    parked_at: datetime


@dataclass(frozen=True, slots=True)
class MalformedRecord:
    """A record that is no event: its place (topic/partition/offset) and what it holds."""

    place: str
    headers: Sequence[tuple[str, bytes]]
    content: bytes
    reason: str

    @property
    def id(self) -> UUID:
        """The same for the same content at the same place, so that a repetition is recognised."""
        return uuid5(NAMESPACE_URL, f"{self.place}/{hashlib.sha256(self.content).hexdigest()}")

    def to_json(self) -> str:
        """What is kept of it."""
        headers = {name: _text(value) for name, value in self.headers}
        return json.dumps({"headers": headers, "data": _text(self.content)}, ensure_ascii=False)


class ParkedEventNotFound(NotFound):
    """No such event is set aside."""

    code = "PARKED_EVENT_NOT_FOUND"
    zh = "没有这条待处理的暂存事件。"
    en = "No such event is set aside."


async def list_open(connection: Connection, consumer: str, limit: int = 200) -> list[ParkedEvent]:
    """What is set aside and not resolved, by aggregate and sequence."""
    return [
        ParkedEvent(
            event_id=row["event_id"],
            aggregate=Aggregate(row["aggregate_type"], row["aggregate_id"]),
            sequence=row["aggregate_seq"],
            kind=ParkedKind(row["kind"]),
            error=row["error"],
            attempts=row["attempts"],
            parked_at=row["parked_at"],
        )
        for row in await connection.fetch(_OPEN, consumer, limit)
    ]


async def park_malformed(
    database: Database, consumer: str, records: Sequence[MalformedRecord]
) -> None:
    """Set aside records that cannot be taken as events of ours; they hold up no other."""
    if not records:
        return
    rows = [
        (record.id, record.place.split("/", 1)[0], record.place, record.to_json(), record.reason)
        for record in records
    ]
    async with database.transaction() as session:
        connection = await session.driver()
        columns = map(list, zip(*rows, strict=True))
        await connection.execute(_PARK_MALFORMED, consumer, *columns)
    metrics.PARKED.labels(consumer, ParkedKind.POISON.value).inc(len(records))
    for record in records:
        log.error("record parked", place=record.place, error=record.reason)


async def measure(database: Database, inbox: Inbox) -> None:
    """Set the gauge of what is set aside."""
    async with database.transaction() as session:
        connection = await session.driver()
        number = await connection.fetchval(_COUNT, inbox.consumer)
    metrics.PARKED_OPEN.labels(inbox.consumer).set(number)


async def replay(
    database: Database, inbox: Inbox, *, by: str, aggregates: Iterable[Aggregate] | None = None
) -> int:
    """Apply what is set aside, of the aggregates given or of all; answers how many events were.

    One transaction per aggregate, in sequence order, until an event fails again or a number is
    missing. Two clerks may replay at once: each event is applied once.
    """
    if aggregates is None:
        async with database.transaction() as session:
            connection = await session.driver()
            rows = await connection.fetch(_OPEN_AGGREGATES, inbox.consumer)
        aggregates = [Aggregate(*row) for row in rows]
    return sum(
        [
            await _apply_waiting(database, inbox, aggregate, by, tuple(ParkedKind))
            for aggregate in aggregates
        ]
    )


async def apply_ready(
    database: Database, inbox: Inbox, aggregates: Iterable[Aggregate] | None = None
) -> int:
    """Apply what no longer waits for a person: filled gaps, types a new release knows.

    Without `aggregates` they are looked for. Answers how many events were applied.
    """
    if aggregates is None:
        async with database.transaction() as session:
            connection = await session.driver()
            rows = await connection.fetch(_READY, inbox.consumer, list(event_types()))
        aggregates = [Aggregate(*row) for row in rows]
    return sum(
        [
            await _apply_waiting(database, inbox, aggregate, inbox.consumer, AUTOMATIC)
            for aggregate in aggregates
        ]
    )


async def skip(database: Database, inbox: Inbox, event_id: UUID, *, by: str) -> None:
    """Resolve an event without applying it; the events held behind it are then applied.

    For what can never be applied: a conflict, a malformed record, a poisoned event made good by
    hand. Raises `ParkedEventNotFound`.
    """
    async with database.transaction() as session:
        connection = await session.driver()
        row = await connection.fetchrow(_ONE, inbox.consumer, event_id)
        if row is None:
            raise ParkedEventNotFound
        aggregate = Aggregate(row["aggregate_type"], row["aggregate_id"])
        cursors = await inbox.lock_cursors(connection, [aggregate])
        if row["aggregate_seq"] == cursors.get(aggregate, Cursor()).last_seq + 1:
            moved = {aggregate: Cursor(row["aggregate_seq"], event_id)}
            await inbox.move_cursors(connection, moved)
        await connection.execute(_RESOLVE, inbox.consumer, [event_id], by)
    await apply_ready(database, inbox, [aggregate])


async def _apply_waiting(
    database: Database,
    inbox: Inbox,
    aggregate: Aggregate,
    by: str,
    kinds: Collection[ParkedKind],
) -> int:
    async with database.transaction() as session:
        connection = await session.driver()
        cursors = await inbox.lock_cursors(connection, [aggregate])
        rows = await connection.fetch(_OF_AGGREGATE, inbox.consumer, *aggregate)
        replaying = _Replaying(session, inbox, cursors.get(aggregate, Cursor()))
        for row in rows:
            if not await replaying.go_on(row, kinds):
                break
        if replaying.applied:
            await inbox.move_cursors(connection, {aggregate: replaying.cursor})
        if replaying.resolved:
            await connection.execute(_RESOLVE, inbox.consumer, replaying.resolved, by)
    return replaying.applied


class _Replaying:
    """The walk through one aggregate's waiting events, inside one transaction."""

    def __init__(self, session: Session, inbox: Inbox, cursor: Cursor) -> None:
        self._session = session
        self._inbox = inbox
        self.cursor = cursor
        self.applied = 0
        self.resolved: list[UUID] = []

    async def go_on(self, row: Mapping[str, Any], kinds: Collection[ParkedKind]) -> bool:
        """Apply the next waiting event; False when the walk ends here."""
        envelope = Envelope.from_json(json.loads(row["envelope"]))
        event_class = find_event_type(envelope.type)
        newest_wins = event_class is not None and event_class.latest_wins
        if envelope.sequence > self.cursor.last_seq:
            if envelope.sequence > self.cursor.last_seq + 1 and not newest_wins:
                return False
            if ParkedKind(row["kind"]) not in kinds:
                return False
            if not await self._apply(envelope, event_class):
                return False
            self.cursor = Cursor(envelope.sequence, envelope.id)
            self.applied += 1
        # What is older than the cursor has been overtaken: a snapshot, or a number skipped.
        self.resolved.append(envelope.id)
        return True

    async def _apply(self, envelope: Envelope, event_class: type[Event] | None) -> bool:
        if event_class is None:
            return await self._failed(envelope, ParkedKind.UNKNOWN_VERSION, None, 0)
        error = "never tried"
        for attempt in range(ATTEMPTS):
            try:
                async with self._session.begin_nested():
                    # SQLAlchemy sends the SAVEPOINT with its own first use of the connection; a
                    # reaction may use the driver alone.
                    await self._session.connection()
                    await self._inbox.react_to(self._session, envelope)
            except Exception as failure:
                if is_passing(failure):
                    raise
                error = describe(failure)
                await asyncio.sleep(FIRST_RETRY_SECONDS * 2**attempt)
            else:
                return True
        return await self._failed(envelope, ParkedKind.POISON, error, ATTEMPTS)

    async def _failed(
        self, envelope: Envelope, kind: ParkedKind, error: str | None, attempts: int
    ) -> bool:
        log.error("waiting event failed", event_id=str(envelope.id), kind=kind, error=error)
        connection = await self._session.driver()
        await connection.execute(
            _FAILED, self._inbox.consumer, envelope.id, kind.value, error, attempts
        )
        return False


def _text(raw: bytes) -> str:
    # jsonb holds no NUL.
    return raw.decode("utf-8", "replace").replace("\x00", "\ufffd")
