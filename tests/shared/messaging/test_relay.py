"""The relay sends every committed event in order, whatever breaks in between."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.ports import claim_ports
from shared.database import Connection, Database
from shared.ids import new_id
from shared.messaging.outbox import OutboxRow, prepare, record_many
from shared.messaging.records import partition_of
from shared.messaging.relay import PartitionBatch, Relay
from shared.messaging.settings import KafkaSettings
from shared.messaging.topics import existing_topics
from tests.shared.messaging.loops import read_topic, running, sequences, until, until_drained
from tests.shared.messaging.parcels import ParcelMoved

TOPIC = "parcels.parcel"


def relay(database: Database, settings: KafkaSettings) -> Relay:
    """The relay of the service under test."""
    return Relay(database, "parcels", settings)


def moves(parcels: int, events: int) -> list[OutboxRow]:
    """So many events of each of so many parcels, by turns."""
    ids = [new_id() for _ in range(parcels)]
    return [
        prepare(ParcelMoved(parcel_id=parcel, place=str(number)), number)
        for number in range(1, events + 1)
        for parcel in ids
    ]


async def committed(database: Database, rows: list[OutboxRow]) -> list[OutboxRow]:
    """Record the rows in one transaction."""
    async with database.driver_transaction() as connection:
        await record_many(connection, rows)
    return rows


@pytest.fixture
def own_broker() -> Iterator[EmbeddedBroker]:
    """A broker that the test may stop and restart."""
    broker = EmbeddedBroker(claim_ports())
    broker.start()
    yield broker
    broker.stop()


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A port that accepts connections and never answers, as a black-holed broker does."""

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(ignore, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_events_arrive_in_order_and_where_kafka_would_put_them(
    database: Database, connection: Connection, own_broker: EmbeddedBroker
) -> None:
    rows = await committed(database, moves(parcels=40, events=20))
    settings = KafkaSettings(own_broker.bootstrap, idempotent=False, relay_batch_size=150)
    async with running(relay(database, settings).run):
        await until_drained(connection)
    found = await read_topic(own_broker.bootstrap, TOPIC)
    assert sequences(found) == {row.aggregate_id: list(range(1, 21)) for row in rows}
    for partition, envelopes in found.items():
        for envelope in envelopes:
            assert partition_of(envelope.partition_key.encode(), 6) == partition
    assert {e.id for es in found.values() for e in es} == {row.event_id for row in rows}


async def test_a_commit_is_sent_without_waiting_for_the_next_poll(
    database: Database, connection: Connection, kafka: KafkaSettings
) -> None:
    async with running(relay(database, replace(kafka, relay_poll_seconds=4)).run):
        await committed(database, moves(1, 1))
        await until_drained(connection)
        started = time.monotonic()
        await committed(database, moves(1, 1))
        await until_drained(connection)
        assert time.monotonic() - started < 1


async def test_what_a_broker_without_memory_has_lost_is_sent_again(
    database: Database, connection: Connection, own_broker: EmbeddedBroker
) -> None:
    rows = await committed(database, moves(parcels=10, events=5))
    settings = KafkaSettings(own_broker.bootstrap, idempotent=False)

    async def everything_is_there() -> bool:
        found = await read_topic(own_broker.bootstrap, TOPIC)
        return sequences(found) == {row.aggregate_id: [1, 2, 3, 4, 5] for row in rows}

    async with running(relay(database, settings).run):
        await until_drained(connection)
        assert await everything_is_there()
        own_broker.kill()
        own_broker.start()

        async def sent_again() -> bool:
            oldest = "SELECT min(published_at) > $1 FROM outbox"
            return bool(await connection.fetchval(oldest, before))

        before = await connection.fetchval("SELECT clock_timestamp()")
        await until(sent_again)  # although nothing new is recorded
        await until_drained(connection)
    assert await everything_is_there()


async def test_a_row_that_belongs_to_no_topic_is_parked_and_holds_its_key(
    database: Database, connection: Connection, kafka: KafkaSettings
) -> None:
    rows = moves(2, 3)
    held = rows[0].msg_key
    strange = replace(rows[0], topic="else.where")
    await committed(database, [strange, *rows[1:]])
    async with running(relay(database, kafka).run):
        query = "SELECT count(*) FROM outbox WHERE published_at IS NOT NULL AND msg_key <> $1"

        async def others_went_on() -> bool:
            return bool(await connection.fetchval(query, held) == 3)

        await until(others_went_on)
    states = await connection.fetch(
        "SELECT published_at, park_reason FROM outbox WHERE msg_key = $1 ORDER BY id", held
    )
    assert [tuple(state) for state in states] == [
        (None, "no topic of this service"), (None, None), (None, None)
    ]  # fmt: skip


def copies(topic: str, parcels: int) -> list[OutboxRow]:
    """Copies of so many parcels' moves on a topic of its own."""
    rows = moves(parcels, 1)
    return [replace(row, event_id=new_id(), topic=topic, aggregate_type=topic) for row in rows]


async def test_a_copy_that_cannot_be_sent_holds_neither_the_original_nor_other_copies(
    database: Database, connection: Connection, own_broker: EmbeddedBroker
) -> None:
    async def known(_connection: Connection) -> set[str]:
        return {"parcels.copies.north"}

    [original] = moves(1, 1)
    rows = [
        replace(original, event_id=new_id(), topic=topic, aggregate_type=topic)
        for topic in ("parcels.copies.nobody", "parcels.copies.north")
    ]
    await committed(database, [*rows, original])
    settings = KafkaSettings(own_broker.bootstrap, idempotent=False)
    async with running(Relay(database, "parcels", settings, known).run):
        query = "SELECT count(*) FROM outbox WHERE published_at IS NOT NULL"

        async def others_went_on() -> bool:
            return bool(await connection.fetchval(query) == 2)

        await until(others_went_on)
    parked = await connection.fetch("SELECT topic FROM outbox WHERE parked_at IS NOT NULL")
    assert [row["topic"] for row in parked] == ["parcels.copies.nobody"]


async def test_topics_of_copies_are_created_while_the_relay_runs_and_keep_one_order(
    database: Database, connection: Connection, own_broker: EmbeddedBroker
) -> None:
    names: set[str] = set()

    async def known(_connection: Connection) -> set[str]:
        return names

    settings = KafkaSettings(own_broker.bootstrap, idempotent=False)
    async with running(Relay(database, "parcels", settings, known).run):
        await committed(database, moves(1, 1))
        await until_drained(connection)
        names.add("parcels.copies.north")
        rows = await committed(database, [*copies("parcels.copies.north", 20), *moves(1, 1)])
        await until_drained(connection)
    found = await read_topic(own_broker.bootstrap, "parcels.copies.north", 1)
    assert [envelope.id for envelope in found[0]] == [row.event_id for row in rows[:-1]]
    assert await connection.fetchval("SELECT count(*) FROM outbox WHERE parked_at IS NULL") == 22


async def test_a_topic_of_copies_is_there_soon_though_nothing_was_sent_to_it(
    database: Database, connection: Connection, own_broker: EmbeddedBroker
) -> None:
    names: set[str] = set()

    async def known(_connection: Connection) -> set[str]:
        return names

    async def there() -> bool:
        return "parcels.copies.south" in await existing_topics(own_broker.bootstrap)

    settings = KafkaSettings(own_broker.bootstrap, idempotent=False)
    async with running(Relay(database, "parcels", settings, known).run):
        await committed(database, moves(1, 1))
        await until_drained(connection)
        names.add("parcels.copies.south")
        await until(there)


async def test_copies_that_a_broker_without_memory_has_lost_are_sent_again(
    database: Database, connection: Connection, own_broker: EmbeddedBroker
) -> None:
    async def known(_connection: Connection) -> set[str]:
        return {"parcels.copies.north"}

    settings = KafkaSettings(own_broker.bootstrap, idempotent=False)
    rows = await committed(database, copies("parcels.copies.north", 5))
    async with running(Relay(database, "parcels", settings, known).run):
        await until_drained(connection)
    own_broker.kill()
    own_broker.start()
    async with running(Relay(database, "parcels", settings, known).run):

        async def back() -> bool:
            return "parcels.copies.north" in await existing_topics(own_broker.bootstrap)

        await until(back)
        await until_drained(connection)
    found = await read_topic(own_broker.bootstrap, "parcels.copies.north", 1)
    assert [envelope.id for envelope in found[0]] == [row.event_id for row in rows]


class Choosy(Relay):
    """A relay whose broker refuses one row for its size."""

    refused: UUID

    async def _send(self, producer: AIOKafkaProducer, batch: PartitionBatch) -> None:
        connection = await self._database.connect()
        ids = "SELECT event_id FROM outbox WHERE id = ANY($1)"
        events = {row["event_id"] for row in await connection.fetch(ids, batch.ids)}
        await connection.close()
        if self.refused in events:
            raise MessageSizeTooLargeError
        await super()._send(producer, batch)


async def test_a_row_the_broker_refuses_for_good_is_found_and_parked(
    database: Database, connection: Connection, kafka: KafkaSettings
) -> None:
    rows = await committed(database, moves(30, 1))
    choosy = Choosy(database, "parcels", kafka)
    choosy.refused = rows[17].event_id
    async with running(choosy.run):
        await until_drained(connection, 20)
    parked = await connection.fetch(
        "SELECT event_id, park_reason FROM outbox WHERE parked_at > '-infinity'"
    )
    assert [tuple(row) for row in parked] == [(rows[17].event_id, "MessageSizeTooLargeError")]
    assert await connection.fetchval("SELECT count(published_at) FROM outbox") == 29


async def _lease_of_another(database: Database) -> Connection:
    """A second relay's claim, alive as long as the returned connection is open."""
    holder = new_id()
    other = await database.connect()
    await other.execute("SELECT set_config('application_name', $1, false)", f"relay {holder}")
    await other.execute(
        "INSERT INTO relay_lease (name, holder, epoch, expires_at)"
        " VALUES ('parcels', $1, 4, clock_timestamp() + interval '15 s')",
        holder,
    )
    return other


async def test_only_the_holder_of_the_lease_sends_and_a_dead_one_is_replaced_at_once(
    database: Database, connection: Connection, kafka: KafkaSettings
) -> None:
    other = await _lease_of_another(database)
    await committed(database, moves(1, 1))
    async with running(relay(database, kafka).run):
        await asyncio.sleep(1.5)  # longer than a standby waits between two attempts
        assert await connection.fetchval("SELECT count(published_at) FROM outbox") == 0
        other.terminate()
        started = time.monotonic()
        await until_drained(connection)
        assert time.monotonic() - started < 3
    assert await connection.fetchval("SELECT epoch FROM relay_lease") == 5


async def test_a_silent_holder_is_replaced_when_its_lease_expires(
    database: Database, connection: Connection, kafka: KafkaSettings
) -> None:
    other = await _lease_of_another(database)
    await connection.execute(
        "UPDATE relay_lease SET expires_at = clock_timestamp() + interval '1 s'"
    )
    await committed(database, moves(1, 1))
    async with running(relay(database, kafka).run):
        await until_drained(connection)
    other.terminate()


async def test_the_relay_survives_a_database_that_cuts_its_connection(
    database: Database, connection: Connection, kafka: KafkaSettings
) -> None:
    async with running(relay(database, kafka).run):
        for _ in range(3):
            await committed(database, moves(1, 1))
            await until_drained(connection)
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
                " WHERE application_name LIKE 'relay %' AND datname = current_database()"
            )
        await committed(database, moves(1, 1))
        await until_drained(connection)


async def test_the_relay_stops_in_five_seconds_though_the_broker_is_silent(
    database: Database,
) -> None:
    async with silent_server() as port:
        settings = KafkaSettings(f"127.0.0.1:{port}", request_timeout_milliseconds=30_000)
        async with running(relay(database, settings).run):
            await asyncio.sleep(0.5)


async def test_the_relay_stops_in_five_seconds_though_a_batch_is_under_way(
    database: Database, connection: Connection, own_broker: EmbeddedBroker
) -> None:
    settings = KafkaSettings(
        own_broker.bootstrap, request_timeout_milliseconds=30_000, idempotent=False
    )
    async with running(relay(database, settings).run):
        await committed(database, moves(1, 1))
        await until_drained(connection)
        own_broker.kill()
        await committed(database, moves(5, 5))
        await asyncio.sleep(0.5)
    assert await connection.fetchval("SELECT count(published_at) FROM outbox") == 1
