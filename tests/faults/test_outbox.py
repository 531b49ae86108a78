"""A14, A23, A24: the outbox refuses what could block it, and stays fast however much it holds."""

import asyncio
import json
import random
from collections.abc import Awaitable
from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from asyncpg.connection import LoggedQuery

from deploy.embedded.broker import EmbeddedBroker
from shared.database import Connection, Database
from shared.ids import new_id
from shared.messaging import republish
from shared.messaging.outbox import PAYLOAD_LIMIT_BYTES, EventTooLarge
from shared.messaging.relay import PENDING, Relay
from shared.messaging.settings import KafkaSettings
from tests.faults.auditor import AuditFailure, Fact, examine
from tests.faults.broken import PURGE_BY_AGE
from tests.faults.conftest import NewToys
from tests.faults.counts import FULL, count
from tests.faults.stage import TwoDoorKafka, kafka, log_of, running, until_drained, until_quiet
from tests.faults.toys import PUBLISHER, count_in_bulk, count_up, new_tallies

TOO_LARGE = "x" * 300_000

# -- A14 -----------------------------------------------------------------------------------------


async def test_an_event_of_300_kb_is_refused_inside_the_business_transaction(
    new_toys: NewToys, broker: EmbeddedBroker
) -> None:
    database = await new_toys()
    tallies = await new_tallies(database, 2)
    with pytest.raises(EventTooLarge) as refusal:
        async with database.transaction() as session:
            await count_up(session, tallies[0], TOO_LARGE)
    assert (refusal.value.status, refusal.value.code) == (422, "EVENT_TOO_LARGE")
    async with running(Relay(database, PUBLISHER, kafka(broker.bootstrap)).run):
        facts = await count_in_bulk(database, tallies, 10)
        await until_drained(database, 5)
    examine(facts, await log_of(broker.bootstrap)).require_exactly_once()


async def test_the_database_itself_refuses_an_event_the_code_let_pass(new_toys: NewToys) -> None:
    database = await new_toys()
    async with database.statement() as connection:
        await insert_raw(connection, PAYLOAD_LIMIT_BYTES - 2)
        for size in (PAYLOAD_LIMIT_BYTES - 1, 10_000_000):
            with pytest.raises(asyncpg.CheckViolationError, match="outbox_payload_size"):
                await insert_raw(connection, size)
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 1


async def test_control_without_the_limit_an_event_that_was_promised_never_arrives(
    new_toys: NewToys, apache: TwoDoorKafka
) -> None:
    database = await new_toys()
    async with database.statement() as connection:
        await connection.execute("ALTER TABLE outbox DROP CONSTRAINT outbox_payload_size")
        facts = [await insert_raw(connection, 1_200_000)]
    facts += await count_in_bulk(database, await new_tallies(database, 2), 10)
    async with running(Relay(database, PUBLISHER, KafkaSettings(apache.bootstrap)).run):
        await until_quiet(database)
    with pytest.raises(AuditFailure, match="'lost': 1"):
        examine(facts, await log_of(apache.bootstrap)).require_exactly_once()


async def insert_raw(connection: Connection, size: int) -> Fact:
    """Put an event with a payload of `size` bytes and two quotes into the outbox, past all code."""
    event_id, aggregate = new_id(), str(new_id())
    await connection.execute(
        """INSERT INTO outbox (event_id, topic, msg_key, aggregate_type, aggregate_id,
                               aggregate_seq, event_type, schema_version, payload)
           VALUES ($1, 'toys.tally', $2, 'toys.tally', $2, 1, 'toys.tally.counted.v1', 1, $3)""",
        event_id,
        aggregate,
        json.dumps("x" * size),
    )
    return Fact(str(event_id), aggregate, 1)


# -- A23 -----------------------------------------------------------------------------------------

PENDING_ROWS = count(10_000, 100_000)
PUBLISHED_ROWS = count(100_000, 1_000_000)
PENDING_QUERY_MILLISECONDS = 20.0


class CountingDatabase(Database):
    """Counts the statements that run on connections of their own, such as the relay's."""

    statements = 0

    async def connect(self) -> Connection:
        connection = await super().connect()
        connection.add_query_logger(self._count)
        return connection

    def _count(self, _: LoggedQuery) -> None:
        self.statements += 1


async def fill(connection: Connection, number: int, published: str) -> None:
    """Insert so many rows whose `published_at` is the given SQL."""
    await connection.execute(
        f"""INSERT INTO outbox (topic, msg_key, aggregate_type, aggregate_id, aggregate_seq,
                                event_type, schema_version, payload, headers, published_at)
            SELECT 'toys.tally', k, 'toys.tally', k, 1, 'toys.tally.counted.v1', 1,
                   json_build_object('tally_id', k, 'number', 1, 'filling', repeat('x', 200)),
                   '{{"source": "/toys"}}', {published}
              FROM (SELECT uuidv7()::text AS k FROM generate_series(1, $1)) AS keys""",
        number,
        timeout=200,
    )


async def check_pending_query(connection: Connection) -> None:
    """Assert that the relay's query reads the partial index and is done in 20 ms."""
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {PENDING.replace('$1', '500')}"
    plans = [json.loads(await connection.fetchval(explain))[0] for _ in range(5)]
    assert "outbox_pending" in json.dumps(plans[-1])
    assert min(plan["Execution Time"] for plan in plans) <= PENDING_QUERY_MILLISECONDS


async def test_the_pending_query_stays_fast_beside_a_million_published_rows(
    new_toys: NewToys,
) -> None:
    database = await new_toys()
    connection = await database.connect()
    try:
        await connection.execute("SET statement_timeout = 0")
        await fill(connection, PUBLISHED_ROWS, "clock_timestamp()")
        await fill(connection, PENDING_ROWS, "NULL")
        await connection.execute("VACUUM ANALYZE outbox", timeout=100)
        await check_pending_query(connection)
        await connection.execute("DROP INDEX outbox_pending")
        with pytest.raises(AssertionError):  # the control
            await check_pending_query(connection)
    finally:
        await connection.close()


async def test_the_relay_needs_at_most_six_statements_for_a_thousand_events(
    new_toys: NewToys, broker: EmbeddedBroker
) -> None:
    assert await statements_per_thousand(new_toys, broker, batch_size=500) <= 6


async def test_control_small_batches_need_more_than_six_statements(
    new_toys: NewToys, broker: EmbeddedBroker
) -> None:
    assert await statements_per_thousand(new_toys, broker, batch_size=100) > 6


async def statements_per_thousand(
    new_toys: NewToys, broker: EmbeddedBroker, batch_size: int
) -> float:
    """How many statements the relay sends per 1,000 events while it drains 10,000."""
    database = await new_toys(kind=CountingDatabase)
    assert isinstance(database, CountingDatabase)
    facts = await count_in_bulk(database, await new_tallies(database, 100), 100)
    settings = kafka(broker.bootstrap, relay_batch_size=batch_size)
    async with running(Relay(database, PUBLISHER, settings).run):
        await until_drained(database, 20)
        statements = database.statements
    return statements * 1000 / len(facts)


# -- A24 -----------------------------------------------------------------------------------------

OLD_ROWS = count(30_000, 1_000_000)
CHUNK_ROWS = 5_000
SLOWER = 1.2
NOISE_SECONDS = 0.01
LOAD_SECONDS = count(1, 10)

WATCH_DELETES = """
CREATE TABLE deletes (rows bigint, unpublished bigint);
CREATE FUNCTION note_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO deletes SELECT count(*), count(*) FILTER (WHERE published_at IS NULL) FROM gone;
  RETURN NULL;
END $$;
CREATE TRIGGER note_delete AFTER DELETE ON outbox REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION note_delete();
"""


@dataclass(frozen=True)
class Cleaning:
    """What a purge under load did."""

    largest_chunk: int
    unpublished_deleted: int
    published_left: int
    p99_before: float
    p99_during: float


async def clean_under_load(new_toys: NewToys, dice: random.Random, old_rows: int) -> Cleaning:
    """Purge an outbox with old rows, pending ones among them, beside writers."""
    database = await new_toys()
    tallies = await new_tallies(database, 50)
    connection = await database.connect()
    try:
        await connection.execute("SET statement_timeout = 0")
        await fill(connection, old_rows, "clock_timestamp() - interval '40 days'")
        await fill(connection, 500, "NULL")
        await fill(connection, 500, "clock_timestamp() - interval '20 days'")
        await connection.execute("UPDATE outbox SET created_at = now() - interval '40 days'")
        await connection.execute("VACUUM ANALYZE outbox")
        await connection.execute(WATCH_DELETES)
        before = await latencies(database, tallies, dice, asyncio.sleep(LOAD_SECONDS))
        during = await latencies(database, tallies, dice, republish.purge(connection))
        chunks = await connection.fetchrow("SELECT max(rows), sum(unpublished)::int FROM deletes")
        left = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE published_at IS NOT NULL"
        )
    finally:
        await connection.close()
    assert chunks is not None
    return Cleaning(chunks[0], chunks[1], left, p99(before), p99(during))


async def latencies(
    database: Database, tallies: list[UUID], dice: random.Random, meanwhile: Awaitable[Any]
) -> list[float]:
    """How long each transaction of four writers took while `meanwhile` lasted."""
    taken: list[float] = []
    done = asyncio.ensure_future(meanwhile)

    async def keep_writing() -> None:
        while not done.done():
            started = perf_counter()
            async with database.transaction() as session:
                await count_up(session, dice.choice(tallies))
            taken.append(perf_counter() - started)
            await asyncio.sleep(0.005)

    await asyncio.gather(done, *(keep_writing() for _ in range(4)))
    return taken


def p99(taken: list[float]) -> float:
    """The 99th percentile."""
    return quantiles(taken, n=100)[98]


async def test_the_clean_up_deletes_published_rows_alone_and_in_small_chunks(
    new_toys: NewToys, seed: int
) -> None:
    cleaning = await clean_under_load(new_toys, random.Random(seed), OLD_ROWS)
    assert cleaning.largest_chunk <= CHUNK_ROWS
    assert cleaning.unpublished_deleted == 0
    assert cleaning.published_left == 500
    if FULL:  # the small counts are too few to say anything about time on a shared machine
        assert cleaning.p99_during <= SLOWER * cleaning.p99_before + NOISE_SECONDS


async def test_control_a_clean_up_by_age_alone_deletes_what_was_never_sent(
    new_toys: NewToys, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(republish, "_PURGE_OUTBOX", PURGE_BY_AGE)
    cleaning = await clean_under_load(new_toys, random.Random(seed), 30_000)
    assert cleaning.unpublished_deleted >= 500
