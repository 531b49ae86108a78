"""Every event takes effect once and in order; what cannot is set aside and later made good."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiokafka.structs import ConsumerRecord
from opentelemetry import trace

from shared import clock, telemetry
from shared.database import Connection, Database, Session
from shared.events.base import Envelope, Event, Received
from shared.ids import new_id
from shared.messaging.cause import caused_by_event
from shared.messaging.consumer import Consumer, Reaction, Subscriptions
from shared.messaging.inbox import _LOCK_CURSORS, Inbox
from shared.messaging.ordering import Aggregate, ParkedKind
from shared.messaging.parking import ParkedEventNotFound, apply_ready, list_open, replay, skip
from shared.messaging.settings import KafkaSettings
from tests.conftest import kept_plan
from tests.shared.messaging.parcels import (
    DepotSeen,
    ParcelLost,
    ParcelMoved,
    delivered,
    effects,
    enclosed,
    kafka_record,
    moved,
    note,
    parked,
)

Deliver = Callable[..., Awaitable[None]]


@pytest.fixture
def deliver(database: Database) -> Deliver:
    """Deliver records to a consumer named `mirror`, by default one that notes every move."""

    async def to_consumer(
        records: Sequence[ConsumerRecord], subscriptions: Subscriptions | None = None
    ) -> None:
        consumer = Consumer(
            database, "mirror", subscriptions or {ParcelMoved: note}, KafkaSettings("nowhere:1")
        )
        assert await consumer._process(records, asyncio.Event())

    return to_consumer


def inbox(reaction: Reaction = note) -> Inbox:
    """The inbox of the consumer `mirror`."""
    return Inbox("mirror", {ParcelMoved: reaction})


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


async def test_a_second_event_of_the_same_number_is_a_conflict(
    deliver: Deliver, connection: Connection
) -> None:
    parcel = new_id()
    await deliver(delivered(moved(parcel, 1), moved(parcel, 1, "elsewhere"), moved(parcel, 2)))
    assert await effects(connection) == [1, 2]
    assert await parked(connection) == [("conflict", 1)]


async def test_an_unknown_version_waits_for_the_release_that_knows_it(
    deliver: Deliver, database: Database, connection: Connection
) -> None:
    parcel = new_id()
    known = moved(parcel, 2)
    unknown = moved(parcel, 1, type="parcels.parcel.weighed.v2")
    await deliver(delivered(unknown, known))
    assert await parked(connection) == [("unknown_version", 1), ("held", 2)]
    assert await apply_ready(database, inbox()) == 0

    class ParcelWeighedV2(Event):
        wire_type = "parcels.parcel.weighed.v2"
        subject_field = "parcel_id"
        parcel_id: UUID

    assert await apply_ready(database, inbox()) == 2
    assert await effects(connection) == [2]
    assert await parked(connection) == []


async def test_unknown_fields_are_ignored_and_wrong_data_is_poison(
    deliver: Deliver, connection: Connection
) -> None:
    parcel, other = new_id(), new_id()
    extra = f'{{"parcel_id": "{parcel}", "place": "x", "weight": 3}}'.encode()
    await deliver(
        delivered(moved(parcel, 1, data=extra), moved(other, 1, data=b'{"parcel_id": 7}'))
    )
    assert await effects(connection, parcel) == [1]
    assert await parked(connection) == [("poison", 1)]
    error = await connection.fetchval("SELECT error FROM inbox_parked")
    assert error == "parcel_id: uuid_type; place: missing"


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


class Fragile:
    """A reaction that fails for one place until it is mended."""

    def __init__(self, place: str, failures: int = 1_000_000) -> None:
        self.place = place
        self.failures = failures

    async def __call__(self, session: Session, events: Sequence[Received[ParcelMoved]]) -> None:
        await note(session, events)
        if any(received.event.place == self.place for received in events) and self.failures:
            self.failures -= 1
            raise ValueError("no such place: 511132199001019999")


async def test_a_reaction_that_fails_a_few_times_delays_nothing_and_loses_nothing(
    deliver: Deliver, connection: Connection
) -> None:
    parcels = [new_id() for _ in range(100)]
    reaction = Fragile("bad", failures=10)
    places = ["bad" if n == 41 else "good" for n in range(100)]
    events = [moved(parcel, 1, place) for parcel, place in zip(parcels, places, strict=True)]
    await deliver(delivered(*events), {ParcelMoved: reaction})
    assert len(await effects(connection)) == 100
    assert await parked(connection) == []


async def test_poison_is_set_aside_after_five_attempts_and_holds_only_its_own_subject(
    deliver: Deliver, connection: Connection
) -> None:
    parcel, others = new_id(), [new_id() for _ in range(50)]
    reaction = Fragile("bad")
    await deliver(
        delivered(
            moved(parcel, 1),
            moved(parcel, 2, "bad"),
            *(moved(other, 1) for other in others),
            moved(parcel, 3),
        ),
        {ParcelMoved: reaction},
    )
    assert await effects(connection, parcel) == [1]
    assert len(await effects(connection)) == 51
    assert await parked(connection) == [("poison", 2), ("held", 3)]
    row = await connection.fetchrow("SELECT * FROM inbox_parked WHERE kind = 'poison'")
    assert row["attempts"] == 5
    assert "ValueError at" in row["error"]
    assert "511132199001019999" not in row["error"]
    await deliver(delivered(moved(parcel, 4)), {ParcelMoved: reaction})
    assert await parked(connection) == [("poison", 2), ("held", 3), ("held", 4)]


async def _poisoned(deliver: Deliver, parcel: UUID, last: int) -> None:
    events = [moved(parcel, 1, "bad"), *(moved(parcel, n) for n in range(2, last + 1))]
    await deliver(delivered(*events), {ParcelMoved: Fragile("bad")})


async def test_replay_applies_poison_and_what_it_held_once_though_two_clerks_ask(
    deliver: Deliver, database: Database, connection: Connection
) -> None:
    parcel = new_id()
    await _poisoned(deliver, parcel, 40)
    aggregate = Aggregate("parcels.parcel", str(parcel))
    counts = await asyncio.gather(
        replay(database, inbox(), by="clerk-1", aggregates=[aggregate]),
        replay(database, inbox(), by="clerk-2"),
    )
    assert sorted(counts) == [0, 40]
    assert await effects(connection) == list(range(1, 41))
    assert await parked(connection) == []
    assert await replay(database, inbox(), by="clerk-1") == 0
    await deliver(delivered(moved(parcel, 41)))
    assert await effects(connection) == list(range(1, 42))


async def test_replay_stops_at_an_event_that_fails_again(
    deliver: Deliver, database: Database, connection: Connection
) -> None:
    parcel = new_id()
    await _poisoned(deliver, parcel, 4)
    assert await replay(database, inbox(Fragile("3")), by="clerk") == 2
    assert await effects(connection) == [1, 2]
    assert await parked(connection) == [("poison", 3), ("held", 4)]
    attempts = await connection.fetchval("SELECT attempts FROM inbox_parked WHERE kind = 'poison'")
    assert attempts == 5


async def test_skipping_an_event_releases_those_behind_it(
    deliver: Deliver, database: Database, connection: Connection
) -> None:
    parcel = new_id()
    await _poisoned(deliver, parcel, 3)
    poison = (await list_open(connection, "mirror"))[0]
    assert (poison.kind, poison.sequence, poison.attempts) == (ParkedKind.POISON, 1, 5)
    await skip(database, inbox(), poison.event_id, by="clerk")
    assert await effects(connection) == [2, 3]
    assert await parked(connection) == []
    with pytest.raises(ParkedEventNotFound):
        await skip(database, inbox(), poison.event_id, by="clerk")


async def test_a_record_that_is_no_event_is_set_aside_once_and_stops_nothing(
    deliver: Deliver, connection: Connection
) -> None:
    records = [
        kafka_record(b"\x00\xff garbage", [("a", b"\x00")], "parcels.parcel", 0),
        kafka_record(b"{}", moved(new_id(), 1).headers()[3:], "parcels.parcel", 1),
        *delivered(moved(new_id(), 1)),
        *delivered(moved(new_id(), 1, subject="nul\x00")),
        *delivered(moved(new_id(), 2**80)),
        *delivered(moved(new_id(), 1, subject=random.Random(7).randbytes(4000).hex())),
    ]
    await deliver(records)
    await deliver(records)
    assert await effects(connection) == [1]
    assert [kind for kind, _ in await parked(connection)] == ["poison"] * 5


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
