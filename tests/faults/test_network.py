"""A5, A6: connections to the broker that swallow bytes reorder nothing and lose nothing."""

import random

import pytest

from shared.database import Database
from shared.messaging import consumer
from shared.messaging.consumer import Consumer
from shared.messaging.relay import Relay
from shared.messaging.settings import KafkaSettings
from tests.faults.auditor import AuditFailure, Fact, Findings, examine
from tests.faults.broken import ForgetfulConsumer, GatheringRelay, LeaselessRelay
from tests.faults.conftest import NewToys
from tests.faults.counts import FULL, count
from tests.faults.proxy import Mode, Proxy
from tests.faults.stage import (
    NeverHappened,
    TwoDoorKafka,
    effects_of,
    kafka,
    log_of,
    running,
    until,
    until_drained,
    until_received,
)
from tests.faults.toys import PUBLISHER, Counted, apply, count_in_bulk, new_group, new_tallies

CUTS = count(5, 20)
EVENTS_PER_CUT = 750
TALLIES = 250
REQUEST_TIMEOUT_MILLISECONDS = count(500, 1500)
NOTICED_SECONDS = count(7, 30)
SILENT = (Mode.BLACK_HOLE, Mode.HALF_OPEN, Mode.DELAY)


async def relay_through_cuts(
    database: Database,
    proxy: Proxy,
    relays: list[Relay],
    seed: int,
    modes: tuple[Mode, ...],
    cuts: int = CUTS,
) -> tuple[list[Fact], Findings]:
    """Write, and break the connection that carries a random byte of it, again and again."""
    dice = random.Random(seed)
    tallies = await new_tallies(database, TALLIES)
    facts: list[Fact] = []
    async with running(*(relay.run for relay in relays)):
        for _ in range(cuts):
            faults = proxy.faults
            proxy.arm(dice.choice(modes), dice.randrange(1_000, 200_000))
            facts += await count_in_bulk(database, tallies, EVENTS_PER_CUT // TALLIES)

            async def struck(before: int = faults) -> bool:
                return proxy.faults > before

            await until(struck, 20, "the connection was cut")
        await until_drained(database, 60)
    proxy.use(Mode.PASS)
    return facts, examine(facts, await log_of(f"127.0.0.1:{proxy.port}"))


async def test_connections_that_swallow_bytes_reorder_and_lose_nothing(
    new_toys: NewToys, broker_proxy: Proxy, seed: int
) -> None:
    database = await new_toys()
    settings = kafka(broker_proxy.port, request_timeout_milliseconds=REQUEST_TIMEOUT_MILLISECONDS)
    relays = [Relay(database, PUBLISHER, settings)]
    _, findings = await relay_through_cuts(database, broker_proxy, relays, seed, SILENT)
    assert findings.require_at_least_once().promised == CUTS * EVENTS_PER_CUT


async def two_relays_and_a_consumer(
    new_toys: NewToys, proxy: Proxy, seed: int, kind: type[Consumer]
) -> tuple[Findings, Findings]:
    """Two relays without a lease and a consumer through cuts: the log's and the effects' audit."""
    publisher, reader = await new_toys(), await new_toys()
    settings = KafkaSettings(
        f"127.0.0.1:{proxy.port}", request_timeout_milliseconds=REQUEST_TIMEOUT_MILLISECONDS
    )
    relays: list[Relay] = [LeaselessRelay(publisher, PUBLISHER, settings) for _ in range(2)]
    reading = kind(reader, new_group(), {Counted: apply}, settings)
    async with running(reading.run):
        facts, log = await relay_through_cuts(publisher, proxy, relays, seed, SILENT)
        await until_received(reader, log.promised, 30)
        return log, examine(facts, await effects_of(reader))


async def test_two_relays_at_once_double_no_effect_and_keep_the_order(
    new_toys: NewToys, apache_proxy: Proxy, seed: int
) -> None:
    log, effects = await two_relays_and_a_consumer(new_toys, apache_proxy, seed, Consumer)
    assert log.require_at_least_once().repeated > 0  # else the fault did not happen
    effects.require_exactly_once()


async def test_control_a_consumer_without_an_inbox_doubles_effects(
    new_toys: NewToys, apache_proxy: Proxy, seed: int
) -> None:
    _, effects = await two_relays_and_a_consumer(new_toys, apache_proxy, seed, ForgetfulConsumer)
    with pytest.raises(AuditFailure, match="repeated"):
        effects.require_exactly_once()


async def consume_through_a_silent_cut(
    new_toys: NewToys, apache: TwoDoorKafka, proxy: Proxy
) -> None:
    """Drop whatever a consumer's present connections carry, and wait for it to go on."""
    publisher, reader = await new_toys(), await new_toys()
    direct, proxied = KafkaSettings(apache.bootstrap), KafkaSettings(f"127.0.0.1:{proxy.port}")
    tallies = await new_tallies(publisher, TALLIES)
    reading = Consumer(reader, new_group(), {Counted: apply}, proxied)
    async with running(Relay(publisher, PUBLISHER, direct).run, reading.run):
        facts = await count_in_bulk(publisher, tallies, 1)
        await until_received(reader, len(facts), 30)
        assert proxy.cut(Mode.BLACK_HOLE) > 0
        facts += await count_in_bulk(publisher, tallies, 1)
        await until_received(reader, len(facts), NOTICED_SECONDS)
    examine(facts, await effects_of(reader)).require_exactly_once()


async def test_a_consumer_notices_that_its_connection_died_silently(
    new_toys: NewToys,
    apache: TwoDoorKafka,
    apache_proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not FULL:
        monkeypatch.setattr(consumer, "REQUEST_MILLISECONDS", 3000)
    await consume_through_a_silent_cut(new_toys, apache, apache_proxy)


async def test_control_with_the_librarys_own_patience_it_does_not_notice(
    new_toys: NewToys,
    apache: TwoDoorKafka,
    apache_proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumer, "REQUEST_MILLISECONDS", 40_000)
    with pytest.raises(NeverHappened):
        await consume_through_a_silent_cut(new_toys, apache, apache_proxy)


async def test_control_sending_everything_at_once_reorders(
    new_toys: NewToys, broker_proxy: Proxy, seed: int
) -> None:
    database = await new_toys()
    settings = kafka(broker_proxy.port, request_timeout_milliseconds=REQUEST_TIMEOUT_MILLISECONDS)
    relays: list[Relay] = [GatheringRelay(database, PUBLISHER, settings)]
    _, findings = await relay_through_cuts(
        database, broker_proxy, relays, seed, (Mode.BLACK_HOLE,), cuts=5
    )
    with pytest.raises(AuditFailure, match="disordered"):
        findings.require_at_least_once()
