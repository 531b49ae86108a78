"""The stage of the fault tests: toy databases, brokers, proxies, and a printed seed."""

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.ports import claim_ports
from deploy.embedded.postgres import EmbeddedPostgres
from shared.database import Database
from tests.conftest import ROLE
from tests.faults.duties import DUTIES_DDL
from tests.faults.proxy import Proxy
from tests.faults.stage import AdvertisingBroker, TwoDoorKafka
from tests.faults.toys import PUBLISHER, TOPIC, TOYS_DDL
from tests.notify.webhooks.conftest import hooks  # noqa: F401 - a fixture

TEMPLATE = "template_toys"

NewToys = Callable[..., Awaitable[Database]]

_numbers = count(1)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of this test; FAULTS_SEED repeats an earlier one."""
    chosen = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"{request.node.name}: FAULTS_SEED={chosen}")  # noqa: T201 - to repeat a failed run
    return chosen


@pytest.fixture(scope="session")
def toy_template(postgres: EmbeddedPostgres) -> str:
    """A database with the toys' tables, to be copied."""
    postgres.create_database(TEMPLATE, ROLE)
    postgres.execute(f"SET ROLE {ROLE};\n{TOYS_DDL}{DUTIES_DDL}", TEMPLATE)
    return TEMPLATE


@pytest.fixture
async def new_toys(postgres: EmbeddedPostgres, toy_template: str) -> AsyncIterator[NewToys]:
    """Open a fresh database of toys; closed and dropped after the test."""
    opened: list[Database] = []
    names: list[str] = []

    async def make(
        service: str = PUBLISHER, *, pool_size: int = 10, kind: type[Database] = Database
    ) -> Database:
        name = f"toys_{next(_numbers)}"
        postgres.create_database(name, ROLE, template=toy_template)
        names.append(name)
        database = kind(postgres.url(name, ROLE), service=service, pool_size=pool_size)
        await database.open()
        opened.append(database)
        return database

    yield make
    for database in opened:
        await database.close()
    for name in names:
        postgres.drop_database(name)


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """A fresh embedded broker."""
    server = EmbeddedBroker(claim_ports())
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def apache_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoDoorKafka]:
    """An Apache Kafka node of this run."""
    node = TwoDoorKafka(tmp_path_factory.mktemp("apache"), claim_ports(4))
    node.start()
    yield node
    node.kill()


@pytest.fixture
async def apache(apache_node: TwoDoorKafka) -> TwoDoorKafka:
    """The Apache Kafka node, without what earlier tests left in it."""
    administrator = AIOKafkaAdminClient(bootstrap_servers=apache_node.bootstrap)
    await administrator.start()
    try:
        if TOPIC in await administrator.list_topics():
            await administrator.delete_topics([TOPIC])
    finally:
        await administrator.close()
    return apache_node


@pytest.fixture
async def apache_proxy(apache: TwoDoorKafka) -> AsyncIterator[Proxy]:
    """The proxy in front of the Apache Kafka node's second listener."""
    async with Proxy(apache.second_door, port=apache.proxy_port) as proxy:
        yield proxy


@pytest.fixture
async def broker_proxy() -> AsyncIterator[Proxy]:
    """A fresh embedded broker that is reached through a proxy alone."""
    server = AdvertisingBroker(claim_ports())
    async with Proxy(server.port) as proxy:
        server.advertised_port = proxy.port
        server.start()
        try:
            yield proxy
        finally:
            server.kill()
