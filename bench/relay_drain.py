"""How fast pending events are sent: the relay beside the same sends in a bare loop."""

import asyncio
from statistics import median

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from bench.databases import opened, patient, until
from bench.findings import bare_rows
from bench.rounds import Figure, alternate
from bench.stack import Bench
from shared.database import Connection, Database
from shared.messaging import outbox
from shared.messaging.records import headers_of, partition_of
from shared.messaging.relay import Relay
from shared.messaging.settings import KafkaSettings
from shared.messaging.topics import ensure_topics, published_topics

BATCH_ROWS = 500
BATCH_BYTES = 900_000
GOAL = 0.9

FILL = f"""
INSERT INTO outbox ({", ".join(outbox.OUTBOX_COLUMNS)})
SELECT uuidv7(), $2, key, $2, key, 1, $3, $4, $5::jsonb || jsonb_build_object('problem_id', key),
       $6::jsonb
  FROM (SELECT gen_random_uuid()::text AS key FROM generate_series(1, $1)) AS keys
"""
PENDING = """
SELECT id, event_id, topic, msg_key, aggregate_id, aggregate_seq, event_type, schema_version,
       payload::text AS payload, headers::text AS headers
  FROM outbox WHERE published_at IS NULL AND parked_at IS NULL ORDER BY id LIMIT 500
"""
MARK = "UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1)"
DRAINED = "SELECT NOT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"
# By the server's clock, from the end of the first batch on: starting up is not draining.
RATE = """
SELECT count(*) FILTER (WHERE published_at > first)
       / extract(epoch FROM max(published_at) - min(first))::float8
  FROM outbox, (SELECT max(published_at) AS first
                  FROM (SELECT published_at FROM outbox ORDER BY id LIMIT 500) AS batch) AS start
"""


async def measure(bench: Bench) -> list[Figure]:
    """Events a second out of a full outbox."""
    rows = bench.options.sized(100_000, 20_000)
    async with opened(await bench.database("inspection"), "inspection") as database:

        async def project() -> float:
            settings = await _prepare(bench, database, rows)
            return await _drain_by_relay(database, settings)

        async def floor() -> float:
            settings = await _prepare(bench, database, rows)
            return await _drain_bare(database, settings)

        rates = await alternate({"floor": floor, "project": project}, bench.options.rounds)
    name = f"relay drain of {rows:,} pending events"
    return [
        Figure(name, "/s", median(rates["floor"]), median(rates["project"]), GOAL, at_most=False)
    ]


async def _prepare(bench: Bench, database: Database, rows: int) -> KafkaSettings:
    """A full outbox and a broker with empty topics."""
    settings = bench.start_broker()
    await ensure_topics(settings.bootstrap, published_topics("inspection"))
    row = bare_rows(0).events[1]
    async with patient(database) as connection:
        await connection.execute("TRUNCATE outbox")
        await connection.execute(
            FILL, rows, row.topic, row.event_type, row.schema_version, row.payload, row.headers
        )
        await connection.execute("VACUUM (ANALYZE) outbox")
    return settings


async def _drain_by_relay(database: Database, settings: KafkaSettings) -> float:
    stop = asyncio.Event()
    relay = asyncio.create_task(Relay(database, "inspection", settings).run(stop))
    async with database.statement() as connection:
        await until(lambda: connection.fetchval(DRAINED))
        rate: float = await connection.fetchval(RATE)
    stop.set()
    await relay
    return rate


async def _drain_bare(database: Database, settings: KafkaSettings) -> float:
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap,
        acks="all",
        enable_idempotence=settings.idempotent,
        max_batch_size=BATCH_BYTES,
    )
    await producer.start()
    async with database.statement() as connection:
        while await send_batch(connection, producer):
            pass
        rate: float = await connection.fetchval(RATE)
    await producer.stop()
    return rate


async def send_batch(connection: Connection, producer: AIOKafkaProducer) -> int:
    """Send the oldest pending rows, one record batch a partition, and mark them; how many."""
    rows = await connection.fetch(PENDING)
    batches: dict[tuple[str, int], BatchBuilder] = {}
    partitions = {
        topic: len(await producer.partitions_for(topic)) for topic in {row["topic"] for row in rows}
    }
    for row in rows:
        topic, key = row["topic"], row["msg_key"].encode()
        place = topic, partition_of(key, partitions[topic])
        if place not in batches:
            batches[place] = producer.create_batch()
        batches[place].append(
            timestamp=None, key=key, value=row["payload"].encode(), headers=headers_of(row)
        )
    sent = [
        await producer.send_batch(batch, topic, partition=partition)
        for (topic, partition), batch in batches.items()
    ]
    await asyncio.gather(*sent)
    await connection.execute(MARK, [row["id"] for row in rows])
    return len(rows)
