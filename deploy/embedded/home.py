"""BANGFU_HOME: one stack's state, its secrets, and the lock that makes it the only one."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from deploy.embedded.processes import StackError

LOCK = "stack.lock"


def prepare_home(home: Path) -> None:
    """Make the home and its log directory; raise StackError when it cannot be written."""
    try:
        (home / "logs").mkdir(parents=True, exist_ok=True)
        probe = home / "logs" / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StackError(f"BANGFU_HOME {home} cannot be written: {error.strerror}.") from error


def keep_secret(path: Path, make: Callable[[], bytes]) -> bytes:
    """The secret kept in `path`; made once, whole or not at all, readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600, exist_ok=False)
        unfinished.write_bytes(make())
        unfinished.rename(path)
    return path.read_bytes()


class StackLock:
    """The lock of one home, held by the running supervisor and released by the kernel with it.

    The file holds the supervisor's process id. Only a held lock counts: an id left behind by a
    supervisor that was killed is stale, and is recognised because nobody holds the lock.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / LOCK
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; answer whether the last holder ended without releasing it."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _try_lock(self._descriptor):
            os.close(self._descriptor)
            self._descriptor = None
            raise StackError(
                f"This stack is already running (process {self.holder()}); stop it by `make down`."
            )
        was_killed = os.fstat(self._descriptor).st_size > 0
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)
        return was_killed

    def release(self) -> None:
        """Let go after everything has stopped."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> int | None:
        """Process id of the running supervisor, None when there is none."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            if _try_lock(descriptor):
                return None
            return int(os.pread(descriptor, 32, 0) or b"0") or None
        finally:
            os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
