"""What a service does every so often beside its calls: fold, tidy, look whether something is due.

Work that answers at once, or holds a connection of its own, is a loop of the service instead.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client import Counter

from shared.messaging.failures import describe
from shared.messaging.running import pause
from shared.runtime import Runtime

_log = structlog.get_logger(__name__)

FAILURES = Counter(
    "bangfu_chore_failures_total", "Turns of a chore that failed; it is tried again.", ["chore"]
)

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Chore:
    """`do` is called every `seconds` (or what they are by the service's settings), the first time
    after as long. Whatever it raises is logged and counted under `name`; its next turn comes.

    With `real_time_only` it rests where time is simulated, in which nothing is old or due by the
    real clock; with `once_caught_up` until a new database holds what the topics hold.
    """

    name: str
    do: Callable[[Runtime], Awaitable[object]]
    seconds: float | Callable[[Any], float]
    real_time_only: bool = False
    once_caught_up: bool = False

    async def run(self, runtime: Runtime, stop: asyncio.Event) -> None:
        """Do it again and again until `stop` is set."""
        if self.real_time_only and runtime.settings.simulation_clock:
            await stop.wait()
        if self.once_caught_up:
            await runtime.until_caught_up(stop)
        seconds = self.seconds(runtime.settings) if callable(self.seconds) else self.seconds
        while not stop.is_set():
            await pause(stop, seconds)
            if not stop.is_set():
                await self._take_turn(runtime)

    async def _take_turn(self, runtime: Runtime) -> None:
        try:
            await self.do(runtime)
        except Exception as error:  # noqa: BLE001 - one turn's trouble must not end the process
            FAILURES.labels(self.name).inc()
            _log.warning("chore_failed", chore=self.name, cause=describe(error))
