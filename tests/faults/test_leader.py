"""A25: a relay on Apache Kafka survives that a partition has no leader for longer than it waits."""

import asyncio
import signal
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared.messaging.relay import Relay
from shared.messaging.settings import KafkaSettings
from tests.faults.auditor import Fact, examine
from tests.faults.broken import OneProducerRelay
from tests.faults.conftest import NewToys
from tests.faults.counts import count
from tests.faults.stage import (
    NeverHappened,
    SecondNode,
    TwoDoorKafka,
    free_ports,
    log_of,
    running,
    until,
    until_drained,
)
from tests.faults.toys import PUBLISHER, TOPIC, count_in_bulk, new_tallies

REQUEST_TIMEOUT_MILLISECONDS = 1500
LEADERLESS_SECONDS = count(3, 20)
RECOVERED_SECONDS = 60
NOT_RECOVERED_SECONDS = count(8, 60)


@pytest.fixture(scope="module")
def second_node(
    apache_node: TwoDoorKafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecondNode]:
    """A second broker of the run's cluster."""
    node = SecondNode(tmp_path_factory.mktemp("second"), free_ports(2), apache_node)
    node.start()
    yield node
    node.kill()


async def without_a_leader(
    new_toys: NewToys, apache: TwoDoorKafka, second: SecondNode, kind: type[Relay], seconds: float
) -> None:
    """Publish to partitions that lose their leader for a while; audit the log in the end."""
    await put_topic_on(second, apache.bootstrap)
    database = await new_toys()
    tallies = await new_tallies(database, 30)
    settings = KafkaSettings(
        apache.bootstrap, request_timeout_milliseconds=REQUEST_TIMEOUT_MILLISECONDS
    )
    facts: list[Fact] = []
    relay = kind(database, PUBLISHER, settings)
    async with running(relay.run):
        for _ in range(3):
            facts += await count_in_bulk(database, tallies, 2)
            await until_drained(database, 20)
        second.signal(signal.SIGSTOP)
        try:
            facts += await count_in_bulk(database, tallies, 2)

            async def leaderless() -> bool:
                return await leaders(apache.bootstrap) == {-1}

            await until(leaderless, 30, "the partitions have no leader")
            facts += await count_in_bulk(database, tallies, 2)
            await asyncio.sleep(LEADERLESS_SECONDS)
        finally:
            second.signal(signal.SIGCONT)
        facts += await count_in_bulk(database, tallies, 2)
        await until_drained(database, seconds)
    examine(facts, await log_of(apache.bootstrap)).require_at_least_once()


async def put_topic_on(node: SecondNode, bootstrap: str) -> None:
    """Create the toys' topic with the second node leading all of its partitions."""
    administrator = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await administrator.start()
    try:
        places = {partition: [2] for partition in range(6)}
        topic = NewTopic(TOPIC, -1, -1, replica_assignments=places)
        await administrator.create_topics([topic])
    finally:
        await administrator.close()


async def leaders(bootstrap: str) -> set[int]:
    """The nodes that lead partitions of the toys' topic; -1 for none."""
    administrator = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await administrator.start()
    try:
        (topic,) = await administrator.describe_topics([TOPIC])
        return {partition["leader"] for partition in topic["partitions"]}
    finally:
        await administrator.close()


async def test_a_relay_recovers_by_itself_when_the_leader_was_away_longer_than_it_waits(
    new_toys: NewToys, apache: TwoDoorKafka, second_node: SecondNode
) -> None:
    await without_a_leader(new_toys, apache, second_node, Relay, RECOVERED_SECONDS)


async def test_control_a_relay_that_keeps_its_producer_does_not_recover(
    new_toys: NewToys, apache: TwoDoorKafka, second_node: SecondNode
) -> None:
    with pytest.raises(NeverHappened):
        await without_a_leader(
            new_toys, apache, second_node, OneProducerRelay, NOT_RECOVERED_SECONDS
        )
