"""A broker for the session, and a fresh database for each test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from itertools import count

import asyncpg
import pytest
from aiokafka.structs import ConsumerRecord

from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.ports import claim_ports
from deploy.embedded.postgres import EmbeddedPostgres
from shared.database import Connection, Database
from shared.messaging.consumer import Consumer, Subscriptions
from shared.messaging.schema import MESSAGING_DDL
from shared.messaging.settings import KafkaSettings
from tests.shared.messaging.parcels import ParcelMoved, note

ROLE = "parcels"

Deliver = Callable[..., Awaitable[None]]

# A subject that counts its events, and what a consumer has made of them.
PARCELS_DDL = """
CREATE TABLE parcel (
  parcel_id uuid PRIMARY KEY, place text NOT NULL DEFAULT '', event_sequence bigint NOT NULL,
  fires int NOT NULL DEFAULT 0);
CREATE TABLE effect (
  id bigint GENERATED ALWAYS AS IDENTITY, subject text NOT NULL, sequence bigint NOT NULL,
  place text NOT NULL, UNIQUE (subject, sequence));
"""

_numbers = count(1)


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """The database every test's own is copied from."""
    postgres.create_database("parcels_template", ROLE)
    postgres.execute(f"SET ROLE {ROLE};{MESSAGING_DDL}{PARCELS_DDL}", "parcels_template")
    return "parcels_template"


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The URL of a fresh database."""
    name = f"parcels_{next(_numbers)}"
    postgres.create_database(name, ROLE, template=template)
    yield postgres.url(name, ROLE)
    postgres.drop_database(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database, opened as a service's process opens it."""
    opened = Database(database_url, service="parcels")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    """A connection of the test's own, to look from outside."""
    opened = await asyncpg.connect(database_url)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def shared_broker() -> Iterator[EmbeddedBroker]:
    """A broker that stays up for the session."""
    broker = EmbeddedBroker(claim_ports())
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def kafka(shared_broker: EmbeddedBroker) -> KafkaSettings:
    """How the relay and consumers of a test reach the broker."""
    return KafkaSettings(bootstrap=shared_broker.bootstrap, idempotent=False)


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
