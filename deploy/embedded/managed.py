"""A process under the supervisor: started, followed, found crashed, stopped with its group."""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable

from deploy.embedded.logs import ProcessLog
from deploy.embedded.processes import Launch, StackError, kill_group, tail

POLL_SECONDS = 0.05
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
STEADY_SECONDS = 60.0


class Managed:
    """One process that is meant to run; `crashed` is set whenever it ended without being asked."""

    def __init__(
        self, launch: Launch, is_ready: Callable[[], Awaitable[bool]], log: ProcessLog
    ) -> None:
        self.launch = launch
        self.crashed = asyncio.Event()
        self.exit_code: int | None = None
        self._is_ready = is_ready
        self._log = log
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._reaper: asyncio.Task[None] | None = None
        self._wanted = False
        self._started_at = 0.0
        self._delay = 0.0

    @property
    def name(self) -> str:
        """What it is called in logs and messages."""
        return self.launch.name

    @property
    def pid(self) -> int | None:
        """Process id while running."""
        return self._process.pid if self._process is not None else None

    async def spawn(self) -> None:
        """Start the process unless it runs; it need not be ready on return."""
        async with self._lock:
            if self._process is not None:
                return
            self.crashed.clear()
            self._wanted = True
            self._started_at = time.monotonic()
            self._process = await asyncio.create_subprocess_exec(
                *self.launch.command(), stdout=subprocess.PIPE, **self.launch.options()
            )
            self._reaper = asyncio.create_task(self._reap(self._process))

    async def wait_ready(self, seconds: float) -> None:
        """Return once ready; raise StackError when the process ended or needs longer."""
        deadline = time.monotonic() + seconds
        while not await self._is_ready():
            if self._process is None:
                raise StackError(
                    f"{self.name} ended with code {self.exit_code} before it was ready; "
                    f"the end of {self._log.path}:\n{tail(self._log.path)}"
                )
            if time.monotonic() > deadline:
                raise StackError(
                    f"{self.name} was not ready in {seconds:g} s; "
                    f"the end of {self._log.path}:\n{tail(self._log.path)}"
                )
            await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        """Ask it to stop, wait as long as it may take, then kill what is left of its group."""
        async with self._lock:
            self._wanted = False
            if self._process is None or self._reaper is None:
                return
            self._process.send_signal(self.launch.stop_signal)
            done, _ = await asyncio.wait([self._reaper], timeout=self.launch.stop_seconds)
            if not done:
                kill_group(self._process.pid)
                await self._reaper

    def next_delay(self) -> float:
        """Seconds to wait before the next start: doubling, until it has run for a minute."""
        if time.monotonic() - self._started_at > STEADY_SECONDS:
            self._delay = 0.0
        self._delay = min(max(2 * self._delay, FIRST_DELAY_SECONDS), LONGEST_DELAY_SECONDS)
        return self._delay

    async def _reap(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        following = asyncio.create_task(self._log.follow(process.stdout))
        self.exit_code = await process.wait()
        kill_group(process.pid)  # its children, which also hold its output open
        await following
        self._process = None
        if self._wanted:
            self.crashed.set()
