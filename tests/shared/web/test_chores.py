"""A chore is done again and again, whatever happened to it the last time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
from prometheus_client import REGISTRY

from shared.chores import Chore
from shared.runtime import Runtime
from shared.testing import RunningApp
from tests.faults.stage import until

TROUBLES = (
    OSError(),
    TimeoutError(),
    RuntimeError("the database is not open"),
    asyncpg.ConnectionDoesNotExistError(),
    asyncpg.InternalClientError("got result for unknown protocol state 3"),
    ArithmeticError(),
)


class Counted:
    """Work that counts its turns and meets every trouble on its way."""

    def __init__(self) -> None:
        self.turns = 0

    async def __call__(self, _runtime: Runtime) -> None:
        self.turns += 1
        if self.turns <= len(TROUBLES):
            raise TROUBLES[self.turns - 1]


@asynccontextmanager
async def running(chore: Chore, runtime: Runtime) -> AsyncIterator[None]:
    """Run a chore beside the block, and see that it ends when it is told to and not before."""
    stop = asyncio.Event()
    task = asyncio.create_task(chore.run(runtime, stop))
    yield
    assert not task.done()
    stop.set()
    await asyncio.wait_for(task, 5)


async def test_no_trouble_ends_a_chore_and_each_is_counted(toy: RunningApp) -> None:
    work = Counted()

    async def went_on() -> bool:
        return work.turns > len(TROUBLES) + 2

    async with running(Chore("counted", work, 0.001), toy.runtime):
        await until(went_on, 10, "all troubles are over")
    failed = REGISTRY.get_sample_value("bangfu_chore_failures_total", {"chore": "counted"})
    assert failed == len(TROUBLES)


async def test_how_often_may_be_a_setting(toy: RunningApp) -> None:
    work = Counted()

    async def begun() -> bool:
        return work.turns > 0

    def seconds(settings: object) -> float:
        assert settings is toy.runtime.settings
        return 0.001

    async with running(Chore("set", work, seconds), toy.runtime):
        await until(begun, 10, "the first turn")


async def test_what_is_of_real_time_rests_where_time_is_simulated(toy: RunningApp) -> None:
    resting, working = Counted(), Counted()
    real = toy.runtime.settings.model_copy(update={"simulation_clock": False})

    async def well_begun() -> bool:
        return working.turns > len(TROUBLES)

    assert toy.runtime.settings.simulation_clock
    async with (
        running(Chore("rests", resting, 0.001, real_time_only=True), toy.runtime),
        running(
            Chore("works", working, 0.001, real_time_only=True),
            replace(toy.runtime, settings=real),
        ),
    ):
        await until(well_begun, 10, "the one beside it works")
    assert resting.turns == 0


async def test_what_needs_all_that_is_known_waits_until_it_is_known(toy: RunningApp) -> None:
    work = Counted()
    behind = replace(toy.runtime, caught_up=asyncio.Event())

    async def begun() -> bool:
        return work.turns > 0

    async with running(Chore("waits", work, 0.001, once_caught_up=True), behind):
        await asyncio.sleep(0.05)
        assert work.turns == 0
        behind.caught_up.set()
        await until(begun, 10, "the first turn after all is known")
