"""A25: a relay on Apache Kafka survives that a partition has no leader for longer than it waits."""

import signal
from collections.abc import AsyncIterator

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from prometheus_client import REGISTRY

from deploy.embedded.ports import claim_ports
from shared.database import Database
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
    coordinated,
    log_of,
    running,
    until,
    until_drained,
)
from tests.faults.toys import PUBLISHER, TOPIC, count_in_bulk, new_group, new_tallies

REQUEST_TIMEOUT_MILLISECONDS = 1500
TRIES_IN_VAIN = count(2, 5)  # the first may still reach the leader when it wakes up
RECOVERED_SECONDS = 60
NOT_RECOVERED_SECONDS = count(5, 60)


@pytest.fixture(scope="module")
async def second_node(
    apache_node: TwoDoorKafka, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SecondNode]:
    """A second broker in the run's cluster, for these tests alone."""

    async def groups_have_their_place() -> bool:
        return await coordinated(apache_node.bootstrap, new_group())

    # What the whole run needs must not come to lie on the second node.
    await until(groups_have_their_place, 30, "the first node coordinates groups")
    node = SecondNode(tmp_path_factory.mktemp("second"), claim_ports(2), apache_node)
    node.start()
    yield node
    node.stop()


async def without_a_leader(
    database: Database, apache: TwoDoorKafka, second: SecondNode, relay: Relay, seconds: float
) -> None:
    """Publish to partitions that lose their leader for a while; audit the log in the end."""
    await put_topic_on(second, apache.bootstrap)
    tallies = await new_tallies(database, 30)
    facts: list[Fact] = []
    async with running(relay.run):
        for _ in range(3):
            facts += await count_in_bulk(database, tallies, 2)
            await until_drained(database, 20)
        second.signal(signal.SIGSTOP)
        try:

            async def leaderless() -> bool:
                return await leaders(apache.bootstrap) <= {-1, None}

            await until(leaderless, 30, "the partitions have no leader")
            facts += await count_in_bulk(database, tallies, 2)
            failures = relay_failures()

            async def in_vain() -> bool:
                return relay_failures() >= failures + TRIES_IN_VAIN

            await until(in_vain, 60, "the relay tried in vain")
        finally:
            second.signal(signal.SIGCONT)
        facts += await count_in_bulk(database, tallies, 2)
        await until_drained(database, seconds)
    examine(facts, await log_of(apache.bootstrap)).require_at_least_once()


def relay_failures() -> float:
    """How often relays of the toys have begun anew."""
    return REGISTRY.get_sample_value("bangfu_relay_failures_total", {"service": PUBLISHER}) or 0.0


def settings_of(apache: TwoDoorKafka) -> KafkaSettings:
    """An idempotent producer with little patience."""
    return KafkaSettings(
        apache.bootstrap, request_timeout_milliseconds=REQUEST_TIMEOUT_MILLISECONDS
    )


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


async def leaders(bootstrap: str) -> set[int | None]:
    """The nodes that lead partitions of the toys' topic, as the first node sees it."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    try:
        await client.bootstrap()
        partitions = client.cluster.partitions_for_topic(TOPIC) or ()
        places = [TopicPartition(TOPIC, partition) for partition in partitions]
        return {client.cluster.leader_for_partition(place) for place in places}
    finally:
        await client.close()


async def test_a_relay_recovers_by_itself_when_the_leader_was_away_longer_than_it_waits(
    new_toys: NewToys, apache: TwoDoorKafka, second_node: SecondNode
) -> None:
    database = await new_toys()
    relay = Relay(database, PUBLISHER, settings_of(apache))
    await without_a_leader(database, apache, second_node, relay, RECOVERED_SECONDS)


async def test_control_a_relay_that_keeps_its_producer_does_not_recover(
    new_toys: NewToys, apache: TwoDoorKafka, second_node: SecondNode
) -> None:
    database = await new_toys()
    relay = OneProducerRelay(database, PUBLISHER, settings_of(apache))
    with pytest.raises(NeverHappened, match="drained"):
        await without_a_leader(database, apache, second_node, relay, NOT_RECOVERED_SECONDS)
    await relay.end()
