"""A plain client of server-sent events, as the WHATWG standard describes it."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

END_OF_LINE = b"\n"
RECEIVED_BYTES = 4096  # what waits in front of a client that does not read


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it is dispatched."""

    id: str
    type: str
    data: str


@dataclass
class Parser:
    """The standard's parser; it keeps the last event id over the events."""

    last_event_id: str = ""
    retry_milliseconds: int | None = None
    comments: int = 0
    _rest: bytes = b""
    _id: str = ""
    _type: str = ""
    _data: list[str] = field(default_factory=list)

    @property
    def is_within_event(self) -> bool:
        """Whether an event has begun that is not complete."""
        return bool(self._rest or self._data or self._type)

    def feed(self, received: bytes) -> list[Event]:
        """The events completed by `received`; what is incomplete waits for more."""
        *lines, self._rest = (self._rest + received).split(END_OF_LINE)
        found = [self._line(line.removesuffix(b"\r").decode()) for line in lines]
        return [event for event in found if event is not None]

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not name:
            self.comments += 1
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "event":
            self._type = value
        elif name == "data":
            self._data.append(value)
        elif name == "retry" and value.isdecimal():
            self.retry_milliseconds = int(value)
        return None

    def _dispatch(self) -> Event | None:
        # Not before: what is cut off within an event has not been seen.
        self.last_event_id = self._id
        kind, data = self._type or "message", self._data
        self._type, self._data = "", []
        return Event(self.last_event_id, kind, "\n".join(data)) if data else None


class Listener:
    """An open stream of 127.0.0.1:`port`: its events so far, as they were dispatched."""

    def __init__(self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self.headers: dict[str, str] = {}
        self.parser = Parser()
        self.events: list[Event] = []
        self.broken = False  # cut off, instead of ended by the server
        self._reader, self._writer = streams
        self._news = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    async def connect(
        cls, port: int, path: str, authorization: str, last_event_id: str = "", x_now: str = ""
    ) -> Self:
        """A stream that has been asked for and answered, of which nothing was read yet."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVED_BYTES)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        listener = cls(await asyncio.open_connection(sock=connection, limit=RECEIVED_BYTES))
        try:
            await listener._ask(path, authorization, last_event_id, x_now)
        except BaseException:
            await listener.close()
            raise
        return listener

    def read(self) -> Self:
        """Itself, reading from now on."""
        self._reading = asyncio.create_task(self._read())
        return self

    async def opened(self) -> Self:
        """Itself, once it knows where it stands."""
        await self._until(lambda: bool(self.parser.last_event_id), 10)
        return self

    async def until(self, count: int, seconds: float = 10) -> list[Event]:
        """The events once there are so many."""
        await self._until(lambda: len(self.events) >= count, seconds)
        return self.events

    async def ended(self, seconds: float = 10) -> list[Event]:
        """Every event, once the stream has ended or was cut off."""
        assert self._reading is not None
        await asyncio.wait_for(asyncio.shield(self._reading), seconds)
        return self.events

    async def beats(self, count: int, seconds: float = 10) -> None:
        """Wait for so many comments."""
        await self._until(lambda: self.parser.comments >= count, seconds)

    @property
    def is_over(self) -> bool:
        """Whether nothing can come any more."""
        return self._reading is not None and self._reading.done()

    async def hears(self, seconds: float) -> bool:
        """Whether anything comes within so long: an event, a heartbeat, the end."""
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Go away."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        self._writer.transport.abort()

    async def _ask(self, path: str, authorization: str, last_event_id: str, x_now: str) -> None:
        lines = [f"GET {path} HTTP/1.1", "Host: notify", f"Authorization: {authorization}"]
        if last_event_id:
            lines.append(f"Last-Event-ID: {last_event_id}")
        if x_now:
            lines.append(f"X-Now: {x_now}")
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        assert head[0] == "HTTP/1.1 200 OK", head
        self.headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)

    async def _read(self) -> None:
        try:
            while size := int(await self._reader.readline() or b"-", 16):
                while size:
                    part = await self._reader.read(size)
                    if not part:
                        raise ConnectionResetError
                    size -= len(part)
                    self.events += self.parser.feed(part)
                    self._news.set()
                await self._reader.readexactly(2)
        except (OSError, ValueError, asyncio.IncompleteReadError):
            self.broken = True
        self._news.set()

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not holds():
                assert self._reading is not None
                assert not self._reading.done(), f"the stream ended: {self.events[-3:]}"
                self._news.clear()
                await self._news.wait()
