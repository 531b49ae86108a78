"""Following subscriptions: each is read once in a process, for all who listen to it."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from time import monotonic
from typing import cast
from uuid import UUID

import asyncpg
import structlog
from prometheus_client import Counter, Gauge

from services.notify.feeds.domain import State
from services.notify.feeds.recording import CHANNEL
from services.notify.streams.domain import gap_frame
from services.notify.streams.queries import (
    FRAMES_AT_ONCE,
    Recorded,
    Standing,
    recorded_after,
)
from shared.database import Connection, Database
from shared.messaging.failures import describe
from shared.messaging.running import pause
from shared.runtime import Runtime

_log = structlog.get_logger(__name__)

OPEN = Gauge("bangfu_streams_open", "Streams of server-sent events that are open.")
SENT = Counter("bangfu_stream_events_total", "Events sent by streams, once per stream.")
SLOW = Counter("bangfu_stream_slow_total", "Times a stream fell behind what is kept in memory.")

RECHECK_SECONDS = 1.0
RECONNECT_SECONDS = 1.0
FRAMES_KEPT = 4 * FRAMES_AT_ONCE
TAILS_AT_ONCE = 100


class Tail:
    """The end of what a subscription has recorded, as far as it was read.

    `frames` are the last ones up to `position`. They are kept until every client has them; who
    falls behind them reads for itself, so that a slow client costs no memory.
    """

    __slots__ = ("clients", "frames", "position", "subscription_id", "subscription_state")

    def __init__(self, subscription_id: UUID, state: State, position: int) -> None:
        self.subscription_id = subscription_id
        self.subscription_state = state
        self.position = position
        self.frames: deque[bytes] = deque(maxlen=FRAMES_KEPT)
        self.clients: set[Client] = set()

    def extend(self, recorded: Recorded) -> bool:
        """Go on to what was read now, and wake the clients; whether there is more to read."""
        changed = recorded.state is not self.subscription_state
        self.subscription_state = recorded.state
        self._forget()
        if recorded.state is not State.ACTIVE:
            more = False
        else:
            changed |= recorded.reached > self.position
            if recorded.first != self.position + 1:
                self.frames.clear()
            self.frames.extend(recorded.frames)
            self.position = recorded.reached
            more = self.position < recorded.last_position
        if changed:
            self.wake()
        return more

    def wake(self) -> None:
        """Have every client look again."""
        for client in self.clients:
            client.woken.set()

    def _forget(self) -> None:
        behind = max((self.position - client.position for client in self.clients), default=0)
        while len(self.frames) > behind:
            self.frames.popleft()


class Client:
    """One who listens to a subscription and has everything up to `position`."""

    __slots__ = ("_in_step", "gone", "position", "tail", "woken")

    def __init__(self, subscription_id: UUID, standing: Standing, position: int) -> None:
        self.tail = Tail(subscription_id, standing.state, standing.last_position)
        self.position = position
        self.woken = asyncio.Event()
        self.gone = False
        self._in_step = False

    def leave(self) -> None:
        """Note that nobody is there any more."""
        self.gone = True
        self.woken.set()

    async def take(self, database: Database) -> bytes:
        """The frames that come next, at most `FRAMES_AT_ONCE`; empty while there are none."""
        tail, before = self.tail, self.position
        behind = tail.position - before
        if tail.subscription_state is not State.ACTIVE or behind <= 0:
            return b""
        if behind <= len(tail.frames):
            first = len(tail.frames) - behind
            frames = b"".join(islice(tail.frames, first, first + FRAMES_AT_ONCE))
            self.position += min(behind, FRAMES_AT_ONCE)
            self._in_step = True
        else:
            if self._in_step:
                SLOW.inc()
                self._in_step = False
            frames = await self._read(database)
        SENT.inc(self.position - before)
        return frames

    async def _read(self, database: Database) -> bytes:
        async with database.statement() as connection:
            found = await recorded_after(connection, {self.tail.subscription_id: self.position})
        recorded = found[self.tail.subscription_id]
        if recorded.state is not State.ACTIVE:
            return b""
        frames = b"".join(recorded.frames)
        if recorded.first > self.position + 1:
            frames = gap_frame(self.position, recorded.first) + frames
        self.position = recorded.reached
        return frames


class Tails:
    """The tails of this process, by subscription."""

    def __init__(self) -> None:
        self.touched = asyncio.Event()
        self.stopping = False
        self._tails: dict[UUID, Tail] = {}
        self._to_read: set[UUID] = set()

    @property
    def followed(self) -> set[UUID]:
        """The subscriptions somebody listens to."""
        return set(self._tails)

    @contextmanager
    def joined(self, client: Client) -> Iterator[None]:
        """Let `client` follow the tail of its subscription: that of the others, if there are any,
        else its own."""
        subscription_id = client.tail.subscription_id
        client.tail = tail = self._tails.setdefault(subscription_id, client.tail)
        tail.clients.add(client)
        self.touch(subscription_id)  # what was recorded since its standing was read woke nobody
        OPEN.inc()
        try:
            yield
        finally:
            OPEN.dec()
            tail.clients.remove(client)
            if not tail.clients:
                del self._tails[subscription_id]

    def touch(self, subscription_id: UUID) -> None:
        """Have a subscription read that may have recorded something."""
        if subscription_id in self._tails:
            self._to_read.add(subscription_id)
            self.touched.set()

    def touch_all(self) -> None:
        """Have every subscription read."""
        self._to_read.update(self._tails)

    async def read(self, connection: Connection) -> None:
        """Read on what was touched, many in a statement."""
        self.touched.clear()
        touched = [tail for one in self._to_read if (tail := self._tails.get(one))]
        self._to_read.clear()
        for start in range(0, len(touched), TAILS_AT_ONCE):
            some = touched[start : start + TAILS_AT_ONCE]
            positions = {tail.subscription_id: tail.position for tail in some}
            found = await recorded_after(connection, positions)
            for tail in some:
                if tail.extend(found[tail.subscription_id]):
                    self.touch(tail.subscription_id)

    def end(self) -> None:
        """End every stream, also those to come: the process stops."""
        self.stopping = True
        for tail in self._tails.values():
            tail.wake()


def tails_of(runtime: Runtime) -> Tails:
    """What is followed in this process."""
    return cast("Tails", runtime.extras.setdefault("tails", Tails()))


async def watch_streams(runtime: Runtime, stop: asyncio.Event) -> None:
    """Read on what others record, until `stop`.

    A commit is heard by NOTIFY; looking again covers what was said while the connection was lost,
    and changes of a subscription's state.
    """
    tails = tails_of(runtime)
    wakers = [
        asyncio.create_task(_upon(runtime.stopping, tails.end)),
        asyncio.create_task(_upon(stop, tails.touched.set)),
    ]
    try:
        while not stop.is_set():
            try:
                await _watch(runtime.database, tails, stop)
            except Exception as error:  # noqa: BLE001 - what was recorded is still there
                _log.warning("streams_not_watched", cause=describe(error))
                await pause(stop, RECONNECT_SECONDS)
    finally:
        for waker in wakers:
            waker.cancel()


async def _upon(event: asyncio.Event, act: Callable[[], None]) -> None:
    await event.wait()
    act()


async def _watch(database: Database, tails: Tails, stop: asyncio.Event) -> None:
    connection = await database.connect()

    def heard(_connection: object, _process: int, _channel: str, payload: object) -> None:
        tails.touch(UUID(str(payload)))

    try:
        await connection.add_listener(CHANNEL, heard)
        while not stop.is_set():
            if connection.is_closed():
                raise asyncpg.InterfaceError("the listening connection was lost")
            tails.touch_all()
            recheck_at = monotonic() + RECHECK_SECONDS
            while (left := recheck_at - monotonic()) > 0 and not stop.is_set():
                await tails.read(connection)
                await pause(tails.touched, left)
    finally:
        connection.terminate()
