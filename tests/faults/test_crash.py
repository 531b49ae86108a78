"""A1: a relay killed exactly between publishing and marking loses nothing and doubles no effect."""

import asyncio
from dataclasses import dataclass

import pytest

from deploy.embedded.broker import EmbeddedBroker
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.messaging.settings import KafkaSettings
from tests.faults.auditor import AuditFailure, Findings, examine
from tests.faults.conftest import NewToys
from tests.faults.counts import count
from tests.faults.stage import (
    TwoDoorKafka,
    consume_log,
    effects_of,
    kafka,
    log_of,
    running,
    until_drained,
    until_received,
    worker,
)
from tests.faults.toys import (
    PUBLISHER,
    Counted,
    apply,
    count_in_bulk,
    new_group,
    new_tallies,
    write_together,
)

KILLS = count(10, 200)
APACHE_KILLS = count(5, 200)
EVENTS_PER_KILL = 100
TALLIES = count(100, 500)
BATCH = 50


@dataclass(frozen=True)
class Outcome:
    """What the audit found in the broker's log and in the consumer's database."""

    log: Findings
    effects: Findings


async def kill_relays(
    new_toys: NewToys,
    settings: KafkaSettings,
    seed: int,
    kills: int,
    *,
    relay: str = "shared.messaging.relay:Relay",
    crash_at: str = "after_publish",
    beside: bool = False,
) -> Outcome:
    """Kill relays while events are written and, `beside`, consumed; then let one finish."""
    publisher, reader = await new_toys(), await new_toys()
    tallies = await new_tallies(publisher, TALLIES)
    rounds = max(1, kills * EVENTS_PER_KILL // TALLIES)
    facts = await count_in_bulk(publisher, tallies, rounds)
    consumer = Consumer(reader, new_group(), {Counted: apply}, settings)
    async with running(*([consumer.run] if beside else [])):
        killing = worker(
            "relays",
            {"database": publisher.url, "relay": relay, "kills": kills, "seed": seed},
            settings,
            CRASH_AT=crash_at,
        )
        async with killing as process:
            facts += await write_together(publisher, tallies, kills * 10, seed, writers=4)
            assert await asyncio.wait_for(process.wait(), 280) == 0
        async with running(Relay(publisher, PUBLISHER, settings).run):
            await until_drained(publisher, 30)
        log = examine(facts, await log_of(settings.bootstrap))
        if not beside:
            await consume_log(consumer, settings.bootstrap)
        await until_received(reader, log.promised - log.lost, 30)
    return Outcome(log, examine(facts, await effects_of(reader)))


async def test_a_relay_killed_between_publishing_and_marking_doubles_and_loses_no_effect(
    new_toys: NewToys, broker: EmbeddedBroker, seed: int
) -> None:
    settings = kafka(broker.bootstrap, relay_batch_size=BATCH)
    outcome = await kill_relays(new_toys, settings, seed, KILLS)
    outcome.effects.require_exactly_once()
    outcome.log.require_at_least_once()
    assert outcome.log.repeated >= KILLS  # else the fault did not happen


async def test_killed_relays_double_and_lose_no_effect_on_apache_kafka(
    new_toys: NewToys, apache: TwoDoorKafka, seed: int
) -> None:
    settings = KafkaSettings(apache.bootstrap, relay_batch_size=BATCH)
    outcome = await kill_relays(new_toys, settings, seed, APACHE_KILLS, beside=True)
    outcome.effects.require_exactly_once()
    outcome.log.require_at_least_once()
    assert outcome.log.repeated >= APACHE_KILLS


async def test_control_a_relay_that_marks_before_it_publishes_loses_events(
    new_toys: NewToys, apache: TwoDoorKafka, seed: int
) -> None:
    outcome = await kill_relays(
        new_toys,
        KafkaSettings(apache.bootstrap, relay_batch_size=BATCH),
        seed,
        kills=3,
        relay="tests.faults.broken:MarkingFirstRelay",
        crash_at="after_mark",
    )
    with pytest.raises(AuditFailure, match="lost"):
        outcome.effects.require_exactly_once()
