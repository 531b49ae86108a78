"""Both brokers of one machine: a record comes back, and Apache Kafka keeps it over a crash."""

from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.ports import claim_ports
from deploy.embedded.processes import StackError
from deploy.kafka.server import ApacheKafka

TOPIC = "inspection.problem"


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedBroker]:
    """The memory-only broker."""
    broker = EmbeddedBroker(claim_ports())
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """A node of Apache Kafka; the first run ever fetches it."""
    broker = ApacheKafka(tmp_path_factory.mktemp("apache"), claim_ports(2))
    broker.start()
    yield broker
    broker.stop()


async def publish(bootstrap: str, *, idempotent: bool) -> None:
    """Create the topic with 12 partitions and publish one record to the last of them."""
    administrator = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await administrator.start()
    topic = NewTopic(TOPIC, 12, 1, topic_configs={"cleanup.policy": "delete"})
    answer = await administrator.create_topics([topic])
    assert [code for _, code, _ in answer.topic_errors] == [0]
    await administrator.close()
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=idempotent
    )
    await producer.start()
    await producer.send_and_wait(TOPIC, b"{}", key=b"1", partition=11, headers=[("ce_id", b"7")])
    await producer.stop()


async def first_record(bootstrap: str) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Value and headers of the first record of the last partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([TopicPartition(TOPIC, 11)])
    record = await consumer.getone()
    await consumer.stop()
    return record.value, list(record.headers)


async def test_the_embedded_broker_hands_back_a_record(embedded: EmbeddedBroker) -> None:
    await publish(embedded.bootstrap, idempotent=False)
    assert await first_record(embedded.bootstrap) == (b"{}", [("ce_id", b"7")])


async def test_apache_kafka_keeps_a_record_over_a_crash(apache: ApacheKafka) -> None:
    await publish(apache.bootstrap, idempotent=True)
    apache.kill()
    apache.start()
    assert await first_record(apache.bootstrap) == (b"{}", [("ce_id", b"7")])


async def test_apache_kafka_creates_no_topic_by_itself(apache: ApacheKafka) -> None:
    administrator = AIOKafkaAdminClient(bootstrap_servers=apache.bootstrap)
    await administrator.start()
    await administrator.describe_topics(["unheard.of"])
    assert "unheard.of" not in await administrator.list_topics()
    await administrator.close()


def test_a_broker_that_cannot_start_says_so(embedded: EmbeddedBroker) -> None:
    with pytest.raises(StackError, match="broker is already running"):
        embedded.start()
