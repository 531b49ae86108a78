"""Following problems: logged at one end, at a steady rate or at full speed, seen at the other."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Followed:
    """How long each problem was on its way, and the time from the first start to the last end."""

    seconds: float
    delays: Sequence[float]

    @property
    def rate(self) -> float:
        """Problems a second through the whole chain."""
        return len(self.delays) / self.seconds


async def follow(
    writers: Sequence[Callable[[], Awaitable[str]]],
    arrivals: Callable[[], Awaitable[Iterable[str]]],
    number: int,
    rate: float | None,
) -> Followed:
    """Log `number` problems, `rate` a second or as fast as it goes, until all have arrived.

    A problem is on its way from the moment its writer knows it is committed. Each writer logs one
    problem at a time and answers its id; `arrivals` answers the ids that have arrived since.
    """
    logged: dict[str, float] = {}
    arrived: dict[str, float] = {}
    places = count()
    began = time.perf_counter()

    async def write(log: Callable[[], Awaitable[str]]) -> None:
        while (place := next(places)) < number:
            if rate is not None:
                await asyncio.sleep(began + place / rate - time.perf_counter())
            problem_id = await log()
            logged[problem_id] = time.perf_counter()

    async def watch() -> None:
        while len(arrived) < number:
            for problem_id in await arrivals():
                arrived.setdefault(problem_id, time.perf_counter())

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(watch())
        for writer in writers:
            group.create_task(write(writer))
    delays = [moment - logged[problem_id] for problem_id, moment in arrived.items()]
    return Followed(max(arrived.values()) - began, delays)
