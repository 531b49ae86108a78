"""The consumer loop: pull, apply in one transaction per partition and batch, then commit offsets.

Neither a failing reaction nor an outage of the database or the broker ends it. Offsets are an
optimisation: whatever is delivered again, the inbox drops.
"""

import asyncio
import re
import time
from collections.abc import Collection, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord

from shared.database import Database
from shared.events.base import Envelope, MalformedEvent
from shared.messaging import metrics
from shared.messaging.failures import describe, is_passing
from shared.messaging.inbox import Delivery, Inbox, Reaction, Subscriptions
from shared.messaging.ordering import Parked, ParkedKind
from shared.messaging.parking import (
    ATTEMPTS,
    FIRST_RETRY_SECONDS,
    MalformedRecord,
    apply_ready,
    measure,
    park_malformed,
)
from shared.messaging.recollection import Recollection, group_of
from shared.messaging.running import ended, pause, run_until_stopped
from shared.messaging.settings import KafkaSettings
from shared.messaging.topics import existing_topics

__all__ = ["Consumer", "Reaction", "Subscriptions"]

log = structlog.get_logger()

Batches = dict[TopicPartition, list[ConsumerRecord]]

BATCH_RECORDS = 200
PARALLEL_PARTITIONS = 4
POLL_MILLISECONDS = 500
COMMIT_SECONDS = 0.5
SWEEP_SECONDS = 30.0
MEMBERSHIP_SECONDS = 30.0
METADATA_MILLISECONDS = 3000
# How long a connection that died silently goes unnoticed (aiokafka: 40 s). Longer than a group
# waits for a member that was killed (10 s), or joining would time out.
REQUEST_MILLISECONDS = 15_000
STOP_SECONDS = 1.0
TOPICS_SECONDS = 10.0
TOPICS_POLL_SECONDS = 0.3
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0


class _Assignments(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka is untyped
    """Notes that partitions were taken away: older offsets are then no longer ours to commit."""

    def __init__(self) -> None:
        self.changes = 0

    def on_partitions_revoked(self, revoked: object) -> None:
        """Called by aiokafka before each rebalance, also after a broker lost the group."""
        self.changes += 1

    def on_partitions_assigned(self, assigned: object) -> None:
        """Called by aiokafka after each rebalance."""


class Consumer:
    """Reads the topics of the subscribed events as the group of `service` and its database.

    `caught_up` is set as soon as nothing that the topics held has been left unread.
    """

    def __init__(
        self,
        database: Database,
        service: str,
        subscriptions: Subscriptions,
        settings: KafkaSettings,
        caught_up: asyncio.Event | None = None,
    ) -> None:
        self.inbox = Inbox(service, subscriptions)
        self._caught_up = caught_up or asyncio.Event()
        self._database = database
        self._service = service
        self._settings = settings
        self._topics = {event_class.topic() for event_class in subscriptions}
        self._recollection = Recollection(database, service, self._topics, settings)
        self._slots = asyncio.Semaphore(PARALLEL_PARTITIONS)
        self._assignments = _Assignments()
        self._done: dict[TopicPartition, int] = {}
        self._next_commit = self._next_sweep = 0.0
        self._backoff = FIRST_BACKOFF_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set."""
        await run_until_stopped(self._run(stop), stop)

    async def _run(self, stop: asyncio.Event) -> None:
        if not self._topics:
            await stop.wait()
        while not stop.is_set():
            try:
                await self._await_topics(stop)
                await self._recollection.begin(lambda records: self._process(records, stop), stop)
                await self._consume_as_member(stop)
            except Exception as error:  # noqa: BLE001 - a new consumer begins where this one ended
                log.warning("consumer interrupted", cause=type(error).__name__, retry=self._backoff)
                await pause(stop, self._backoff)
                self._backoff = min(self._backoff * 2, LONGEST_BACKOFF_SECONDS)

    async def _await_topics(self, stop: asyncio.Event) -> None:
        """Give the publishers a while to create their topics: each that comes later makes the
        whole group join again, which takes seconds."""
        deadline = time.monotonic() + TOPICS_SECONDS
        while not stop.is_set() and time.monotonic() < deadline:
            if self._topics <= await existing_topics(self._settings.bootstrap):
                return
            await pause(stop, TOPICS_POLL_SECONDS)

    async def _consume_as_member(self, stop: asyncio.Event) -> None:
        async with self._database.statement() as connection:
            group = await group_of(connection, self._service)
        consumer = self._new_consumer(group)
        try:
            await consumer.start()
            # By pattern, so that topics which do not exist yet are joined once their publisher has
            # created them; asking for them by name would have some brokers create them.
            consumer.subscribe(pattern=_pattern(self._topics), listener=self._assignments)
            await self._consume(consumer, stop)
        finally:
            await self._discard(consumer)

    async def _consume(self, consumer: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        while not stop.is_set():
            batches: Batches = await consumer.getmany(timeout_ms=POLL_MILLISECONDS)
            self._backoff = FIRST_BACKOFF_SECONDS
            if batches:
                await self._work_through(consumer, batches, stop)
            elif not self._caught_up.is_set() and await self._has_read_all(consumer):
                self._caught_up.set()
            if self._done and (not batches or time.monotonic() >= self._next_commit):
                await self._commit(consumer)
            if time.monotonic() >= self._next_sweep:
                await self._sweep(consumer)
        await self._commit(consumer)

    # -- one pull --------------------------------------------------------------------------------

    async def _work_through(
        self, consumer: AIOKafkaConsumer, batches: Batches, stop: asyncio.Event
    ) -> None:
        """Process what was pulled, however long the database takes, and stay in the group."""
        changes = self._assignments.changes
        done: dict[TopicPartition, int] = {}
        work = asyncio.create_task(self._process_all(consumer, batches, done, stop))
        try:
            while not (await asyncio.wait({work}, timeout=MEMBERSHIP_SECONDS))[0]:
                await self._stay_member(consumer)
            work.result()
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait({work}, timeout=STOP_SECONDS)
            consumer.resume(*consumer.paused())
            if changes == self._assignments.changes:
                self._done |= done
            else:
                self._done.clear()

    async def _stay_member(self, consumer: AIOKafkaConsumer) -> None:
        """Poll without taking anything: a member that does not poll is expelled."""
        consumer.pause(*consumer.assignment())
        strays: Batches = await consumer.getmany(timeout_ms=0)
        for partition, records in strays.items():
            consumer.seek(partition, records[0].offset)

    async def _process_all(
        self,
        consumer: AIOKafkaConsumer,
        batches: Batches,
        done: dict[TopicPartition, int],
        stop: asyncio.Event,
    ) -> None:
        async def process(partition: TopicPartition, records: list[ConsumerRecord]) -> None:
            async with self._slots:
                for start in range(0, len(records), BATCH_RECORDS):
                    chunk = records[start : start + BATCH_RECORDS]
                    # Work of a partition that meanwhile belongs to another member is dropped.
                    if partition not in consumer.assignment() or not await self._process(
                        chunk, stop
                    ):
                        return
                    done[partition] = chunk[-1].offset + 1

        async with asyncio.TaskGroup() as group:
            for partition, records in batches.items():
                group.create_task(process(partition, records))

    async def _process(self, records: Sequence[ConsumerRecord], stop: asyncio.Event) -> bool:
        """Settle every record; tried in place until the database allows. False when stopped."""
        backoff = FIRST_BACKOFF_SECONDS
        while not stop.is_set():
            try:
                await self._settle(await self._deliveries(records))
            except Exception as error:  # noqa: BLE001 - a record is never left behind
                metrics.CONSUMER_RETRIES.labels(self._service).inc()
                log.warning("batch delayed", cause=describe(error), retry=backoff)
                await pause(stop, backoff)
                backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)
            else:
                return True
        return False

    async def _deliveries(self, records: Sequence[ConsumerRecord]) -> list[Delivery]:
        """The events of the records; records that are none are parked at once."""
        deliveries, malformed = [], []
        for record in records:
            place = f"{record.topic}/{record.partition}/{record.offset}"
            content = record.value or b""
            try:
                envelope = Envelope.from_record(record.headers, content)
            except MalformedEvent as error:
                malformed.append(MalformedRecord(place, record.headers, content, str(error)))
            else:
                deliveries.append(Delivery(record.topic, record.partition, record.offset, envelope))
        await park_malformed(self._database, self._service, malformed)
        return deliveries

    async def _settle(self, deliveries: Sequence[Delivery]) -> None:
        """Apply in one transaction, or, when a reaction fails, in halves until it stands alone."""
        if not deliveries:
            return
        try:
            await self._receive(deliveries)
        except Exception as error:
            if is_passing(error):
                raise
            if len(deliveries) == 1:
                await self._try_again(deliveries[0], error)
                return
            middle = len(deliveries) // 2
            await self._settle(deliveries[:middle])
            await self._settle(deliveries[middle:])

    async def _try_again(self, delivery: Delivery, error: Exception) -> None:
        """Give a failing reaction its further attempts, then park the event as poison."""
        for attempt in range(1, ATTEMPTS):
            await asyncio.sleep(FIRST_RETRY_SECONDS * 2**attempt)
            try:
                await self._receive([delivery])
            except Exception as again:
                if is_passing(again):
                    raise
                error = again
            else:
                return
        poison = Parked(delivery.envelope, ParkedKind.POISON, describe(error), ATTEMPTS)
        try:
            await self._receive([delivery], poison)
        except Exception as refusal:
            if is_passing(refusal):
                raise
            # The database takes not even its attributes: no event of ours.
            envelope, place = delivery.envelope, delivery.place
            record = MalformedRecord(place, envelope.headers(), envelope.data, describe(refusal))
            await park_malformed(self._database, self._service, [record])

    async def _receive(self, deliveries: Sequence[Delivery], poison: Parked | None = None) -> None:
        async with self._database.transaction() as session:
            plan, filled = await self.inbox.receive(session, deliveries, poison)
        self.inbox.count(plan)
        for parked in plan.parked:
            envelope = parked.envelope
            log.error(
                "event parked",
                kind=parked.kind,
                event_id=str(envelope.id),
                type=envelope.type,
                subject=envelope.subject,
                sequence=envelope.sequence,
                error=parked.error,
            )
        if filled:
            await apply_ready(self._database, self.inbox, filled)

    # -- beside the records ----------------------------------------------------------------------

    async def _commit(self, consumer: AIOKafkaConsumer) -> None:
        """Commit exactly what was settled; failing is harmless, for the inbox drops duplicates."""
        self._next_commit = time.monotonic() + COMMIT_SECONDS
        offsets, self._done = self._done, {}
        mine = {tp: offset for tp, offset in offsets.items() if tp in consumer.assignment()}
        if not mine:
            return
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await consumer.commit(mine)
        except (CommitFailedError, IllegalStateError, KafkaError, TimeoutError) as error:
            log.info("offsets not committed", cause=type(error).__name__)

    async def _sweep(self, consumer: AIOKafkaConsumer) -> None:
        """Apply what no longer needs to wait, and measure."""
        self._next_sweep = time.monotonic() + SWEEP_SECONDS
        try:
            await apply_ready(self._database, self.inbox)
            await measure(self._database, self.inbox)
            lag = 0
            async with asyncio.timeout(1):
                for partition in consumer.assignment():
                    end = consumer.highwater(partition)
                    lag += max(0, (end or 0) - await consumer.position(partition))
            metrics.CONSUMER_LAG.labels(self._service).set(lag)
        except Exception as error:  # noqa: BLE001 - the next sweep comes
            log.warning("sweep failed", cause=describe(error))

    async def _has_read_all(self, consumer: AIOKafkaConsumer) -> bool:
        """Whether every partition of this member has been read to its end."""
        for partition in consumer.assignment():
            end = consumer.highwater(partition)
            if end is None or await consumer.position(partition) < end:
                return False
        return bool(consumer.assignment())

    def _new_consumer(self, group: str) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._settings.bootstrap,
            client_id=self._service,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=self._settings.fetch_wait_milliseconds,
            fetch_min_bytes=1,
            metadata_max_age_ms=METADATA_MILLISECONDS,
            request_timeout_ms=REQUEST_MILLISECONDS,
        )

    async def _discard(self, consumer: AIOKafkaConsumer) -> None:
        if await ended(consumer.stop(), STOP_SECONDS):
            return
        # aiokafka's stop() gives up half-way when the broker does not answer, and what it has not
        # come to yet would go on fetching for ever.
        for part in (consumer._fetcher, consumer._client):  # noqa: SLF001
            if part is not None:
                await ended(part.close(), STOP_SECONDS / 2)


def _pattern(topics: Collection[str]) -> str:
    return f"^(?:{'|'.join(map(re.escape, sorted(topics)))})$"
