"""The relay: sends pending outbox rows in order and marks what the broker acknowledged.

At least once, in order per key: one batch per partition is in flight, all or nothing; after any
failure the producer is thrown away, because aiokafka's may have consumed a sequence number for
something never sent, or may still deliver what it reported as failed. Everything starts again from
the first unmarked row; consumers drop the duplicates.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)
from aiokafka.producer.message_accumulator import BatchBuilder

from shared.database import Connection, Database
from shared.messaging import metrics
from shared.messaging.lease import Lease
from shared.messaging.records import headers_of, partition_of
from shared.messaging.republish import republish
from shared.messaging.running import ended, pause, run_until_stopped
from shared.messaging.settings import KafkaSettings
from shared.messaging.topics import (
    Topic,
    ensure_topics,
    existing_topics,
    published_topics,
    topic_of_copies,
)

log = structlog.get_logger()

Row = Mapping[str, Any]
Place = tuple[str, int]
# The names of the topics of copies that a service has at present, besides those of its events.
CopiesTopics = Callable[[Connection], Awaitable[Collection[str]]]

# One produce request stays below a broker's default limit of 1,048,588 bytes per batch.
BATCH_LIMIT_BYTES = 900_000
REQUEST_LIMIT_BYTES = 16_000_000
METADATA_MILLISECONDS = 3000
STATEMENT_SECONDS = 10.0
STANDBY_SECONDS = 1.0
STOP_SECONDS = 1.0
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0
MEASURE_SECONDS = 5.0
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

# The broker's definite no to a record: sending it again would be refused again.
PERMANENT = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidTopicError,
    TopicAuthorizationFailedError,
)

PENDING = """
SELECT id, event_id, topic, msg_key, aggregate_type, aggregate_id, aggregate_seq, event_type,
       schema_version, payload::text AS payload, headers::text AS headers
  FROM outbox o
 WHERE published_at IS NULL AND parked_at IS NULL
   AND NOT EXISTS (SELECT FROM outbox p
                    WHERE p.parked_at IS NOT NULL AND p.msg_key = o.msg_key AND p.id < o.id
                      AND p.aggregate_type = o.aggregate_type)
 ORDER BY id LIMIT $1
"""
MARK = """
UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1) AND published_at IS NULL
"""
PARK = "UPDATE outbox SET parked_at = clock_timestamp(), park_reason = $2 WHERE id = $1"
# The count is capped: an alarm needs no exact figure, and a scan of millions would load the server.
MEASURE = """
SELECT (SELECT count(*) FROM (SELECT FROM outbox WHERE published_at IS NULL AND parked_at IS NULL
                               LIMIT 100000) AS p) AS pending,
       (SELECT count(*) FROM outbox WHERE parked_at IS NOT NULL) AS parked,
       coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at) FROM outbox
                  WHERE published_at IS NULL AND parked_at IS NULL ORDER BY id LIMIT 1), 0)::float8
       AS oldest
"""


class TopicsLost(Exception):
    """The broker no longer has a topic it had: it restarted without its memory."""


@dataclass(slots=True)
class PartitionBatch:
    """The rows for one topic and partition, in id order, as one record batch."""

    place: Place
    builder: BatchBuilder
    ids: list[int] = field(default_factory=list)
    full: bool = False


class Relay:
    """Sends the outbox of one service for as long as it holds the lease, to the topics of its
    events and to those that `copies_topics` answers, which may become more while it runs."""

    def __init__(
        self,
        database: Database,
        service: str,
        settings: KafkaSettings,
        copies_topics: CopiesTopics | None = None,
    ) -> None:
        self._database = database
        self._service = service
        self._settings = settings
        self._lease = Lease(service)
        self._topics = {topic.name: topic for topic in published_topics(service)}
        self._copies_topics = copies_topics
        self._backoff = FIRST_BACKOFF_SECONDS
        self._next_measure = 0.0
        # Where the broker refused a batch for good: so many rows go one at a time, to find which.
        self._suspects: dict[Place, int] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop` is set; no outage of the database or the broker ends it earlier."""
        await run_until_stopped(self._run(stop), stop)

    async def _run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._relay(stop)
            except Exception as error:  # noqa: BLE001 - whatever it was, the rows are still there
                metrics.RELAY_FAILURES.labels(self._service).inc()
                log.warning("relay interrupted", cause=type(error).__name__, retry=self._backoff)
                await pause(stop, self._backoff)
                self._backoff = min(self._backoff * 2, LONGEST_BACKOFF_SECONDS)

    # -- one database connection, one producer ---------------------------------------------------

    async def _relay(self, stop: asyncio.Event) -> None:
        connection = await self._database.connect()
        try:
            await self._lease.introduce(connection)
            while not stop.is_set():
                await self._measure(connection)
                if await self._lease.hold(connection):
                    await self._relay_as_holder(connection, stop)
                await pause(stop, STANDBY_SECONDS)
        finally:
            metrics.RELAY_LEASE.labels(self._service).set(0)
            await self._leave(connection)

    async def _relay_as_holder(self, connection: Connection, stop: asyncio.Event) -> None:
        metrics.RELAY_LEASE.labels(self._service).set(1)
        await self._prepare_topics(connection)
        producer = self._new_producer()
        try:
            await asyncio.wait_for(producer.start(), self._lease.seconds_left)
            await asyncio.wait_for(producer.client.force_metadata_update(), STATEMENT_SECONDS)
            while not stop.is_set() and await self._lease.hold(connection):
                # Cleared before the rows are read: a commit in between sets it again.
                self._database.events_committed.clear()
                if not await self._relay_batch(connection, producer):
                    self._check_topics(producer)
                    await pause(self._database.events_committed, self._settings.relay_poll_seconds)
                if await self._measure(connection):
                    await self._add_topics(connection, producer)
        finally:
            await self._discard(producer)

    async def _relay_batch(self, connection: Connection, producer: AIOKafkaProducer) -> int:
        """Send the oldest pending rows and mark them; answers how many were found."""
        rows = await self._pending(connection)
        if not rows:
            return 0
        acknowledged, failure = await self._publish(connection, producer, rows)
        if acknowledged:
            await self._mark(connection, acknowledged)
        if failure is not None:
            raise failure
        self._backoff = FIRST_BACKOFF_SECONDS
        return len(rows)

    async def _pending(self, connection: Connection) -> Sequence[Row]:
        """The oldest rows to be sent; no row is locked while the broker is slow."""
        rows: Sequence[Row] = await connection.fetch(
            PENDING, self._settings.relay_batch_size, timeout=STATEMENT_SECONDS
        )
        return rows

    async def _mark(self, connection: Connection, ids: Sequence[int]) -> None:
        await connection.execute(MARK, ids, timeout=STATEMENT_SECONDS)
        metrics.RELAY_PUBLISHED.labels(self._service).inc(len(ids))

    # -- sending ---------------------------------------------------------------------------------

    async def _publish(
        self, connection: Connection, producer: AIOKafkaProducer, rows: Sequence[Row]
    ) -> tuple[list[int], BaseException | None]:
        """Send the rows; answers the acknowledged ids and a failure, if there was one."""
        batches = await self._batches(connection, producer, rows)
        answers = await asyncio.gather(
            *(self._send(producer, batch) for batch in batches), return_exceptions=True
        )
        acknowledged: list[int] = []
        failure: BaseException | None = None
        for batch, answer in zip(batches, answers, strict=True):
            if answer is None:
                acknowledged += batch.ids
                self._acquit(batch)
            else:
                failure = answer
                if isinstance(answer, PERMANENT):
                    await self._suspect(connection, batch, answer)
        return acknowledged, failure

    async def _batches(
        self, connection: Connection, producer: AIOKafkaProducer, rows: Sequence[Row]
    ) -> Collection[PartitionBatch]:
        """The rows by partition; what does not fit into a record batch waits for the next turn."""
        batches: dict[Place, PartitionBatch] = {}
        held: set[tuple[str, str]] = set()
        for row in rows:
            topic = row["topic"]
            if topic not in self._topics:
                await self._add_topics(connection, producer)
            if topic not in self._topics:
                await self._park(connection, row["id"], "no topic of this service")
                held.add((row["aggregate_type"], row["msg_key"]))
            if (row["aggregate_type"], row["msg_key"]) in held:
                continue
            key = row["msg_key"].encode()
            place = topic, partition_of(key, self._partitions(producer, topic))
            batch = batches.get(place)
            if batch is None:
                batches[place] = batch = PartitionBatch(place, producer.create_batch())
            elif batch.full or place in self._suspects:
                continue
            value = row["payload"].encode()
            if batch.builder.append(timestamp=None, key=key, value=value, headers=headers_of(row)):
                batch.ids.append(row["id"])
            else:
                batch.full = True
        return batches.values()

    async def _send(self, producer: AIOKafkaProducer, batch: PartitionBatch) -> None:
        """Send one record batch and wait until it is acknowledged, within the lease."""
        batch.builder.close()
        topic, partition = batch.place
        async with asyncio.timeout(self._lease.seconds_left):
            await (await producer.send_batch(batch.builder, topic, partition=partition))

    async def _suspect(
        self, connection: Connection, batch: PartitionBatch, refusal: BaseException
    ) -> None:
        """Park the row of a refused batch, or, of several, have them sent singly to find which."""
        if len(batch.ids) == 1:
            await self._park(connection, batch.ids[0], type(refusal).__name__)
            self._acquit(batch)
        else:
            self._suspects[batch.place] = len(batch.ids)

    def _acquit(self, batch: PartitionBatch) -> None:
        left = self._suspects.pop(batch.place, 0) - 1
        if left > 0:
            self._suspects[batch.place] = left

    async def _park(self, connection: Connection, row_id: int, reason: str) -> None:
        """Set aside a row that can never be sent; later rows of its subject wait for a person, but
        not copies of them on other topics."""
        log.error("outbox row parked", row=row_id, reason=reason)
        await connection.execute(PARK, row_id, reason, timeout=STATEMENT_SECONDS)

    # -- topics ----------------------------------------------------------------------------------

    async def _prepare_topics(self, connection: Connection) -> None:
        """Create missing topics; queue again first what a broker without memory has lost of them.

        In this order a crash in between repeats the work instead of skipping it.
        """
        await self._learn_topics(connection)
        bootstrap, timeout = self._settings.bootstrap, self._settings.request_timeout_milliseconds
        present = await existing_topics(bootstrap, timeout_milliseconds=timeout)
        missing = self._topics.keys() - present
        if not missing:
            return
        resent = await republish(connection, LONG_AGO, missing)
        if resent:
            metrics.RELAY_RESENT.labels(self._service).inc(resent)
            log.warning("topics lost, events queued again", topics=sorted(missing), events=resent)
        await ensure_topics(
            bootstrap, [self._topics[name] for name in missing], timeout_milliseconds=timeout
        )

    async def _learn_topics(self, connection: Connection) -> list[Topic]:
        """Ask the service for its topics of copies; those that are new."""
        if self._copies_topics is None:
            return []
        names = await self._copies_topics(connection)
        new = {name: topic_of_copies(name) for name in names if name not in self._topics}
        self._topics |= new
        return list(new.values())

    async def _add_topics(self, connection: Connection, producer: AIOKafkaProducer) -> None:
        """Create the topics of copies that came into being while the relay was running: nothing
        was ever sent to them, so nothing can have been lost."""
        new = await self._learn_topics(connection)
        if new:
            timeout = self._settings.request_timeout_milliseconds
            await ensure_topics(self._settings.bootstrap, new, timeout_milliseconds=timeout)
            await asyncio.wait_for(producer.client.force_metadata_update(), STATEMENT_SECONDS)

    def _check_topics(self, producer: AIOKafkaProducer) -> None:
        """Raise `TopicsLost` when the broker restarted without its memory, even if all is quiet."""
        for topic in self._topics:
            self._partitions(producer, topic)

    def _partitions(self, producer: AIOKafkaProducer, topic: str) -> int:
        # Read from what the client knows already. Asking it to find the topic would have a broker
        # with automatic creation make one, with a wrong number of partitions.
        partitions = producer.client.cluster.partitions_for_topic(topic)
        if not partitions:
            raise TopicsLost(topic)
        return len(partitions)

    # -- resources -------------------------------------------------------------------------------

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=self._settings.bootstrap,
            client_id=f"{self._service}-relay",
            acks="all",
            enable_idempotence=self._settings.idempotent,
            max_batch_size=BATCH_LIMIT_BYTES,
            max_request_size=REQUEST_LIMIT_BYTES,
            request_timeout_ms=self._settings.request_timeout_milliseconds,
            metadata_max_age_ms=METADATA_MILLISECONDS,
        )

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        """Throw the producer away without waiting for what it still holds."""
        # aiokafka's stop() first flushes, for ever when the broker is away; an idempotent producer
        # never gives a batch up. So its batches are failed first and its connections cut.
        producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001
        await ended(producer.client.close(), STOP_SECONDS)
        await ended(producer.stop(), STOP_SECONDS)

    async def _leave(self, connection: Connection) -> None:
        try:
            await self._lease.release(connection)
            await connection.close(timeout=1)
        except Exception:  # noqa: BLE001 - the server notices the closed connection
            connection.terminate()

    async def _measure(self, connection: Connection) -> bool:
        """Set the gauges, every few seconds; whether it was time."""
        if time.monotonic() < self._next_measure:
            return False
        self._next_measure = time.monotonic() + MEASURE_SECONDS
        row = await connection.fetchrow(MEASURE, timeout=STATEMENT_SECONDS)
        metrics.OUTBOX_PENDING.labels(self._service).set(row["pending"])
        metrics.OUTBOX_OLDEST.labels(self._service).set(row["oldest"])
        metrics.OUTBOX_PARKED.labels(self._service).set(row["parked"])
        return True
