"""A consumer on a new database: it hears everything again, what its own service said first."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.ports import claim_ports
from deploy.embedded.postgres import EmbeddedPostgres
from shared.database import Database, Session
from shared.events.base import Event, Received
from shared.ids import new_id
from shared.messaging.consumer import Consumer, Subscriptions
from shared.messaging.outbox import prepare, record_many
from shared.messaging.relay import Relay
from shared.messaging.settings import KafkaSettings
from tests.shared.messaging.conftest import ROLE
from tests.shared.messaging.loops import running, until
from tests.shared.messaging.parcels import LetterSent, ParcelMoved

LETTERS, PARCELS = 300, 40

_numbers = count(1)


class Listener:
    """A process of the service parcels: it hears its own topic and the one of letters."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.heard_when_caught_up = -1

    async def run(self, database: Database, kafka: KafkaSettings) -> None:
        """Listen on `database` until everything was heard."""
        hears: Subscriptions = {LetterSent: self._hear, ParcelMoved: self._hear}
        caught_up = asyncio.Event()
        consumer = Consumer(database, "parcels", hears, kafka, caught_up)
        async with running(consumer.run):
            await asyncio.wait_for(caught_up.wait(), 20)
            self.heard_when_caught_up = len(self.heard)
            await until(self._all_heard, 20)

    async def _hear(self, _session: Session, received: Sequence[Received[Any]]) -> None:
        self.heard.extend(one.event.topic() for one in received)

    async def _all_heard(self) -> bool:
        return len(self.heard) >= LETTERS + PARCELS


@pytest.fixture
def own_broker() -> Iterator[KafkaSettings]:
    """A broker that holds nothing but what the test publishes."""
    broker = EmbeddedBroker(claim_ports())
    broker.start()
    yield KafkaSettings(broker.bootstrap, idempotent=False)
    broker.stop()


async def _publish(database: Database, kafka: KafkaSettings, events: Sequence[Event]) -> None:
    service = events[0].publisher()
    async with database.driver_transaction() as inside:
        await record_many(inside, [prepare(event, 1) for event in events])

    async def sent() -> bool:
        async with database.statement() as connection:
            return not await connection.fetchval(
                "SELECT count(*) FROM outbox WHERE published_at IS NULL"
            )

    async with running(Relay(database, service, kafka).run):
        await until(sent, 20)


async def test_a_new_database_hears_everything_again_and_its_own_service_first(
    database: Database, own_broker: KafkaSettings, postgres: EmbeddedPostgres, template: str
) -> None:
    @asynccontextmanager
    async def another_database() -> AsyncIterator[Database]:
        name = f"recollecting_{next(_numbers)}"
        postgres.create_database(name, ROLE, template=template)
        opened = Database(postgres.url(name, ROLE), service="parcels")
        await opened.open()
        yield opened
        await opened.close()
        postgres.drop_database(name)

    async with another_database() as letters:
        await _publish(
            letters, own_broker, [LetterSent(letter_id=new_id()) for _ in range(LETTERS)]
        )
    await _publish(
        database, own_broker, [ParcelMoved(parcel_id=new_id(), place="x") for _ in range(PARCELS)]
    )

    first = Listener()
    await first.run(database, own_broker)
    assert len(first.heard) == LETTERS + PARCELS

    # The group has committed the ends of all topics; a database that knows nothing begins anew.
    second = Listener()
    async with another_database() as fresh:
        await second.run(fresh, own_broker)
    assert second.heard[:PARCELS] == ["parcels.parcel"] * PARCELS
    assert second.heard[PARCELS:] == ["letters.letter"] * LETTERS
    assert second.heard_when_caught_up == LETTERS + PARCELS  # not before
