"""Running a loop beside a test, waiting for what it brings about, reading topics as they are."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.database import Connection
from shared.events.base import Envelope

Loop = Callable[[asyncio.Event], Awaitable[None]]


@asynccontextmanager
async def running(*loops: Loop) -> AsyncIterator[None]:
    """The loops, for as long as the block lasts; they must end within five seconds after it."""
    stop = asyncio.Event()
    tasks = [asyncio.ensure_future(loop(stop)) for loop in loops]
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Poll until the condition holds; raises TimeoutError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not await condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.02)


async def until_drained(connection: Connection, seconds: float = 10) -> None:
    """Wait until nothing in the outbox waits to be sent."""

    async def drained() -> bool:
        pending = (
            "SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL AND parked_at IS NULL)"
        )
        return not await connection.fetchval(pending)

    await until(drained, seconds)


async def read_topic(
    bootstrap: str, topic: str, partitions_count: int = 6
) -> dict[int, list[Envelope]]:
    """Everything a topic holds now, by partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(partitions_count)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        found: dict[int, list[Envelope]] = {}
        while sum(map(len, found.values())) < sum(ends.values()):
            for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                found.setdefault(partition.partition, []).extend(
                    Envelope.from_record(record.headers, record.value) for record in records
                )
        return found
    finally:
        await consumer.stop()


def sequences(found: dict[int, list[Envelope]]) -> dict[str, list[int]]:
    """The sequence numbers of each subject, in the order of its partition."""
    numbers: dict[str, list[int]] = {}
    for envelopes in found.values():
        for envelope in envelopes:
            numbers.setdefault(envelope.subject, []).append(envelope.sequence)
    return numbers
