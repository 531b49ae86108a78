"""The proof that nothing was skipped: what a publisher sent against what a consumer received."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Connection

# Event ids begin with their time, so both sides select the same events by a range of ids.
_SENT = """
SELECT event_id, topic FROM outbox
 WHERE event_id >= $1 AND event_id < $2 AND topic = ANY($3) AND published_at IS NOT NULL
"""
_RECEIVED = """
SELECT event_id, topic FROM inbox
 WHERE event_id >= $1 AND event_id < $2 AND topic = ANY($3) AND consumer = $4
"""
_MANIFEST = """
SELECT topic, count(*) AS events,
       encode(sha256(string_agg(uuid_send(event_id), ''::bytea ORDER BY event_id)), 'hex') AS digest
  FROM ({events}) AS e GROUP BY topic
"""


@dataclass(frozen=True, slots=True)
class Manifest:
    """How many events of a topic there are in a window, and the SHA-256 of their sorted ids."""

    events: int
    digest: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The events of one topic that only one side knows, in the order of time."""

    topic: str
    not_received: list[UUID]
    not_sent: list[UUID]


@dataclass(frozen=True, slots=True)
class Window:
    """Events of `topics` recorded at or after `since` and before `until`."""

    since: datetime
    until: datetime
    topics: Collection[str]

    def parameters(self) -> tuple[UUID, UUID, list[str]]:
        """What both sides' queries take first."""
        return first_id_at(self.since), first_id_at(self.until), sorted(self.topics)


def first_id_at(instant: datetime) -> UUID:
    """The smallest id an event recorded at `instant` can have."""
    return UUID(int=int(instant.timestamp() * 1000) << 80)


async def sent(publisher: Connection, window: Window) -> dict[str, Manifest]:
    """The manifest of what a service published, by topic; topics without events are absent."""
    return await _manifests(publisher, _SENT, *window.parameters())


async def received(subscriber: Connection, consumer: str, window: Window) -> dict[str, Manifest]:
    """The manifest of what a consumer has in its inbox."""
    return await _manifests(subscriber, _RECEIVED, *window.parameters(), consumer)


async def differences(
    publisher: Connection, subscriber: Connection, consumer: str, window: Window
) -> list[Difference]:
    """The topics on which the two manifests disagree, with the ids in question; [] is the proof."""
    ours, theirs = await sent(publisher, window), await received(subscriber, consumer, window)
    found = []
    for topic in sorted(ours.keys() | theirs.keys()):
        if ours.get(topic) == theirs.get(topic):
            continue
        narrowed = Window(window.since, window.until, [topic]).parameters()
        ids_sent = {row["event_id"] for row in await publisher.fetch(_SENT, *narrowed)}
        ids_received = {
            row["event_id"] for row in await subscriber.fetch(_RECEIVED, *narrowed, consumer)
        }
        found.append(
            Difference(topic, sorted(ids_sent - ids_received), sorted(ids_received - ids_sent))
        )
    return found


async def _manifests(
    connection: Connection, events: str, *parameters: object
) -> dict[str, Manifest]:
    rows = await connection.fetch(_MANIFEST.format(events=events), *parameters)
    return {row["topic"]: Manifest(row["events"], row["digest"]) for row in rows}
