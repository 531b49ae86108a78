"""Streams of server-sent events lose nothing: cut off again and again, committed out of order."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic
from uuid import UUID

import pytest

from services.notify.main import SERVICE
from shared.ids import new_id
from tests.conftest import Start
from tests.faults.counts import count
from tests.faults.proxy import Link, Mode, Proxy
from tests.faults.stage import until
from tests.notify.conftest import LEAD, Notify, Story
from tests.notify.streams.conftest import Streams, served
from tests.notify.streams.listener import Event, Listener
from tests.notify.streams.recording import DISPATCHED, record

EVENTS = count(500, 5_000)
WRITERS = 8
BATCH = 5
CUTS = (Mode.ABORT, Mode.BLACK_HOLE, None, Mode.ABORT, None)  # None: within an event
PATIENCE_SECONDS = 2.5  # a client's, more than two heartbeats
HEARTBEAT_SECONDS = 1


class TearingProxy(Proxy):
    """A proxy that also cuts connections off in the middle of what they bring."""

    def __init__(self, upstream: int) -> None:
        super().__init__(upstream)
        self._tearing = False

    def break_off(self, how: Mode | None) -> None:
        """Rule the present connections by `how`; None passes on half of the next bytes, then
        resets."""
        if how is None:
            self._tearing = True
        else:
            self.cut(how)

    async def _pump(
        self,
        link: Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        to_server: bool,
    ) -> None:
        source = reader if to_server else TornReader(reader, self, link)
        await super()._pump(link, source, writer, to_server=to_server)  # type: ignore[arg-type]

    def tears(self, link: Link, chunk: bytes) -> bool:
        """Whether this chunk is the one to be torn: one that somebody gets."""
        torn = self._tearing and len(chunk) > 100 and not link.drops(to_server=False)
        if torn:
            self._tearing = False
            self.faults += 1
        return torn


class TornReader:
    """Reads what a server sends, and half of the chunk that is torn."""

    def __init__(self, reader: asyncio.StreamReader, proxy: TearingProxy, link: Link) -> None:
        self._reader = reader
        self._proxy = proxy
        self._link = link
        self._torn = False

    async def read(self, limit: int) -> bytes:
        """The next chunk."""
        if self._torn:
            raise ConnectionResetError
        chunk = await self._reader.read(limit)
        self._torn = self._proxy.tears(self._link, chunk)
        return chunk[: len(chunk) // 2] if self._torn else chunk


class Follower:
    """A plain client that comes back whenever it is cut off, or hears nothing for too long."""

    def __init__(self, connect: Callable[[str], Awaitable[Listener]], *, resuming: bool) -> None:
        self._connect = connect
        self._resuming = resuming
        self._listener: Listener | None = None
        self._before: list[Event] = []
        self._last_event_id = ""
        self.connections = 0
        self.torn = 0

    @property
    def events(self) -> list[Event]:
        """Everything that came so far."""
        return self._before + (self._listener.events if self._listener else [])

    async def follow(self) -> None:
        """Listen for good."""
        while True:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    listener = await self._connect(self._last_event_id if self._resuming else "")
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.05)
                continue
            await self._listen(listener.read())

    async def _listen(self, listener: Listener) -> None:
        self._listener = listener
        self.connections += 1
        try:
            while not listener.is_over and await listener.hears(PATIENCE_SECONDS):
                self._last_event_id = listener.parser.last_event_id
        finally:
            await listener.close()
            self._before += listener.events
            self._last_event_id = listener.parser.last_event_id or self._last_event_id
            self.torn += listener.parser.is_within_event
            self._listener = None


@pytest.fixture
async def streams(start: Start, field_key_file: Path) -> AsyncIterator[Streams]:
    """notify, served over real connections."""
    async with served(Notify(await start(SERVICE, field_key_file=field_key_file))) as streams:
        await streams.configure("stream_heartbeat_seconds", HEARTBEAT_SECONDS)
        yield streams


async def subscribed(streams: Streams) -> str:
    """The id of a new subscription of everything."""
    app = streams.notify.app
    answer = await app.client.post(
        "/api/v1/subscriptions",
        json={"channel": "SSE"},
        headers=app.headers(LEAD, "dept_handler") | {"Idempotency-Key": "stream"},
    )
    assert answer.status_code == 201, answer.text
    created: str = answer.json()["id"]
    return created


async def happen(streams: Streams, seed: int, events: int, enough: asyncio.Event) -> None:
    """Events come in by concurrent transactions: so many at least, and until it is enough."""
    randomness = random.Random(seed)
    happened = 0

    async def write() -> None:
        nonlocal happened
        while happened < events or not enough.is_set():
            happened += BATCH
            await streams.notify.hear(*(Story().tell() for _ in range(BATCH)))
            await asyncio.sleep(randomness.uniform(0, 0.2))

    await asyncio.gather(*(write() for _ in range(WRITERS)))


async def followed_while_cut(
    streams: Streams, seed: int, events: int, *, resuming: bool, cuts: Sequence[Mode | None]
) -> tuple[Follower, list[str]]:
    """A client that was cut off at random moments while events happened, and what was recorded."""
    subscription = await subscribed(streams)
    path = f"/api/v1/subscriptions/{subscription}/stream"
    authorization = streams.notify.app.headers(LEAD, "dept_handler")["Authorization"]
    async with TearingProxy(streams.port) as proxy:

        def connect(last_event_id: str) -> Awaitable[Listener]:
            return Listener.connect(proxy.port, path, authorization, last_event_id)

        follower = Follower(connect, resuming=resuming)
        following = asyncio.create_task(follower.follow())
        await until(lambda: connected(follower, 1), 10, "connected")
        enough = asyncio.Event()
        happening = asyncio.create_task(happen(streams, seed, events, enough))
        await cut_off(proxy, follower, cuts, random.Random(seed))
        enough.set()
        await happening
        recorded = await recorded_by(streams, subscription)
        await until_quiet(follower, recorded)
        following.cancel()
        await asyncio.wait([following])
    assert proxy.faults >= len(cuts)
    return follower, recorded


async def connected(follower: Follower, times: int) -> bool:
    """Whether a client has connected so many times."""
    return follower.connections >= times


async def cut_off(
    proxy: TearingProxy, follower: Follower, cuts: Sequence[Mode | None], randomness: random.Random
) -> None:
    """Cut a client off, again as soon as it is back and has heard a little more."""
    for number, how in enumerate(cuts, start=1):
        wanted = len(follower.events) + randomness.randrange(1, 40)

        async def heard(wanted: int = wanted) -> bool:
            return len(follower.events) >= wanted

        await until(heard, 30, "some events came")
        proxy.break_off(how)
        await until(lambda number=number: connected(follower, number + 1), 30, "came back")  # type: ignore[misc]


async def recorded_by(streams: Streams, subscription: str) -> list[str]:
    """The ids of the events recorded, in their order."""
    async with streams.notify.app.database.statement() as connection:
        rows = await connection.fetch(
            "SELECT event_id FROM deliveries WHERE subscription_id = $1 ORDER BY position",
            UUID(subscription),
        )
    return [str(row["event_id"]) for row in rows]


async def until_quiet(follower: Follower, recorded: Sequence[str]) -> None:
    """Wait until everything has come, or nothing comes any more."""
    seen, since = -1, monotonic()
    while len(follower.events) < len(recorded) and monotonic() - since < 2 * PATIENCE_SECONDS:
        if len(follower.events) != seen:
            seen, since = len(follower.events), monotonic()
        await asyncio.sleep(0.05)


def event_ids(events: Sequence[Event]) -> list[str]:
    """The events' own ids, in the order they came."""
    return [json.loads(event.data)["event_id"] for event in events]


async def test_a_client_cut_off_five_times_gets_every_event_once_and_in_order(
    streams: Streams, seed: int
) -> None:
    follower, recorded = await followed_while_cut(streams, seed, EVENTS, resuming=True, cuts=CUTS)
    assert len(recorded) >= EVENTS
    assert event_ids(follower.events) == recorded
    assert [int(event.id) for event in follower.events] == list(range(1, len(recorded) + 1))
    assert follower.connections == len(CUTS) + 1
    assert follower.torn


async def test_control_a_client_that_does_not_say_where_it_was_misses_events(
    streams: Streams, seed: int
) -> None:
    follower, recorded = await followed_while_cut(
        streams, seed, 200, resuming=False, cuts=[Mode.BLACK_HOLE]
    )
    assert set(event_ids(follower.events)) < set(recorded)


async def until_heard(listener: Listener, last_event_id: str) -> list[str]:
    """The types and ids of what came up to and with an event."""
    async with asyncio.timeout(10):
        while listener.parser.last_event_id != last_event_id or not listener.events:
            await listener.hears(5)
    return [f"{event.type} {event.id}" for event in listener.events]


async def test_who_commits_later_has_the_later_position(streams: Streams) -> None:
    subscription = UUID(await subscribed(streams))
    listener = await streams.listen(subscription)
    async with (
        streams.notify.app.database.statement() as second,
        streams.notify.app.database.driver_transaction() as first,
    ):
        await record(first, subscription)
        recording = asyncio.create_task(record(second, subscription))
        await asyncio.wait([recording], timeout=0.5)
        assert not recording.done()
    await recording
    assert await until_heard(listener, "2") == [f"{DISPATCHED} 1", f"{DISPATCHED} 2"]


async def test_control_what_commits_late_at_a_position_drawn_without_the_lock_is_passed_over(
    streams: Streams,
) -> None:
    subscription = UUID(await subscribed(streams))
    listener = await streams.listen(subscription)
    async with streams.notify.app.database.statement() as second:
        async with streams.notify.app.database.driver_transaction() as first:
            await first.execute(*record_at(1, subscription))
            await second.execute(*record_at(2, subscription))
            await second.execute(
                "UPDATE subscriptions SET last_position = 2 WHERE subscription_id = $1",
                subscription,
            )
            await until_heard(listener, "2")
        await record(second, subscription)
    heard = await until_heard(listener, "3")
    assert heard == ["gap 1", f"{DISPATCHED} 2", f"{DISPATCHED} 3"]  # lost, but not in silence


def record_at(position: int, subscription: UUID) -> tuple[object, ...]:
    """A statement that records an event wherever somebody thinks it belongs."""
    statement = """
        WITH happened AS (
          INSERT INTO happenings VALUES ($3, $4, now(), '{}'))
        INSERT INTO deliveries (subscription_id, position, event_id, state, recorded_at)
        VALUES ($1, $2, $3, 'RECORDED', now())
    """
    return statement, subscription, position, new_id(), DISPATCHED
