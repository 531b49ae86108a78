"""A receiver of webhooks as bad as its script, traps nobody must reach, and names that change."""

import asyncio
import gzip
import socket
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from time import monotonic

# What a receiver does with one request. True keeps the connection for the next one.
Act = Callable[[asyncio.StreamWriter], Awaitable[bool]]

BLOCK = b"x" * 65_536
BOMB_BYTES = 64 * 1024 * 1024
NEVER = 3600.0


def answer(status: int = 204, body: bytes = b"", **headers: str) -> Act:
    """Answers with `status`; a header `retry_after="5"` is sent as `retry-after: 5`."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    whole = _head(status, {**fields, "content-length": str(len(body))}) + body

    async def act(writer: asyncio.StreamWriter) -> bool:
        writer.write(whole)
        return True

    return act


def redirect(location: str, status: int = 302) -> Act:
    """Sends the caller to `location`."""
    return answer(status, location=location)


def delayed(seconds: float, then: Act) -> Act:
    """Does `then` after `seconds`."""

    async def act(writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(seconds)
        return await then(writer)

    return act


async def silence(_writer: asyncio.StreamWriter) -> bool:
    """Takes the request and never answers."""
    await asyncio.sleep(NEVER)
    return False


async def reset(writer: asyncio.StreamWriter) -> bool:
    """Cuts the connection with RST."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    return False


async def endless_body(writer: asyncio.StreamWriter) -> bool:
    """Answers 200 with a body that never ends."""
    writer.write(_head(200, {"transfer-encoding": "chunked"}))
    while True:
        writer.write(b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK))
        await writer.drain()


async def endless_headers(writer: asyncio.StreamWriter) -> bool:
    """Answers 200 with a header block that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x-more: %s\r\n" % BLOCK[:8000])
        await writer.drain()


async def endless_patience(writer: asyncio.StreamWriter) -> bool:
    """Answers 102 for ever: never silent, and never done."""
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 1000)
        await writer.drain()


def drip(status: int = 200, seconds: float = 0.05, *, from_the_head: bool = False) -> Act:
    """Answers byte by byte: the body only, or everything from the status line on."""
    head = _head(status, {"content-length": str(len(BLOCK))})

    async def act(writer: asyncio.StreamWriter) -> bool:
        if not from_the_head:
            writer.write(head)
        for byte in head + BLOCK if from_the_head else BLOCK:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(seconds)
        return True

    return act


def bomb() -> Act:
    """Answers 200 with a small body that inflates to 64 MiB."""
    return answer(200, gzip.compress(bytes(BOMB_BYTES)), content_encoding="gzip")


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


@dataclass(frozen=True)
class Request:
    """A request as it came: the block of its headers, the body, the monotonic time."""

    head: bytes
    body: bytes
    at: float

    @property
    def path(self) -> str:
        """The path with its query."""
        return self.head.split(b" ", 2)[1].decode()

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """The headers, names in lower case."""
        pairs = (line.partition(":") for line in self.head.decode("latin-1").split("\r\n")[1:])
        return {name.lower(): value.strip() for name, _, value in pairs if name}


class Receiver:
    """An HTTP/1.1 server on a loopback address; use `receiver()`, which stops it as well.

    Without a script it answers 204. `requests` are all it has taken, in order.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self._scripts: dict[bytes, deque[Act]] = {}
        self._otherwise = deque([answer(204)])
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Event()
        self.host = ""
        self.port = 0
        self._scheme = "http"

    def url(self, path: str = "/", host: str | None = None) -> str:
        """Where to send to; `host` is another name for the same address."""
        return f"{self._scheme}://{host or self.host}:{self.port}{path}"

    def script(self, path: str, *acts: Act) -> None:
        """What it does with the next requests to `path`, one after another; the last one stays."""
        self._scripts[path.encode()] = deque(acts)

    def to(self, path: str) -> Sequence[Request]:
        """The requests to `path`."""
        return [request for request in self.requests if request.path == path]

    async def until(self, count: int, path: str | None = None, seconds: float = 10.0) -> None:
        """Wait until `count` requests have come (to `path`); raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while len(self.requests if path is None else self.to(path)) < count:
                self._arrived.clear()
                await self._arrived.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass  # the caller has gone, or the receiver is being stopped
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        start = lower.find(b"\r\ncontent-length:")
        length = int(lower[start + 17 : lower.index(b"\r\n", start + 17)]) if start >= 0 else 0
        body = await reader.readexactly(length) if length else b""
        self.requests.append(Request(head, body, monotonic()))
        self._arrived.set()
        acts = self._scripts.get(head.split(b" ", 2)[1], self._otherwise)
        act = acts.popleft() if len(acts) > 1 else acts[0]
        return await act(writer)

    async def stop(self) -> None:
        """End every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)


@asynccontextmanager
async def receiver(
    host: str = "127.0.0.1", port: int = 0, certificate: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """A receiver on a free port of `host`, over TLS with `certificate`."""
    running = Receiver()
    server = await asyncio.start_server(running.serve, host, port, ssl=certificate, backlog=1024)
    running.host, running.port = server.sockets[0].getsockname()[:2]
    running._scheme = "https" if certificate else "http"
    try:
        yield running
    finally:
        server.close()
        await running.stop()
        await server.wait_closed()


@dataclass(frozen=True)
class Traps:
    """Receivers that nobody must reach, all on one port."""

    receivers: list[Receiver]

    @property
    def port(self) -> int:
        """The port of all."""
        return self.receivers[0].port

    @property
    def hosts(self) -> Sequence[str]:
        """The address of each."""
        return [trap.host for trap in self.receivers]

    @property
    def sprung(self) -> int:
        """How many connections there were in all."""
        return sum(trap.connections for trap in self.receivers)


@asynccontextmanager
async def traps(*addresses: str, port: int = 0) -> AsyncIterator[Traps]:
    """Traps on every one of `addresses`, all on the same port."""
    laid = Traps([])
    async with AsyncExitStack() as stack:
        for address in addresses:
            chosen = laid.port if laid.receivers else port
            laid.receivers.append(await stack.enter_async_context(receiver(address, chosen)))
        yield laid


@dataclass
class Resolver:
    """Answers look-ups of any name with one list after another; the last one stays."""

    answers: list[Sequence[str]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, _port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
