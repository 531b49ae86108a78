"""Topics: one per kind of subject, created by its publisher alone."""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from shared.events.base import Event, event_types

RETENTION_MILLISECONDS = 30 * 24 * 3600 * 1000
# A topic keeps for ever the number it was created with: another would change which partition a key
# belongs to, and so its order. Every fetch names every partition a service reads, so that one for
# which there is nothing to gain costs all the others time: what people do by hand has one.
PARTITIONS = 6
_BUSY = ("inspection.problem", "funds.payment")
_QUIET = (
    *("households.region", "funds.allocation", "funds.policygap", "funds.progress"),
    *("funds.project", "inspection.accountability", "inspection.attendance"),
    *("inspection.bulletin", "inspection.campaign", "inspection.ranking"),
    *("notify.broadcast", "notify.digest", "notify.feedback", "notify.notification"),
    *("notify.reminder", "notify.subscription"),
)
PARTITIONS_OF = dict.fromkeys(_BUSY, 12) | dict.fromkeys(_QUIET, 1)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic; a compacted one keeps, beyond those thirty days, the newest event per key."""

    name: str
    partitions: int
    compacted: bool

    def on(self, brokers: int) -> NewTopic:
        """How it is created on so many brokers: with three replicas where there are three."""
        replicas = min(3, brokers)
        configuration = {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "min.insync.replicas": str(max(1, replicas - 1)),
        }
        kept = "min.compaction.lag.ms" if self.compacted else "retention.ms"
        configuration[kept] = str(RETENTION_MILLISECONDS)
        return NewTopic(self.name, self.partitions, replicas, topic_configs=configuration)


def topics_of(event_classes: Iterable[type[Event]]) -> list[Topic]:
    """The topics the classes belong to; raises ValueError where a topic mixes both kinds."""
    compacted: dict[str, bool] = {}
    for event_class in event_classes:
        name = event_class.topic()
        if compacted.setdefault(name, event_class.latest_wins) != event_class.latest_wins:
            raise ValueError(f"{name} mixes snapshots with events that must all be read")
    return [
        Topic(name, PARTITIONS_OF.get(name, PARTITIONS), latest_wins)
        for name, latest_wins in sorted(compacted.items())
    ]


def topic_of_copies(name: str) -> Topic:
    """A topic that outsiders read copies of events on: there are many of them and little on each,
    so all of it keeps its order in one partition."""
    return Topic(name, 1, compacted=False)


def published_topics(service: str) -> list[Topic]:
    """The topics `service` publishes to, by the event classes imported so far."""
    return topics_of(cls for cls in event_types().values() if cls.publisher() == service)


async def existing_topics(bootstrap: str, *, timeout_milliseconds: int = 10_000) -> set[str]:
    """The names of the topics the broker has; raises a KafkaError when it cannot be reached."""
    async with _administrator(bootstrap, timeout_milliseconds) as administrator:
        return set(await administrator.list_topics())


async def partitions_of(
    bootstrap: str, names: Collection[str], *, timeout_milliseconds: int = 10_000
) -> list[TopicPartition]:
    """Every partition of those of the topics that the broker has."""
    async with _administrator(bootstrap, timeout_milliseconds) as administrator:
        # A topic that is missing must not be asked for: some brokers would make it.
        present = sorted(set(names) & set(await administrator.list_topics()))
        described = await administrator.describe_topics(present) if present else []
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        for partition in topic["partitions"]
    ]


async def ensure_topics(
    bootstrap: str, topics: Collection[Topic], *, timeout_milliseconds: int = 10_000
) -> set[str]:
    """Create the topics that are missing and answer their names. Only their publisher calls it."""
    async with _administrator(bootstrap, timeout_milliseconds) as administrator:
        present = set(await administrator.list_topics())
        missing = [topic for topic in topics if topic.name not in present]
        if not missing:
            return set()
        brokers = len((await administrator.describe_cluster())["brokers"])
        answer = await administrator.create_topics([topic.on(brokers) for topic in missing])
    codes = {name: code for name, code, *_ in answer.topic_errors}
    for name, code in codes.items():
        if code not in (0, TopicAlreadyExistsError.errno):
            raise for_code(code)(name)
    return {name for name, code in codes.items() if code == 0}


@asynccontextmanager
async def _administrator(
    bootstrap: str, timeout_milliseconds: int
) -> AsyncIterator[AIOKafkaAdminClient]:
    administrator = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap, request_timeout_ms=timeout_milliseconds
    )
    try:
        await administrator.start()
        yield administrator
    finally:
        await administrator.close()
