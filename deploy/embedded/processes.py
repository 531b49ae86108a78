"""Servers as child processes: how one is launched, awaited, signalled and stopped."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.02


class StackError(Exception):
    """The stack cannot go on; the message is one sentence for the person who runs it."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating-system account a server runs as when we were started as root."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Launch:
    """One server process: what to run, as whom, and how it likes to be asked to stop."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] | None = None
    directory: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0

    def command(self) -> list[str]:
        """The argument vector, made to stop with us where the system can promise that.

        A supervisor that is killed cannot stop anything, so the kernel does it (Linux, setpriv).
        The promise is tied to the launching *thread*, hence only from the main one.
        """
        setpriv = shutil.which("setpriv")
        if setpriv is None or threading.current_thread() is not threading.main_thread():
            return list(self.argv)
        return [setpriv, "--pdeathsig", self.stop_signal.name.removeprefix("SIG"), *self.argv]

    def options(self) -> dict[str, Any]:
        """Keyword arguments of `subprocess.Popen` and `asyncio.create_subprocess_exec`.

        Each server leads its own process group: Ctrl-C reaches only us, and we stop in order.
        """
        options: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "stderr": subprocess.STDOUT,
            "cwd": self.directory,
            "env": None if self.environment is None else dict(self.environment),
            "process_group": 0,
        }
        if self.account is not None:
            options |= {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
        return options


class Server:
    """One launched process driven synchronously, for tests and tools; the log is appended to."""

    def __init__(self, log: Path | None = None) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._launch: Launch | None = None

    @property
    def pid(self) -> int | None:
        """Process id while running, else None."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and running else None

    def start(self, launch: Launch, is_ready: Callable[[], bool], seconds: float) -> None:
        """Launch and return once `is_ready`; raise StackError when it exits or takes too long."""
        if self.pid is not None:
            raise StackError(f"{launch.name} is already running.")
        self._launch = launch
        with (self._log or Path(os.devnull)).open("ab") as output:
            self._process = subprocess.Popen(launch.command(), stdout=output, **launch.options())
        deadline = time.monotonic() + seconds
        while not is_ready():
            if self._process.poll() is not None:
                raise StackError(
                    f"{launch.name} exited with {self._process.returncode} before it was ready"
                    f"{self._tail()}"
                )
            if time.monotonic() > deadline:
                self.kill()
                raise StackError(f"{launch.name} was not ready in {seconds:g} s{self._tail()}")
            time.sleep(POLL_SECONDS)

    def stop(self, how: signal.Signals | None = None) -> None:
        """Ask to stop (by the launch's own signal unless `how`), wait, kill when it does not."""
        if self._process is None or self._launch is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(how or self._launch.stop_signal)
            try:
                self._process.wait(self._launch.stop_seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL the whole process group and reap it: what a power cut leaves."""
        if self._process is not None:
            kill_group(self._process.pid)
            self._process.wait()
            self._process = None

    def _tail(self) -> str:
        return f":\n{tail(self._log)}" if self._log else "."


def kill_group(group: int) -> None:
    """SIGKILL a process group; nothing happens when it is already gone."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log file, for a message about why something did not start."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "(no log)"
    return "\n".join(text.splitlines()[-lines:])
