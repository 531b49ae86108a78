"""A10: consumers that join, leave and are killed lose nothing, double nothing and catch up."""

import asyncio
import random
from asyncio.subprocess import Process

import pytest

from deploy.embedded.processes import kill_group
from shared.database import Database
from shared.messaging.relay import Relay
from shared.messaging.settings import KafkaSettings
from tests.faults.auditor import AuditFailure, Fact, examine
from tests.faults.conftest import NewToys
from tests.faults.counts import FULL, count
from tests.faults.stage import (
    TwoDoorKafka,
    effects_of,
    lag_of,
    running,
    start_worker,
    until,
    until_drained,
    until_received,
    worker,
)
from tests.faults.toys import PUBLISHER, count_in_bulk, new_group, new_tallies

MEMBERS = 3
CHANGES = count(3, 30)
EVERY_SECONDS = 2.0
EVENTS = count(2_000, 20_000)
TALLIES = 200
CAUGHT_UP_SECONDS = 30.0


class Storm:
    """A group of consumer processes that does not come to rest."""

    def __init__(self, reader: Database, settings: KafkaSettings, dice: random.Random) -> None:
        self.group = new_group()
        self._settings, self._dice = settings, dice
        self._arguments = {"database": reader.url, "group": self.group}
        self._arguments["consumer"] = "shared.messaging.consumer:Consumer"
        self._members: list[Process] = []
        self.ends: set[int | None] = set()

    async def join(self) -> None:
        """One more member."""
        # The default run does not wait ten seconds until a killed member is missed.
        hasty = {} if FULL else {"session_milliseconds": 3000}
        arguments = {**self._arguments, **hasty}
        self._members.append(await start_worker("consumer", arguments, self._settings))

    async def leave(self) -> None:
        """A member stops in order."""
        member = self._take()
        member.terminate()
        self.ends.add(await asyncio.wait_for(member.wait(), 10))

    async def crash(self) -> None:
        """A member is killed."""
        member = self._take()
        kill_group(member.pid)
        self.ends.add(await member.wait())

    async def change(self, step: int) -> None:
        """The next change of the group; each kind comes again and again."""
        await (self.crash, self.join, self.leave, self.join)[step % 4]()

    def _take(self) -> Process:
        return self._members.pop(self._dice.randrange(len(self._members)))

    async def end(self) -> None:
        """Stop everyone."""
        while self._members:
            await self.leave()


async def test_a_rebalance_storm_loses_and_doubles_no_effect(
    new_toys: NewToys, apache: TwoDoorKafka, seed: int
) -> None:
    publisher, reader = await new_toys(), await new_toys()
    settings, dice = KafkaSettings(apache.bootstrap), random.Random(seed)
    tallies = await new_tallies(publisher, TALLIES)
    facts: list[Fact] = []
    storm = Storm(reader, settings, dice)
    async with running(Relay(publisher, PUBLISHER, settings).run):
        await asyncio.gather(*(storm.join() for _ in range(MEMBERS)))
        for step in range(CHANGES):
            share = EVENTS // CHANGES // TALLIES or 1
            facts += await count_in_bulk(publisher, tallies, share)
            await asyncio.sleep(EVERY_SECONDS)
            await storm.change(step)
        await until_drained(publisher, 10)

        async def caught_up() -> bool:
            return await lag_of(apache.bootstrap, reader, storm.group) == 0

        await until(caught_up, CAUGHT_UP_SECONDS, "the group caught up", every=0.5)
        await storm.end()
    examine(facts, await effects_of(reader)).require_exactly_once()
    # Nobody ended by an error; one asked to stop while it was still starting dies of the signal.
    assert {0, -9} <= storm.ends <= {0, -9, -15}


async def test_control_committing_positions_loses_what_a_killed_consumer_had_in_hand(
    new_toys: NewToys, apache: TwoDoorKafka
) -> None:
    publisher, reader = await new_toys(), await new_toys()
    settings, group = KafkaSettings(apache.bootstrap), new_group()
    facts = await count_in_bulk(publisher, await new_tallies(publisher, TALLIES), 10)
    async with running(Relay(publisher, PUBLISHER, settings).run):
        await until_drained(publisher, 10)
    arguments = {"database": reader.url, "group": group, "session_milliseconds": 1500}
    broken = {"consumer": "tests.faults.broken:PositionsConsumer", "slow_seconds": 0.3}
    async with worker("consumer", arguments | broken, settings):
        await until_received(reader, 1, 20)
    whole = {"consumer": "shared.messaging.consumer:Consumer"}
    async with worker("consumer", arguments | whole, settings):

        async def caught_up() -> bool:
            return await lag_of(apache.bootstrap, reader, group) == 0

        await until(caught_up, 30, "the group caught up", every=0.5)
        await asyncio.sleep(2)
    with pytest.raises(AuditFailure, match="lost"):
        examine(facts, await effects_of(reader)).require_exactly_once()
