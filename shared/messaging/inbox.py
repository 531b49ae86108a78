"""Applying events exactly once: inbox rows, cursors, effects and parking in one transaction."""

import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from shared.database import Connection, Session
from shared.events.base import Envelope, Event, Received, decode
from shared.messaging import metrics
from shared.messaging.cause import reacting_to
from shared.messaging.ordering import (
    Aggregate,
    Cursor,
    Ordering,
    Parked,
    Plan,
    aggregate_of,
)
from shared.messaging.rounds import groups_in_order

Reaction: TypeAlias = Callable[[Session, Sequence[Received[Any]]], Awaitable[None]]
Subscriptions: TypeAlias = Mapping[type[Event], Reaction]

# One statement: the events not seen before, and whether anything is set aside at all.
_INSERT = """
WITH fresh AS (
  INSERT INTO inbox (consumer, event_id, topic, part, off)
  SELECT $1, event_id, topic, part, off
    FROM unnest($2::uuid[], $3::text[], $4::int[], $5::bigint[]) AS i(event_id, topic, part, off)
   ORDER BY event_id
  ON CONFLICT DO NOTHING RETURNING event_id)
SELECT coalesce((SELECT array_agg(event_id) FROM fresh), '{}') AS fresh,
       EXISTS (SELECT FROM inbox_parked WHERE consumer = $1 AND resolved_at IS NULL) AS parked
"""
# One after the other in the order they are given in, which is sorted, so that two consumers of the
# same aggregates wait instead of deadlocking. Each is looked up by its key: a join's plan that was
# made while there were few would go on reading all of them when there are many.
_LOCK_CURSORS = """
SELECT a.t, a.i, c.last_seq, c.last_event_id
  FROM unnest($2::text[], $3::text[]) AS a(t, i)
 CROSS JOIN LATERAL (
       SELECT last_seq, last_event_id FROM inbox_cursor
        WHERE consumer = $1 AND aggregate_type = a.t AND aggregate_id = a.i FOR UPDATE) AS c
"""
_WAITING = """
SELECT aggregate_type, aggregate_id, aggregate_seq FROM inbox_parked
 WHERE consumer = $1 AND resolved_at IS NULL AND kind <> 'conflict'
   AND (aggregate_type, aggregate_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))
"""
_MOVE_CURSORS = """
INSERT INTO inbox_cursor AS c (consumer, aggregate_type, aggregate_id, last_seq, last_event_id)
SELECT $1, t, i, s, e
  FROM unnest($2::text[], $3::text[], $4::bigint[], $5::uuid[]) AS m(t, i, s, e) ORDER BY t, i
ON CONFLICT (consumer, aggregate_type, aggregate_id)
DO UPDATE SET last_seq = EXCLUDED.last_seq, last_event_id = EXCLUDED.last_event_id
 WHERE c.last_seq < EXCLUDED.last_seq
RETURNING 1
"""
_PARK = """
INSERT INTO inbox_parked
       (consumer, event_id, aggregate_type, aggregate_id, aggregate_seq, kind, envelope, error,
        attempts)
SELECT $1, e, t, i, s, k, v::jsonb, r, a
  FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[],
              $8::text[], $9::int[]) AS p(e, t, i, s, k, v, r, a)
ON CONFLICT DO NOTHING
"""


class CursorMoved(Exception):
    """Another consumer applied events of the same new aggregate meanwhile: begin again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event and the place of its record."""

    topic: str
    partition: int
    offset: int
    envelope: Envelope

    @property
    def place(self) -> str:
        """Where the record is found in Kafka."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class Inbox:
    """What one consumer does with the events it receives, inside the caller's transaction."""

    def __init__(self, consumer: str, subscriptions: Subscriptions) -> None:
        self.consumer = consumer
        self._subscriptions = subscriptions

    async def receive(
        self, session: Session, deliveries: Sequence[Delivery], poison: Parked | None = None
    ) -> tuple[Plan, list[Aggregate]]:
        """Apply a batch of one partition; answers the plan and the aggregates with a filled gap.

        `poison` says how to set the one delivery aside, should its turn have come. Whatever a
        reaction raises is passed on; the transaction is then of no more use.
        """
        connection = await session.driver()
        # A record may stand twice in one batch: the relay sends at least once.
        unique: dict[UUID, Delivery] = {}
        for delivery in deliveries:
            unique.setdefault(delivery.envelope.id, delivery)
        fresh, any_parked = await self._insert(connection, unique.values())
        envelopes = [d.envelope for d in unique.values() if d.envelope.id in fresh]
        aggregates = sorted({aggregate_of(envelope) for envelope in envelopes})
        ordering = Ordering(
            await self.lock_cursors(connection, aggregates),
            await self._waiting(connection, aggregates) if any_parked else {},
            self._subscriptions,
        )
        for envelope in envelopes:
            ordering.decide(envelope, poison)
        plan = ordering.plan
        plan.dropped += len(deliveries) - len(envelopes)
        await self.react(session, plan.apply)
        await self.move_cursors(connection, plan.cursors)
        await self.park(connection, plan.parked)
        return plan, ordering.filled() if any_parked else []

    async def react(self, session: Session, events: Iterable[Received[Any]]) -> None:
        """Call each event's reaction, in batches that keep the order of every aggregate."""
        groups = groups_in_order(
            events,
            lambda received: aggregate_of(received.envelope),
            lambda received: (
                type(received.event),
                received.envelope.time if received.envelope.simulated else None,
            ),
        )
        for (event_class, _), group in groups:
            with reacting_to([received.envelope for received in group]):
                await self._subscriptions[event_class](session, group)
                # A later reaction may read through the driver, past the session's pending changes.
                await session.flush()

    async def react_to(self, session: Session, envelope: Envelope) -> None:
        """Call the reaction to one event, where its class has one."""
        event = decode(envelope)
        if type(event) in self._subscriptions:
            await self.react(session, [Received(event, envelope)])

    async def lock_cursors(
        self, connection: Connection, aggregates: Collection[Aggregate]
    ) -> dict[Aggregate, Cursor]:
        """The stored cursors of the aggregates, locked; those without events are absent."""
        rows = await connection.fetch(_LOCK_CURSORS, self.consumer, *_columns(aggregates, 2))
        return {Aggregate(row[0], row[1]): Cursor(row[2], row[3]) for row in rows}

    async def move_cursors(
        self, connection: Connection, cursors: Mapping[Aggregate, Cursor]
    ) -> None:
        """Store moved cursors; raises `CursorMoved` when one was not locked and has moved on."""
        if not cursors:
            return
        rows = [(*aggregate, *cursor) for aggregate, cursor in cursors.items()]
        moved = await connection.fetch(_MOVE_CURSORS, self.consumer, *_columns(rows, 4))
        if len(moved) != len(rows):
            raise CursorMoved

    async def park(self, connection: Connection, parked: Sequence[Parked]) -> None:
        """Set events aside: the dead letters and the hold queue, atomic with the inbox."""
        if parked:
            rows = [_parked_row(event) for event in parked]
            await connection.execute(_PARK, self.consumer, *_columns(rows, 8))

    def count(self, plan: Plan) -> None:
        """Count a plan that was committed."""
        outcomes = {"applied": len(plan.apply), "dropped": plan.dropped, "parked": len(plan.parked)}
        for outcome, number in outcomes.items():
            metrics.CONSUMED.labels(self.consumer, outcome).inc(number)
        for event in plan.parked:
            metrics.PARKED.labels(self.consumer, event.kind.value).inc()

    async def _insert(
        self, connection: Connection, deliveries: Collection[Delivery]
    ) -> tuple[set[UUID], bool]:
        rows = [(d.envelope.id, d.topic, d.partition, d.offset) for d in deliveries]
        row = await connection.fetchrow(_INSERT, self.consumer, *_columns(rows, 4))
        return set(row["fresh"]), row["parked"]

    async def _waiting(
        self, connection: Connection, aggregates: Collection[Aggregate]
    ) -> dict[Aggregate, list[int]]:
        waiting: dict[Aggregate, list[int]] = {}
        for row in await connection.fetch(_WAITING, self.consumer, *_columns(aggregates, 2)):
            waiting.setdefault(Aggregate(row[0], row[1]), []).append(row[2])
        return waiting


def _columns(rows: Collection[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def _parked_row(parked: Parked) -> tuple[Any, ...]:
    envelope = parked.envelope
    return (
        envelope.id,
        *aggregate_of(envelope),
        envelope.sequence,
        parked.kind.value,
        json.dumps(envelope.to_json(), ensure_ascii=False),
        parked.error,
        parked.attempts,
    )
