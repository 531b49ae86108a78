"""Every event takes effect once and in order, at its own time and in its own trace."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
from opentelemetry import trace

from shared import clock, telemetry
from shared.database import Connection, Database, Session
from shared.events.base import Envelope, Received
from shared.ids import new_id
from shared.messaging.cause import caused_by_event
from shared.messaging.consumer import Consumer
from shared.messaging.inbox import _LOCK_CURSORS
from shared.messaging.settings import KafkaSettings
from tests.conftest import kept_plan
from tests.shared.messaging.conftest import Deliver
from tests.shared.messaging.parcels import (
    DepotSeen,
    ParcelLost,
    ParcelMoved,
    delivered,
    effects,
    enclosed,
    moved,
    note,
    parked,
)


async def cursor(connection: Connection, subject: object) -> int | None:
    """The last sequence applied to a subject."""
    value: int | None = await connection.fetchval(
        "SELECT last_seq FROM inbox_cursor WHERE consumer = 'mirror' AND aggregate_id = $1",
        str(subject),
    )
    return value


async def test_an_event_takes_effect_once_however_often_it_is_delivered(
    deliver: Deliver, connection: Connection
) -> None:
    parcel = new_id()
    first, second = moved(parcel, 1), moved(parcel, 2)
    await deliver(delivered(first, first, second, first))
    await deliver(delivered(first, second))
    assert await effects(connection) == [1, 2]
    assert await cursor(connection, parcel) == 2
    assert await parked(connection) == []


async def test_the_cursor_recognises_duplicates_after_the_inbox_was_purged(
    deliver: Deliver, connection: Connection
) -> None:
    parcel = new_id()
    events = delivered(*(moved(parcel, n) for n in (1, 2, 3)))
    await deliver(events)
    await connection.execute("DELETE FROM inbox")
    await deliver(events)
    assert await effects(connection) == [1, 2, 3]
    assert await parked(connection) == []


async def test_a_batch_is_applied_in_rounds_that_keep_every_subjects_order(
    deliver: Deliver,
) -> None:
    one, two = UUID(int=1), UUID(int=2)
    calls: list[tuple[str, list[tuple[int, int]]]] = []

    async def watch(_session: Session, events: Sequence[Received[Any]]) -> None:
        places = [(UUID(e.envelope.subject).int, e.envelope.sequence) for e in events]
        calls.append((type(events[0].event).__name__, places))

    lost = enclosed(ParcelLost(parcel_id=one), 2)
    await deliver(
        delivered(moved(one, 1), lost, moved(two, 1), moved(one, 3), moved(two, 2)),
        {ParcelMoved: watch, ParcelLost: watch},
    )
    assert calls == [
        ("ParcelMoved", [(1, 1), (2, 1)]),
        ("ParcelLost", [(1, 2)]),
        ("ParcelMoved", [(2, 2)]),
        ("ParcelMoved", [(1, 3)]),
    ]


async def test_an_event_nobody_reacts_to_moves_the_cursor(
    deliver: Deliver, connection: Connection
) -> None:
    parcel = new_id()
    lost = enclosed(ParcelLost(parcel_id=parcel), 2)
    await deliver(delivered(moved(parcel, 1), lost, moved(parcel, 3)))
    assert await effects(connection) == [1, 3]


async def test_events_after_a_hole_wait_and_follow_in_order_once_it_is_filled(
    deliver: Deliver, connection: Connection
) -> None:
    parcel, other = new_id(), new_id()
    await deliver(delivered(moved(parcel, 1), moved(parcel, 4), moved(parcel, 3), moved(other, 1)))
    assert await effects(connection, parcel) == [1]
    assert await effects(connection, other) == [1]
    assert await parked(connection) == [("gap", 3), ("gap", 4)]
    await deliver(delivered(moved(parcel, 2), moved(parcel, 5)))
    assert await effects(connection, parcel) == [1, 2, 3, 4, 5]
    assert await parked(connection) == []


async def test_of_snapshots_the_newest_counts_and_holes_are_no_error(
    deliver: Deliver, connection: Connection
) -> None:
    seen: list[str] = []

    async def watch(_session: Session, events: Sequence[Received[DepotSeen]]) -> None:
        seen.extend(received.event.place for received in events)

    def depot(sequence: int) -> Envelope:
        return enclosed(DepotSeen(depot="d", place=str(sequence)), sequence)

    await deliver(delivered(depot(3), depot(2), depot(7)), {DepotSeen: watch})
    await deliver(delivered(depot(6)), {DepotSeen: watch})
    assert seen == ["3", "7"]
    assert await parked(connection) == []


async def test_database_trouble_is_ridden_out_in_place(
    deliver: Deliver, connection: Connection
) -> None:
    killed: list[int] = []

    async def unlucky(session: Session, events: Sequence[Received[ParcelMoved]]) -> None:
        await note(session, events)
        if len(killed) < 3:
            process = (await session.driver()).get_server_pid()
            killed.append(process)
            await connection.execute("SELECT pg_terminate_backend($1, 5000)", process)

    await deliver(delivered(*(moved(new_id(), 1) for _ in range(20))), {ParcelMoved: unlucky})
    assert len(killed) == 3
    assert len(await effects(connection)) == 20
    assert await parked(connection) == []


async def test_a_lock_that_is_held_too_long_is_waited_for_again(
    deliver: Deliver, connection: Connection, database_url: str
) -> None:
    parcel = new_id()
    await connection.execute(
        "INSERT INTO parcel (parcel_id, event_sequence) VALUES ($1, 1)", parcel
    )
    holder = await asyncpg.connect(database_url)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("SELECT FROM parcel FOR UPDATE")
    refused = 0

    async def impatient(session: Session, events: Sequence[Received[ParcelMoved]]) -> None:
        nonlocal refused
        inside = await session.driver()
        await inside.execute("SET LOCAL lock_timeout = '20ms'")
        try:
            await inside.execute("SELECT FROM parcel WHERE parcel_id = $1 FOR UPDATE", parcel)
        except asyncpg.LockNotAvailableError:
            refused += 1
            if refused == 3:
                await transaction.rollback()
            raise
        await note(session, events)

    await deliver(delivered(moved(parcel, 1)), {ParcelMoved: impatient})
    await holder.close()
    assert refused == 3
    assert await effects(connection) == [1]


async def test_a_reaction_runs_at_the_simulated_time_of_its_events(deliver: Deliver) -> None:
    instant = datetime(2025, 6, 1, tzinfo=UTC)
    seen: list[tuple[datetime | None, int]] = []

    async def watch(_session: Session, events: Sequence[Received[Any]]) -> None:
        seen.append((clock.now() if clock.is_simulated() else None, len(events)))

    simulated = [moved(new_id(), 1, simulated=True, time=instant) for _ in range(2)]
    real = [moved(new_id(), 1, time=instant) for _ in range(3)]
    await deliver(delivered(simulated[0], real[0], simulated[1], *real[1:]), {ParcelMoved: watch})
    assert seen == [(instant, 2), (None, 3)]


async def test_what_a_reaction_causes_carries_the_events_ids_and_its_trace(
    deliver: Deliver,
) -> None:
    seen: list[tuple[str | None, str | None]] = []
    traces: list[int] = []

    async def watch(_session: Session, events: Sequence[Received[Any]]) -> None:
        traces.append(trace.get_current_span().get_span_context().trace_id)
        seen.append((telemetry.correlation_id(), telemetry.causation_id()))
        for received in events if len(events) > 1 else []:
            with caused_by_event(received.envelope):
                seen.append((telemetry.correlation_id(), telemetry.causation_id()))

    parent = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    one = moved(new_id(), 1, correlation_id="a", trace=parent)
    two = moved(new_id(), 1, correlation_id="b", trace=parent)
    await deliver(delivered(one), {ParcelMoved: watch})
    assert seen == [("a", str(one.id))]
    assert traces == [0x0AF7651916CD43DD8448EB211C80319C]
    three = moved(new_id(), 1, correlation_id="c")
    await deliver(delivered(two, three), {ParcelMoved: watch})
    assert seen[1:] == [(None, None), ("b", str(two.id)), ("c", str(three.id))]


async def test_two_consumers_of_the_same_new_subject_apply_it_once(
    database: Database, connection: Connection
) -> None:
    events = [delivered(*(moved(UUID(int=n), 1, id=UUID(int=n)) for n in range(1, 200)))] * 2
    consumers = [
        Consumer(database, "mirror", {ParcelMoved: note}, KafkaSettings("nowhere:1")) for _ in "ab"
    ]
    await asyncio.gather(
        *(
            consumer._process(records, asyncio.Event())
            for consumer, records in zip(consumers, events, strict=True)
        )
    )
    assert len(await effects(connection)) == 199
    assert await parked(connection) == []


async def test_a_cursor_is_looked_up_by_its_key_also_by_a_plan_made_when_there_were_few(
    database: Database,
) -> None:
    plan = await kept_plan(database, _LOCK_CURSORS)
    assert "Index Scan using inbox_cursor_pkey" in plan
    condition = next(line for line in plan.splitlines() if "Index Cond" in line)
    assert "aggregate_id = a.i" in condition
