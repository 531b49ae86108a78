"""A16, A18, A22: a broker without memory, a restored database, the proof of completeness."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.postgres import EmbeddedPostgres
from shared import clock
from shared.database import Database
from shared.messaging import reconciliation
from shared.messaging.consumer import Consumer
from shared.messaging.reconciliation import Window
from shared.messaging.relay import Relay
from shared.messaging.republish import republish
from shared.messaging.settings import KafkaSettings
from shared.messaging.topics import existing_topics
from tests.conftest import ROLE
from tests.faults.auditor import Fact, examine
from tests.faults.broken import ForeignGroupConsumer, PurgingRelay, differences_by_count
from tests.faults.conftest import NewToys
from tests.faults.counts import count
from tests.faults.stage import (
    TwoDoorKafka,
    consume_log,
    database_name,
    effects_of,
    kafka,
    log_of,
    running,
    until,
    until_drained,
    until_received,
)
from tests.faults.toys import (
    PUBLISHER,
    TOPIC,
    Counted,
    apply,
    count_in_bulk,
    new_group,
    new_tallies,
)

TALLIES = 50
ROUNDS = count(10, 200)

# -- A16 -----------------------------------------------------------------------------------------


async def wipe_the_broker(
    new_toys: NewToys, broker: EmbeddedBroker, kind: type[Relay]
) -> tuple[list[Fact], list[Fact], list[Fact]]:
    """Restart a broker without memory under a running relay.

    Answers the facts, what the log holds then, and the effects of a consumer that has read the log
    before and after.
    """
    database, reader = await new_toys(), await new_toys()
    settings = kafka(broker.bootstrap)
    consumer = Consumer(reader, new_group(), {Counted: apply}, settings)
    tallies = await new_tallies(database, TALLIES)
    async with running(kind(database, PUBLISHER, settings).run):
        facts = await count_in_bulk(database, tallies, ROUNDS)
        await until_drained(database, 30)
        await consume_log(consumer, broker.bootstrap)
        await asyncio.to_thread(broker.kill)
        facts += await count_in_bulk(database, tallies, 1)
        await asyncio.to_thread(broker.start)

        async def topic_is_back() -> bool:
            # Asking this broker for a topic by its name would create it.
            return TOPIC in await existing_topics(broker.bootstrap)

        await until(topic_is_back, 30, "the topic is back")
        await until_drained(database, 30)
    await consume_log(consumer, broker.bootstrap)
    return facts, await log_of(broker.bootstrap), await effects_of(reader)


async def test_a_relay_fills_a_broker_that_lost_its_memory(
    new_toys: NewToys, broker: EmbeddedBroker
) -> None:
    facts, log, effects = await wipe_the_broker(new_toys, broker, Relay)
    assert examine(facts, log).lost == 0
    examine(facts, effects).require_exactly_once()


async def test_control_an_outbox_emptied_on_publishing_cannot_fill_it(
    new_toys: NewToys, broker: EmbeddedBroker
) -> None:
    facts, log, _ = await wipe_the_broker(new_toys, broker, PurgingRelay)
    with pytest.raises(AssertionError):
        assert examine(facts, log).lost == 0


async def test_republishing_since_an_instant_doubles_no_effect(
    new_toys: NewToys, apache: TwoDoorKafka
) -> None:
    publisher, reader = await new_toys(), await new_toys()
    settings = KafkaSettings(apache.bootstrap)
    tallies = await new_tallies(publisher, TALLIES)
    consumer = Consumer(reader, new_group(), {Counted: apply}, settings)
    async with running(Relay(publisher, PUBLISHER, settings).run, consumer.run):
        facts = await count_in_bulk(publisher, tallies, ROUNDS)
        await until_drained(publisher, 30)
        since = clock.now()
        later = await count_in_bulk(publisher, tallies, ROUNDS)
        await until_received(reader, len(facts) + len(later), 30)
        async with publisher.statement() as connection:
            assert await republish(connection, since) == len(later)
        await until_drained(publisher, 30)
        facts += await count_in_bulk(publisher, tallies, 1)
        facts += later
        await until_received(reader, len(facts), 30)
        log = examine(facts, await log_of(apache.bootstrap)).require_at_least_once()
    assert log.repeated == len(later)
    examine(facts, await effects_of(reader)).require_exactly_once()


# -- A18 -----------------------------------------------------------------------------------------


async def state_of(database: Database) -> list[tuple[str, str]]:
    """What a consumer knows, row by row: each aggregate's effects in order, and its cursor."""
    async with database.statement() as connection:
        rows = await connection.fetch(
            """SELECT aggregate_id, last_seq || ' ' || last_event_id || ' ' || (
                      SELECT string_agg(number || ':' || event_id, ',' ORDER BY position)
                        FROM effect WHERE tally_id::text = aggregate_id) AS known
                 FROM inbox_cursor ORDER BY aggregate_id"""
        )
    return [(row["aggregate_id"], row["known"]) for row in rows]


async def restore_a_backup(
    new_toys: NewToys, server: EmbeddedPostgres, bootstrap: str, kind: type[Consumer]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Put a consumer's database back to a backup; its state in the end, and its twin's."""
    publisher, reader, twin = await new_toys(), await new_toys(), await new_toys()
    settings, group, twin_group = KafkaSettings(bootstrap), new_group(), new_group()
    tallies = await new_tallies(publisher, TALLIES)
    backup = f"{database_name(reader)}_backup"

    async def round_of_events(expected: int) -> None:
        await count_in_bulk(publisher, tallies, ROUNDS)
        async with running(
            Relay(publisher, PUBLISHER, settings).run,
            kind(reader, group, {Counted: apply}, settings).run,
            Consumer(twin, twin_group, {Counted: apply}, settings).run,
        ):
            await until_received(reader, expected, 30)
            await until_drained(publisher, 30)
            written = await state_of_outbox(publisher)
            await until_received(twin, written, 30)

    events = TALLIES * ROUNDS
    await round_of_events(events)
    await copy_database(server, reader, database_name(reader), backup)
    await round_of_events(2 * events)
    await copy_database(server, reader, backup, database_name(reader))
    # A group that thinks it has read the second round gets the third one only.
    await round_of_events(3 * events if kind is Consumer else 2 * events)
    server.drop_database(backup)
    return await state_of(reader), await state_of(twin)


async def state_of_outbox(database: Database) -> int:
    """How many events the outbox holds."""
    async with database.statement() as connection:
        rows: int = await connection.fetchval("SELECT count(*) FROM outbox")
    return rows


async def copy_database(
    server: EmbeddedPostgres, database: Database, source: str, target: str
) -> None:
    """Make `target` a copy of `source` while nobody is connected to `database`, one of the two."""
    await database.close()
    server.drop_database(target)
    server.create_database(target, ROLE, template=source)
    await database.open()


async def test_a_consumer_restored_from_a_backup_ends_like_its_twin(
    new_toys: NewToys, postgres: EmbeddedPostgres, apache: TwoDoorKafka
) -> None:
    restored, twin = await restore_a_backup(new_toys, postgres, apache.bootstrap, Consumer)
    assert len(twin) == TALLIES
    assert restored == twin


async def test_control_a_group_that_outlives_its_database_skips_what_a_backup_lacks(
    new_toys: NewToys, postgres: EmbeddedPostgres, apache: TwoDoorKafka
) -> None:
    restored, twin = await restore_a_backup(
        new_toys, postgres, apache.bootstrap, ForeignGroupConsumer
    )
    with pytest.raises(AssertionError):
        assert restored == twin


# -- A22 -----------------------------------------------------------------------------------------


async def test_reconciliation_names_a_missing_effect_and_a_missing_publication(
    new_toys: NewToys, apache: TwoDoorKafka
) -> None:
    publisher, reader = await new_toys(), await new_toys()
    settings, group, since = KafkaSettings(apache.bootstrap), new_group(), clock.now()
    facts = await count_in_bulk(publisher, await new_tallies(publisher, TALLIES), ROUNDS)
    async with running(
        Relay(publisher, PUBLISHER, settings).run,
        Consumer(reader, group, {Counted: apply}, settings).run,
    ):
        await until_received(reader, len(facts), 30)
        await until_drained(publisher, 30)
    window = Window(since - timedelta(seconds=1), clock.now() + timedelta(seconds=1), [TOPIC])
    async with publisher.statement() as ours, reader.statement() as theirs:
        assert await reconciliation.differences(ours, theirs, group, window) == []
        not_received, not_sent = UUID(facts[7].event), UUID(facts[70].event)
        await theirs.execute("DELETE FROM inbox WHERE event_id = $1", not_received)
        await ours.execute("DELETE FROM outbox WHERE event_id = $1", not_sent)
        (found,) = await reconciliation.differences(ours, theirs, group, window)
        assert (found.topic, found.not_received, found.not_sent) == (
            TOPIC,
            [not_received],
            [not_sent],
        )
        # The control: one missing on each side leaves the counts equal.
        assert await differences_by_count(ours, theirs) == 0
