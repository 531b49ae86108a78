"""What a consumer does before it joins its group: it takes up what its own service has decided.

A service whose decisions must outlive its database publishes them and hears its own topics. Read
first, they are known when the events arrive that they answer. The group belongs to the database:
one that was made anew or restored begins at the beginning, whatever an earlier one had read, and
its inbox drops what it knows.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from shared.database import Connection, Database
from shared.messaging.running import ended
from shared.messaging.settings import KafkaSettings
from shared.messaging.topics import partitions_of

# Settles the records of one partition, in their order; False when the service is to stop.
Settle = Callable[[Sequence[ConsumerRecord]], Awaitable[bool]]

BATCH_RECORDS = 200
POLL_MILLISECONDS = 500
STOP_SECONDS = 1.0

_IDENTITY = """
SELECT format('%s/%s', system_identifier, d.oid)
  FROM pg_control_system(), pg_database d WHERE d.datname = current_database()
"""
_KNOWN = "SELECT EXISTS (SELECT FROM inbox WHERE consumer = $1)"
_REACHED = """
SELECT topic, part, max(off) + 1 AS next FROM inbox
 WHERE consumer = $1 AND topic = ANY($2) GROUP BY 1, 2
"""


async def group_of(connection: Connection, service: str) -> str:
    """The name of the consumer group of `service` on this database: `notify-3f9a0c21`."""
    identity: str = await connection.fetchval(_IDENTITY)
    return f"{service}-{sha256(identity.encode()).hexdigest()[:8]}"


async def knows_nothing(connection: Connection, service: str) -> bool:
    """Whether the database of `service` is new: no event has been received in it."""
    known: bool = await connection.fetchval(_KNOWN, service)
    return not known


class Recollection:
    """The preparations of a consumer of `service` that hears `topics`."""

    def __init__(
        self, database: Database, service: str, topics: Collection[str], settings: KafkaSettings
    ) -> None:
        self._database = database
        self._service = service
        self._own = sorted(topic for topic in topics if topic.startswith(f"{service}."))
        self._settings = settings

    async def begin(self, settle: Settle, stop: asyncio.Event) -> None:
        """Read the service's own topics to their end, from where the database has got to."""
        if self._own:
            await self._catch_up(settle, stop)

    async def _catch_up(self, settle: Settle, stop: asyncio.Event) -> None:
        async with self._database.statement() as connection:
            rows = await connection.fetch(_REACHED, self._service, self._own)
        reached = {TopicPartition(row["topic"], row["part"]): row["next"] for row in rows}
        async with self._reading() as reader:
            ends = await reader.end_offsets(reader.assignment())
            behind = {
                partition: end for partition, end in ends.items() if reached.get(partition, 0) < end
            }
            reader.pause(*(reader.assignment() - behind.keys()))
            for partition in behind:
                reader.seek(partition, reached.get(partition, 0))
            await self._read(reader, behind, settle, stop)

    async def _read(
        self,
        reader: AIOKafkaConsumer,
        behind: dict[TopicPartition, int],
        settle: Settle,
        stop: asyncio.Event,
    ) -> None:
        while behind and not stop.is_set():
            batches = await reader.getmany(
                timeout_ms=POLL_MILLISECONDS, max_records=BATCH_RECORDS * len(behind)
            )
            for records in batches.values():
                for start in range(0, len(records), BATCH_RECORDS):
                    if not await settle(records[start : start + BATCH_RECORDS]):
                        return
            for partition in list(behind):
                if await reader.position(partition) >= behind[partition]:
                    reader.pause(partition)
                    del behind[partition]

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AIOKafkaConsumer]:
        """A reader of the service's own topics, a member of no group."""
        reader = AIOKafkaConsumer(
            bootstrap_servers=self._settings.bootstrap,
            client_id=f"{self._service}-recollection",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=self._settings.fetch_wait_milliseconds,
        )
        reader.assign(await partitions_of(self._settings.bootstrap, self._own))
        try:
            await reader.start()
            yield reader
        finally:
            await ended(reader.stop(), STOP_SECONDS)
