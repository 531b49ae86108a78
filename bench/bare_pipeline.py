"""The floor of a problem's way to a queue: bare inserts, a bare relay, a bare consumer."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.findings import HOUSING, BareRows, bare_rows
from bench.following import Followed, follow
from bench.log_problem import CLIENTS, log_one
from bench.relay_drain import BATCH_BYTES, send_batch
from shared.database import Connection
from shared.ids import new_id
from shared.messaging.outbox import OutboxRow
from shared.messaging.settings import KafkaSettings
from shared.messaging.topics import Topic

TOPIC = Topic("bare.problem", 12, compacted=False)
CHANNEL = "bare"
# Shorter than the services': the floor is what could be had.
FETCH_WAIT_MILLISECONDS = 10
POLL_SECONDS = 0.002

# Whoever inserts events wakes the relay when the transaction commits.
WAKE = f"""
CREATE FUNCTION wake() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_notify('{CHANNEL}', ''); RETURN NULL; END $$;
CREATE TRIGGER wake AFTER INSERT ON outbox EXECUTE FUNCTION wake();
"""
HAPPENED = "INSERT INTO happenings (event_id, event_type, at, data) VALUES ($1, $2, now(), $3)"
QUEUED = """
INSERT INTO messages (message_id, event_id, org, problem_id, purpose, information, priority)
VALUES ($1, $2, $3, $4, 'DISPATCH', false, 5)
"""
ARRIVED = "SELECT problem_id, position FROM messages WHERE org = $1 AND position > $2 ORDER BY 2"


def relay(url: str, settings: KafkaSettings) -> None:
    """Send what is pending as soon as NOTIFY tells of it, in a process of its own."""
    uvloop.run(_relay(url, settings))


async def _relay(url: str, settings: KafkaSettings) -> None:
    told = asyncio.Event()
    connection = await asyncpg.connect(url)
    await connection.add_listener(CHANNEL, lambda *_: told.set())
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap,
        acks="all",
        enable_idempotence=settings.idempotent,
        max_batch_size=BATCH_BYTES,
    )
    await producer.start()
    while True:
        told.clear()
        if not await send_batch(connection, producer):
            await told.wait()


def consume(url: str, settings: KafkaSettings) -> None:
    """Insert what was sent into another database, in a process of its own."""
    uvloop.run(_consume(url, settings))


async def _consume(url: str, settings: KafkaSettings) -> None:
    connection = await asyncpg.connect(url)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap,
        group_id="bare",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MILLISECONDS,
    )
    await consumer.start()
    consumer.assign([TopicPartition(TOPIC.name, number) for number in range(TOPIC.partitions)])
    while True:
        batches = await consumer.getmany(timeout_ms=500)
        records = [record for batch in batches.values() for record in batch]
        dispatched = [one for one in records if b"dispatched" in dict(one.headers)["ce_type"]]
        if not dispatched:
            continue
        events = [
            (new_id(), "inspection.problem.dispatched.v1", one.value.decode()) for one in dispatched
        ]
        async with connection.transaction():
            await connection.executemany(HAPPENED, events)
            await connection.executemany(
                QUEUED,
                [
                    (new_id(), event[0], HOUSING, one.key.decode())
                    for event, one in zip(events, dispatched, strict=True)
                ],
            )
        await consumer.commit()


def follow_bare(url: str, other_url: str, count: int, rate: float | None) -> Followed:
    """Log problems into one database and wait for them in the other, in a process of its own."""
    rows = [bare_rows(number) for number in range(count)]
    return uvloop.run(_follow(url, other_url, rows, rate))


async def _follow(
    url: str, other_url: str, rows: Sequence[BareRows], rate: float | None
) -> Followed:
    waiting = iter(rows)
    connections = [await asyncpg.connect(url) for _ in range(CLIENTS)]
    reader = await asyncpg.connect(other_url)
    position = await reader.fetchval("SELECT coalesce(max(position), 0) FROM messages")

    async def log(connection: Connection) -> str:
        one = next(waiting)
        await log_one(connection, replace(one, events=_renamed(one.events)))
        return str(one.problem[0])

    async def arrivals() -> list[str]:
        nonlocal position
        await asyncio.sleep(POLL_SECONDS)
        found = await reader.fetch(ARRIVED, HOUSING, position)
        position = found[-1]["position"] if found else position
        return [str(row["problem_id"]) for row in found]

    followed = await follow([partial(log, one) for one in connections], arrivals, len(rows), rate)
    for connection in (*connections, reader):
        await connection.close()
    return followed


def _renamed(events: tuple[OutboxRow, OutboxRow]) -> tuple[OutboxRow, OutboxRow]:
    logged, dispatched = events
    return replace(logged, topic=TOPIC.name), replace(dispatched, topic=TOPIC.name)
