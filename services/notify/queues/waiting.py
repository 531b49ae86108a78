"""Waking those who wait for messages: at once by NOTIFY, in any case within a fifth of a second."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import asyncpg
import structlog

from services.notify.queues import metrics
from services.notify.queues.commands.handing import bury_failed
from services.notify.queues.commands.telling import CHANNEL
from services.notify.queues.queries import count_dead_letters, queues_with_work
from shared import clock
from shared.chores import Chore
from shared.database import Connection
from shared.messaging.failures import describe
from shared.messaging.running import pause
from shared.runtime import Runtime

_log = structlog.get_logger(__name__)

RECHECK_SECONDS = 0.2
COUNT_SECONDS = 5.0
BURY_EVERY_RECHECKS = 5
RECONNECT_SECONDS = 1.0


class Waiting:
    """The callers of this process that wait, by the organisation whose queue they wait for."""

    def __init__(self) -> None:
        self._signals: dict[str, set[asyncio.Event]] = {}

    @property
    def organisations(self) -> list[str]:
        """Whose queues are waited for."""
        return list(self._signals)

    @contextmanager
    def on(self, org: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the queue of `org` may have got work."""
        signal = asyncio.Event()
        self._signals.setdefault(org, set()).add(signal)
        try:
            yield signal
        finally:
            self._signals[org].discard(signal)
            if not self._signals[org]:
                del self._signals[org]

    def wake(self, org: str) -> None:
        """Wake all who wait for `org`."""
        for signal in self._signals.get(org, ()):
            signal.set()

    def wake_all(self) -> None:
        """Wake all who wait."""
        for org in self._signals:
            self.wake(org)


def waiting_of(runtime: Runtime) -> Waiting:
    """Who waits in this process."""
    return cast("Waiting", runtime.extras.setdefault("waiting", Waiting()))


async def watch_queues(runtime: Runtime, stop: asyncio.Event) -> None:
    """Wake waiting callers and bury what failed too often, until `stop`.

    What another process commits is heard by NOTIFY; looking again covers leases that run out and
    a connection that was lost.
    """
    waiting = waiting_of(runtime)
    while not stop.is_set():
        try:
            await _watch(runtime, waiting, stop)
        except Exception as error:  # noqa: BLE001 - callers look again by themselves meanwhile
            _log.warning("queues_not_watched", error=describe(error))
            await pause(stop, RECONNECT_SECONDS)


async def tell_dead_letters(runtime: Runtime) -> None:
    """Tell operators how many messages are dead."""
    async with runtime.database.statement() as connection:
        metrics.DEAD.set(await count_dead_letters(connection))


CHORES = (Chore("tell_dead_letters", tell_dead_letters, COUNT_SECONDS),)


async def _watch(runtime: Runtime, waiting: Waiting, stop: asyncio.Event) -> None:
    connection = await runtime.database.connect()

    def heard(_connection: object, _process: int, _channel: str, payload: object) -> None:
        waiting.wake(str(payload))

    try:
        await connection.add_listener(CHANNEL, heard)
        rechecks = 0
        while not stop.is_set():
            if runtime.stopping.is_set():
                waiting.wake_all()
            await _recheck(connection, waiting)
            if rechecks % BURY_EVERY_RECHECKS == 0:
                async with runtime.database.transaction() as session:
                    await bury_failed(session, clock.now())
            rechecks += 1
            await pause(stop, RECHECK_SECONDS)
    finally:
        connection.terminate()


async def _recheck(connection: Connection, waiting: Waiting) -> None:
    organisations = waiting.organisations
    if organisations:
        for org in await queues_with_work(connection, organisations, clock.now()):
            waiting.wake(org)
    elif connection.is_closed():
        raise asyncpg.InterfaceError("the listening connection was lost")
