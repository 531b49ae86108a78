"""A8, A9: a database connection that falls silent, and a database that crashes again and again."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy.exc import SQLAlchemyError

from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.postgres import EmbeddedPostgres
from shared.database import Database
from shared.messaging import lease
from shared.messaging.relay import Relay
from shared.messaging.settings import KafkaSettings
from tests.conftest import ROLE
from tests.faults.auditor import Fact, examine
from tests.faults.broken import AdvisoryLockRelay
from tests.faults.conftest import NewToys
from tests.faults.counts import FULL, count
from tests.faults.proxy import Mode, Proxy
from tests.faults.stage import (
    NeverHappened,
    Supervised,
    TwoDoorKafka,
    database_name,
    effects_of,
    kafka,
    running,
    until_drained,
    until_received,
)
from tests.faults.toys import (
    PUBLISHER,
    TOYS_DDL,
    count_in_bulk,
    count_up,
    new_group,
    new_tallies,
)

# -- A8 ------------------------------------------------------------------------------------------

TAKEN_OVER_SECONDS = count(4, 30)


@pytest.fixture
def quick_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease a tenth as long, so that the default run need not wait for the real one."""
    if not FULL:
        for name in ("TTL_SECONDS", "RENEW_SECONDS", "MARGIN_SECONDS"):
            monkeypatch.setattr(lease, name, getattr(lease, name) / 10)


async def silence_the_holder(
    new_toys: NewToys, postgres: EmbeddedPostgres, broker: EmbeddedBroker, kind: type[Relay]
) -> float:
    """Black-hole the active relay's database connection; seconds until the other has taken over."""
    database = await new_toys()
    tallies = await new_tallies(database, 10)
    settings = kafka(broker.bootstrap)
    async with Proxy(postgres.socket_directory / ".s.PGSQL.5432") as proxy:
        name = database_name(database)
        url = f"postgresql://{ROLE}@127.0.0.1:{proxy.port}/{name}?sslmode=disable"
        behind_proxy = Database(url, service=PUBLISHER)
        async with running(kind(behind_proxy, PUBLISHER, settings).run):
            await count_in_bulk(database, tallies, 1)
            await until_drained(database, 10)
            async with running(kind(database, PUBLISHER, settings).run):
                proxy.use(Mode.BLACK_HOLE)
                await count_in_bulk(database, tallies, 1)
                return await until_drained(database, TAKEN_OVER_SECONDS)


async def test_another_relay_takes_over_from_one_whose_database_connection_fell_silent(
    new_toys: NewToys, postgres: EmbeddedPostgres, broker: EmbeddedBroker, quick_lease: None
) -> None:
    await silence_the_holder(new_toys, postgres, broker, Relay)


async def test_control_an_advisory_lock_is_held_on_by_a_silent_connection(
    new_toys: NewToys, postgres: EmbeddedPostgres, broker: EmbeddedBroker
) -> None:
    with pytest.raises(NeverHappened):
        await silence_the_holder(new_toys, postgres, broker, AdvisoryLockRelay)


# -- A9 ------------------------------------------------------------------------------------------

RESTARTS = count(2, 10)
TRANSACTIONS = count(800, 12_000)
WRITERS = 8
RESTART_EVERY_SECONDS = count(1, 2)


@pytest.fixture
def crashing_postgres(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[EmbeddedPostgres]:
    """A durable PostgreSQL of this test's own, whose plug may be pulled."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("crashing"), durable=True)
    server.start()
    server.create_role(ROLE)
    yield server
    server.stop("immediate")
    server.destroy()


async def write_through_outages(
    database: Database,
    tallies: Sequence[UUID],
    number: int,
    enough: asyncio.Event,
    dice: random.Random,
) -> tuple[list[Fact], list[Fact]]:
    """Write at least so many, until it is enough: the acknowledged, and those without an answer."""
    acknowledged: list[Fact] = []
    unknown: list[Fact] = []
    while not enough.is_set() or len(acknowledged) < number:
        fact = None
        await asyncio.sleep(dice.uniform(0, 0.02))
        try:
            async with database.transaction() as session:
                fact = await count_up(session, dice.choice(tallies))
            acknowledged.append(fact)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError):
            unknown += [fact] if fact else []
            await asyncio.sleep(0.05)
    return acknowledged, unknown


async def restart_under_load(
    server: EmbeddedPostgres,
    broker: TwoDoorKafka,
    seed: int,
    *,
    consumer: str = "shared.messaging.consumer:Consumer",
    restarts: int = RESTARTS,
    transactions: int = TRANSACTIONS,
) -> None:
    """Crash PostgreSQL under writers, relay and consumer, and audit what became of it."""
    for name in ("publisher", "reader"):
        server.create_database(name, ROLE)
        server.execute(f"SET ROLE {ROLE};\n{TOYS_DDL}", name)
    publisher = Database(server.url("publisher", ROLE), service=PUBLISHER)
    reader = Database(server.url("reader", ROLE), service="reader", pool_size=2)
    await publisher.open()
    await reader.open()
    settings = KafkaSettings(broker.bootstrap)
    arguments = {"database": reader.url, "group": new_group(), "consumer": consumer}
    try:
        tallies = await new_tallies(publisher, 100)
        life = Supervised("consumer", arguments, settings)
        async with running(Relay(publisher, PUBLISHER, settings).run), life:
            enough, share = asyncio.Event(), transactions // WRITERS
            dice = [random.Random(seed + writer) for writer in range(WRITERS)]
            writers = [
                write_through_outages(publisher, tallies, share, enough, die) for die in dice
            ]
            writing = asyncio.gather(*writers)
            await until_received(reader, 1, 30)
            for _ in range(restarts):
                await asyncio.sleep(RESTART_EVERY_SECONDS)
                await asyncio.to_thread(server.restart, "immediate")
            enough.set()
            written = await writing
            facts = [fact for acknowledged, _ in written for fact in acknowledged]
            possible = [fact for _, unknown in written for fact in unknown]
            await until_drained(publisher, 30)
            await until_received(reader, len(facts), 60)
            examine(facts, await effects_of(reader), possible=possible).require_exactly_once()
            assert life.restarts == 0
    finally:
        await publisher.close()
        await reader.close()


async def test_nothing_acknowledged_is_lost_when_the_database_crashes_again_and_again(
    crashing_postgres: EmbeddedPostgres, apache: TwoDoorKafka, seed: int
) -> None:
    await restart_under_load(crashing_postgres, apache, seed)


async def test_control_a_consumer_that_exits_on_a_database_error_has_to_be_restarted(
    crashing_postgres: EmbeddedPostgres, apache: TwoDoorKafka, seed: int
) -> None:
    with pytest.raises(AssertionError):
        await restart_under_load(
            crashing_postgres,
            apache,
            seed,
            consumer="tests.faults.broken:FragileConsumer",
            restarts=3,  # one can fall between two batches
            transactions=800,
        )
