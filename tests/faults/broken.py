"""Deliberately broken variants: each negative control runs one of them and must turn red."""

import asyncio
import json
import os
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from shared.database import Connection, Database, Session
from shared.events.base import Envelope, Event, MalformedEvent, Received, decode
from shared.messaging.consumer import Batches, Consumer
from shared.messaging.inbox import Delivery, Inbox, Subscriptions
from shared.messaging.lease import Lease
from shared.messaging.ordering import Aggregate, Cursor, Ordering, Parked, Plan, aggregate_of
from shared.messaging.records import headers_of, partition_of
from shared.messaging.relay import PENDING, STATEMENT_SECONDS, Relay, Row
from shared.messaging.settings import KafkaSettings
from shared.timers import DueTimer, Scheduler, TimerKind
from tests.faults import duties

PURGE_BY_AGE = """
DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE created_at < $1 LIMIT $2) RETURNING id
"""

CLAIM_WHATEVER = """
UPDATE timer SET state = 'fired', fired_at = $2, late_by = $2 - due_at
 WHERE id = ANY($1) AND $3::uuid[] IS NOT NULL RETURNING id
"""


class IdCursorRelay(Relay):
    """Reads on from the largest id it has seen, and so skips what commits later."""

    def __init__(self, database: Database, service: str, settings: KafkaSettings) -> None:
        super().__init__(database, service, settings)
        self._cursor = 0

    async def _pending(self, connection: Connection) -> Sequence[Row]:
        statement = PENDING.replace("WHERE", "WHERE id > $2 AND", 1)
        rows: Sequence[Row] = await connection.fetch(
            statement, self._settings.relay_batch_size, self._cursor, timeout=STATEMENT_SECONDS
        )
        if rows:
            self._cursor = rows[-1]["id"]
        return rows


class MarkingFirstRelay(Relay):
    """Marks rows as published before it publishes them."""

    async def _publish(
        self, connection: Connection, producer: AIOKafkaProducer, rows: Sequence[Row]
    ) -> tuple[list[int], BaseException | None]:
        await self._mark(connection, [row["id"] for row in rows])
        return await super()._publish(connection, producer, rows)


class LeaselessRelay(Relay):
    """Never asks whether another relay is active: not broken, but a zombie with a vengeance."""

    def __init__(self, database: Database, service: str, settings: KafkaSettings) -> None:
        super().__init__(database, service, settings)
        self._lease = AlwaysMine(service)


class AlwaysMine(Lease):
    """A lease everybody holds at once."""

    async def hold(self, connection: Connection) -> bool:
        self._deadline = monotonic() + 10
        return True


class AdvisoryLock(Lease):
    """A lease that is a session's advisory lock: it lasts as long as its connection seems to."""

    async def introduce(self, connection: Connection) -> None:
        self._deadline = 0.0

    async def hold(self, connection: Connection) -> bool:
        taken = await connection.fetchval("SELECT pg_try_advisory_lock(1)", timeout=10)
        self._deadline = monotonic() + 10 if taken else 0.0
        return bool(taken)

    async def release(self, connection: Connection) -> None:
        await connection.execute("SELECT pg_advisory_unlock_all()", timeout=2)


class AdvisoryLockRelay(Relay):
    """Relies on the connection to tell whether the active relay lives."""

    def __init__(self, database: Database, service: str, settings: KafkaSettings) -> None:
        super().__init__(database, service, settings)
        self._lease = AdvisoryLock(service)


class FragileConsumer(Consumer):
    """Ends its process when the database does not answer."""

    async def _process(self, records: Sequence[ConsumerRecord], stop: asyncio.Event) -> bool:
        try:
            await self._settle(await self._deliveries(records))
        except Exception:  # noqa: BLE001 - whatever it was
            os._exit(1)
        return True


class PositionsConsumer(Consumer):
    """Commits the positions it has reached in pulling, not what it has settled."""

    async def _work_through(
        self, consumer: AIOKafkaConsumer, batches: Batches, stop: asyncio.Event
    ) -> None:
        await consumer.commit()
        await super()._work_through(consumer, batches, stop)


class ForeignGroupConsumer(Consumer):
    """Reads as a group that any database of the service shares, and so trusts offsets that another
    one has committed."""

    def _new_consumer(self, group: str) -> AIOKafkaConsumer:
        return super()._new_consumer(group.rpartition("-")[0])


class SkippingOrdering(Ordering):
    """Steps over what no reaction can apply, and goes on with the aggregate's next event."""

    def decide(self, envelope: Envelope, poison: Parked | None = None) -> None:
        super().decide(envelope, poison)
        if poison is not None:
            self.plan.cursors[aggregate_of(envelope)] = Cursor(envelope.sequence, envelope.id)


def decode_strictly(envelope: Envelope) -> Event:
    """Decode an event and refuse one with a field too many."""
    event = decode(envelope)
    if json.loads(envelope.data).keys() - type(event).model_fields.keys():
        raise MalformedEvent("a field too many")
    return event


async def replay_without_inbox(database: Database, inbox: Inbox) -> None:
    """Hand everything that is set aside to its reaction again, and note it as resolved."""
    async with database.transaction() as session:
        connection = await session.driver()
        rows = await connection.fetch(
            "SELECT event_id, envelope::text FROM inbox_parked WHERE resolved_at IS NULL"
            " ORDER BY aggregate_id, aggregate_seq"
        )
        envelopes = [Envelope.from_json(json.loads(row["envelope"])) for row in rows]
        await inbox.react(session, [Received(decode(item), item) for item in envelopes])
        await connection.execute(
            "UPDATE inbox_parked SET resolved_at = now() WHERE event_id = ANY($1)",
            [row["event_id"] for row in rows],
        )


class ForgetfulInbox(Inbox):
    """Applies whatever arrives, as often as it arrives."""

    async def receive(
        self, session: Session, deliveries: Sequence[Delivery], poison: Parked | None = None
    ) -> tuple[Plan, list[Aggregate]]:
        received = [Received(decode(item.envelope), item.envelope) for item in deliveries]
        await self.react(session, received)
        return Plan(apply=received), []


class ForgetfulConsumer(Consumer):
    """A consumer without an inbox."""

    def __init__(
        self,
        database: Database,
        service: str,
        subscriptions: Subscriptions,
        settings: KafkaSettings,
    ) -> None:
        super().__init__(database, service, subscriptions, settings)
        self.inbox = ForgetfulInbox(service, subscriptions)


class OneProducerRelay(Relay):
    """Keeps its producer for life, whatever went wrong with it."""

    def __init__(self, database: Database, service: str, settings: KafkaSettings) -> None:
        super().__init__(database, service, settings)
        self._producer: AIOKafkaProducer | None = None

    def _new_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            self._producer = super()._new_producer()
        else:
            self._producer.start = self._producer.client.force_metadata_update
        return self._producer

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        pass

    async def end(self) -> None:
        """Let go of the producer after the test."""
        if self._producer is not None:
            await super()._discard(self._producer)


class EndlesslyStoppingRelay(Relay):
    """Lets its producer flush before it ends."""

    async def run(self, stop: asyncio.Event) -> None:
        await self._run(stop)

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        await producer.stop()


class PurgingRelay(Relay):
    """Deletes what it has published."""

    async def _mark(self, connection: Connection, ids: Sequence[int]) -> None:
        await connection.execute("DELETE FROM outbox WHERE id = ANY($1)", ids)


async def differences_by_count(publisher: Connection, subscriber: Connection) -> int:
    """Reconcile by comparing how many there are."""
    sent: int = await publisher.fetchval("SELECT count(*) FROM outbox")
    received: int = await subscriber.fetchval("SELECT count(*) FROM inbox")
    return sent - received


class GatheringRelay(Relay):
    """Sends every row by itself, all at once, and marks those that were acknowledged."""

    async def _publish(
        self, connection: Connection, producer: AIOKafkaProducer, rows: Sequence[Row]
    ) -> tuple[list[int], BaseException | None]:
        answers = await asyncio.gather(
            *(self._send_one(producer, row) for row in rows), return_exceptions=True
        )
        acknowledged = [
            row["id"] for row, answer in zip(rows, answers, strict=True) if answer is None
        ]
        return acknowledged, next((a for a in answers if isinstance(a, KafkaError)), None)

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=self._settings.bootstrap,
            acks="all",
            enable_idempotence=self._settings.idempotent,
            request_timeout_ms=self._settings.request_timeout_milliseconds,
        )

    async def _send_one(self, producer: AIOKafkaProducer, row: Row) -> None:
        topic, key = row["topic"], row["msg_key"].encode()
        partition = partition_of(key, self._partitions(producer, topic))
        await producer.send_and_wait(
            topic, row["payload"].encode(), key, partition, headers=headers_of(row)
        )


class ImpatientScheduler(Scheduler):
    """Fires whatever falls due within the second."""

    async def tick(
        self,
        now: datetime | None = None,
        *,
        include_simulated: bool = False,
        kinds: Collection[str] | None = None,
    ) -> int:
        soon = None if now is None else now + timedelta(seconds=1)
        return await super().tick(soon, include_simulated=include_simulated, kinds=kinds)


def impatient_scheduler(database: Database) -> Scheduler:
    """A scheduler of duties that does not wait for the microsecond."""
    kind = TimerKind(duties.SUBJECT, duties.LEVELS[0], duties.lock, duties.fall_due)
    return ImpatientScheduler(database, [kind])


async def fall_due_blindly(session: Session, due: Sequence[DueTimer]) -> None:
    """Note duties as overdue without looking whether they are open."""
    await duties.note(session, [timer.subject_id for timer in due], due[0].kind)


def careless_scheduler(database: Database) -> Scheduler:
    """A scheduler that does not look at the duties."""
    return Scheduler(
        database, [TimerKind(duties.SUBJECT, duties.LEVELS[0], duties.lock, fall_due_blindly)]
    )


async def rectify_alone(database: Database, duty: UUID) -> None:
    """Close a duty and leave its timers as they are."""
    async with database.transaction() as session:
        await duties.note(session, [duty], "rectified")
