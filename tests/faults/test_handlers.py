"""A11, A12, A13, A15: events that fail, for a while or for ever, and events nobody knows."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from structlog.testing import capture_logs

from shared.database import Database, Session
from shared.events.base import Received
from shared.ids import new_id
from shared.messaging import ordering, parking
from shared.messaging.consumer import Consumer
from shared.messaging.inbox import Inbox
from shared.messaging.recollection import group_of
from shared.messaging.relay import Relay
from shared.messaging.settings import KafkaSettings
from tests.faults.auditor import AuditFailure, Fact, examine
from tests.faults.broken import (
    PositionsConsumer,
    SkippingOrdering,
    decode_strictly,
    replay_without_inbox,
)
from tests.faults.conftest import NewToys
from tests.faults.counts import FULL, count
from tests.faults.stage import (
    TwoDoorKafka,
    effects_of,
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


class Trouble(Exception):
    """A fault in a reaction, of the kind that does not pass by waiting for the database."""


@dataclass
class Reaction:
    """`apply`, failing `times` times on every batch that holds the `number`-th of `aggregate`."""

    aggregate: str
    number: int
    times: int
    error: type[Exception] = Trouble
    calls: int = field(default=0, init=False)

    async def __call__(self, session: Session, received: Sequence[Received[Counted]]) -> None:
        """React as a service would."""
        bad = any(
            (str(item.event.tally_id), item.event.number) == (self.aggregate, self.number)
            for item in received
        )
        if bad and self.calls < self.times:
            self.calls += 1
            raise self.error
        await apply(session, received)


@dataclass
class Scene:
    """A publisher with a running relay, and a consumer's empty database."""

    publisher: Database
    reader: Database
    settings: KafkaSettings
    group: str

    def consumer(self, reaction: Any, kind: type[Consumer] = Consumer) -> Consumer:
        """A consumer of this scene."""
        return kind(self.reader, self.group, {Counted: reaction}, self.settings)

    async def parked(self) -> dict[str, int]:
        """How many events are set aside, by kind."""
        async with self.reader.statement() as connection:
            rows = await connection.fetch(
                "SELECT kind, count(*) FROM inbox_parked WHERE resolved_at IS NULL GROUP BY kind"
            )
        return dict(rows)


@pytest.fixture
async def scene(new_toys: NewToys, apache: TwoDoorKafka) -> AsyncIterator[Scene]:
    """The scene of each test here."""
    publisher, reader = await new_toys(), await new_toys()
    settings = KafkaSettings(apache.bootstrap)
    async with running(Relay(publisher, PUBLISHER, settings).run):
        yield Scene(publisher, reader, settings, new_group())


# -- A11 -----------------------------------------------------------------------------------------


async def run_with_transient_failure(
    scene: Scene, error: type[Exception], kind: type[Consumer]
) -> tuple[list[Fact], list[int]]:
    """100 events, the 50th failing thrice; the facts, and how far committed offsets ran ahead."""
    tallies = await new_tallies(scene.publisher, 1)
    facts = await count_in_bulk(scene.publisher, tallies, 100)
    await until_drained(scene.publisher, 20)
    reaction = Reaction(str(tallies[0]), 50, 3, error)
    async with running(scene.consumer(reaction, kind).run), leads(scene) as ahead:
        await until_received(scene.reader, len(facts), 20)
        before = len(ahead)

        async def committed() -> bool:
            return 0 in ahead[before:]

        await until(committed, 20, "offsets committed")
    assert reaction.calls == 3
    return facts, ahead


@asynccontextmanager
async def leads(scene: Scene) -> AsyncIterator[list[int]]:
    """Sample by how many records the committed offset is ahead of what the inbox holds."""
    ahead: list[int] = []
    administrator = AIOKafkaAdminClient(bootstrap_servers=scene.settings.bootstrap)
    await administrator.start()
    async with scene.reader.statement() as connection:
        group = await group_of(connection, scene.group)

    async def sample(stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                offsets = await administrator.list_consumer_group_offsets(group)
            except KafkaError:  # a young node has no coordinator yet
                await asyncio.sleep(0.1)
                continue
            async with scene.reader.statement() as connection:
                settled = dict(
                    await connection.fetch("SELECT part, max(off) + 1 FROM inbox GROUP BY part")
                )
            ahead.extend(
                committed.offset - settled.get(place.partition, 0)
                for place, committed in offsets.items()
            )
            await asyncio.sleep(0.02)

    try:
        async with running(sample):
            yield ahead
    finally:
        await administrator.close()


@pytest.mark.parametrize("error", [Trouble, ConnectionError])
async def test_a_passing_failure_keeps_the_order_and_no_offset_runs_ahead(
    scene: Scene, error: type[Exception]
) -> None:
    facts, ahead = await run_with_transient_failure(scene, error, Consumer)
    examine(facts, await effects_of(scene.reader)).require_exactly_once()
    assert await scene.parked() == {}
    assert max(ahead) == 0


async def test_control_committed_positions_run_ahead_of_what_is_done(scene: Scene) -> None:
    _, ahead = await run_with_transient_failure(scene, ConnectionError, PositionsConsumer)
    with pytest.raises(AssertionError):
        assert max(ahead) <= 0


# -- A12 -----------------------------------------------------------------------------------------

OTHERS = count(2_000, 10_000)
BEHIND = 99
SLOWER = 1.1
ATTEMPTS_SECONDS = 1.0  # what the poison itself is given: five attempts with pauses


async def run_with_poison(scene: Scene) -> tuple[list[Fact], list[Fact], float]:
    """One event that never succeeds and 99 behind it; thousands of others; the time taken."""
    poisoned = await new_tallies(scene.publisher, 1)
    others = await new_tallies(scene.publisher, OTHERS // 10)
    ill = await count_in_bulk(scene.publisher, poisoned, 1 + BEHIND)
    well = await count_in_bulk(scene.publisher, others, 10)
    await until_drained(scene.publisher, 30)
    reaction = Reaction(str(poisoned[0]), 1, times=10**6)
    async with running(scene.consumer(reaction).run):
        taken = await time_of(scene.reader, len(ill) + len(well))
    return ill, well, taken


async def time_of(reader: Database, events: int) -> float:
    """Seconds from the first event received to the last."""
    await until_received(reader, 1, 30)
    started = monotonic()
    await until_received(reader, events, 60)
    return monotonic() - started


async def test_poison_is_parked_and_holds_back_its_own_aggregate_alone(
    scene: Scene, new_toys: NewToys
) -> None:
    with capture_logs() as logs:
        ill, well, taken = await run_with_poison(scene)
    examine(well, await effects_of(scene.reader)).require_exactly_once()
    assert await scene.parked() == {"poison": 1, "held": BEHIND}
    async with scene.reader.statement() as connection:
        (parked, *_) = await parking.list_open(connection, scene.group)
    assert (str(parked.event_id), parked.kind, parked.attempts) == (ill[0].event, "poison", 5)
    alerts = [entry for entry in logs if entry.get("kind") == "poison"]
    assert [entry["log_level"] for entry in alerts] == ["error"]
    healthy = replace(scene, reader=await new_toys(), group=new_group())
    async with running(healthy.consumer(apply).run):
        normal = await time_of(healthy.reader, len(ill) + len(well))
    if FULL:  # the small counts are too few to say anything about time on a shared machine
        assert taken <= SLOWER * normal + ATTEMPTS_SECONDS


async def test_control_stepping_over_poison_applies_what_should_wait(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.messaging.inbox.Ordering", SkippingOrdering)
    _, well, _ = await run_with_poison(scene)
    with pytest.raises(AuditFailure, match="invented"):
        examine(well, await effects_of(scene.reader)).require_exactly_once()


# -- A13 -----------------------------------------------------------------------------------------


async def test_two_clerks_replaying_at_once_apply_everything_once_and_in_order(
    scene: Scene,
) -> None:
    ill, well, _ = await run_with_poison(scene)
    repaired = Inbox(scene.group, {Counted: apply})
    first = await asyncio.gather(
        parking.replay(scene.reader, repaired, by="clerk 1"),
        parking.replay(scene.reader, repaired, by="clerk 2"),
    )
    assert sum(first) == 1 + BEHIND
    assert await parking.replay(scene.reader, repaired, by="clerk 1") == 0
    examine(ill + well, await effects_of(scene.reader)).require_exactly_once()
    assert await scene.parked() == {}


async def test_control_two_clerks_replaying_past_the_inbox_double_effects(scene: Scene) -> None:
    ill, well, _ = await run_with_poison(scene)
    repaired = Inbox(scene.group, {Counted: apply})
    await asyncio.gather(
        replay_without_inbox(scene.reader, repaired), replay_without_inbox(scene.reader, repaired)
    )
    with pytest.raises(AuditFailure, match="repeated"):
        examine(ill + well, await effects_of(scene.reader)).require_exactly_once()


# -- A15 -----------------------------------------------------------------------------------------


async def publish_strangers(scene: Scene) -> list[Fact]:
    """An unknown type, a newer version, a field too many and no event at all; the known ones."""
    facts = await count_in_bulk(scene.publisher, await new_tallies(scene.publisher, 3), 2)
    known = str(new_id())
    payload = {"tally_id": known, "number": 1, "colour": "green"}
    async with scene.publisher.statement() as connection:
        for event_type, aggregate in (
            ("toys.tally.renamed.v1", str(new_id())),
            ("toys.tally.counted.v2", str(new_id())),
            ("toys.tally.counted.v1", known),
        ):
            event_id = await connection.fetchval(
                """INSERT INTO outbox (topic, msg_key, aggregate_type, aggregate_id, aggregate_seq,
                                       event_type, schema_version, payload, headers)
                   VALUES ('toys.tally', $1, 'toys.tally', $1, 1, $2, 1, $3, $4)
                   RETURNING event_id""",
                aggregate,
                event_type,
                json.dumps(payload),
                json.dumps({"source": "/toys", "time": "2026-01-01T00:00:00+00:00"}),
            )
    facts.append(Fact(str(event_id), known, 1))
    await until_drained(scene.publisher, 20)
    await publish_noise(scene)
    return facts


async def publish_noise(scene: Scene) -> None:
    """A record that is no CloudEvent."""
    producer = AIOKafkaProducer(bootstrap_servers=scene.settings.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(TOPIC, b"\x00noise", partition=0)
    finally:
        await producer.stop()


async def consume_strangers(scene: Scene) -> list[Fact]:
    """Consume them and one more event behind the noise; the facts that must have effects."""
    facts = await publish_strangers(scene)
    async with running(scene.consumer(apply).run) as (consuming,):
        await until_received(scene.reader, len(facts) + 2, 20)
        facts += await count_in_bulk(scene.publisher, await new_tallies(scene.publisher, 50), 1)
        await until_received(scene.reader, len(facts) + 2, 20)
        assert not consuming.done()
    return facts


async def test_unknown_events_are_parked_and_extra_fields_ignored(scene: Scene) -> None:
    with capture_logs() as logs:
        facts = await consume_strangers(scene)
    examine(facts, await effects_of(scene.reader)).require_exactly_once()
    assert await scene.parked() == {"unknown_version": 2, "poison": 1}
    assert len([entry for entry in logs if entry.get("kind") == "unknown_version"]) == 2


async def test_control_strict_decoding_loses_an_event_with_an_extra_field(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "decode", decode_strictly)
    facts = await consume_strangers(scene)
    with pytest.raises(AuditFailure, match="'lost': 1"):
        examine(facts, await effects_of(scene.reader)).require_exactly_once()
