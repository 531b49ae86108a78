"""A TCP proxy that breaks connections the way networks do, in front of Kafka or PostgreSQL."""

import asyncio
import socket
import struct
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

CHUNK_BYTES = 65_536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Mode(StrEnum):
    """What happens to the bytes of a connection."""

    PASS = "pass"
    ABORT = "abort"  # reset at once; new connections are reset as well
    BLACK_HOLE = "black-hole"  # taken and dropped in both directions; nobody is told
    HALF_OPEN = "half-open"  # the server still gets everything, its answers are dropped
    DELAY = "delay"  # arrives late, even after the client has given up and closed


class Link:
    """One client's connection. What has once lost bytes never passes any again."""

    def __init__(self, mode: Mode, client: Streams, server: Streams) -> None:
        self.mode = mode
        self.client = client
        self.server = server
        self.deaf = False  # bytes to the server were dropped
        self.mute = False  # bytes to the client were dropped

    def drops(self, *, to_server: bool) -> bool:
        """Whether a chunk in this direction is dropped now."""
        if self.mode is Mode.BLACK_HOLE:
            self.deaf = self.mute = True
        elif self.mode is Mode.HALF_OPEN:
            self.mute = True
        return self.deaf if to_server else self.mute

    def abort(self) -> None:
        """Reset both sides."""
        for _, writer in (self.client, self.server):
            reset(writer)


class Proxy:
    """Listens on 127.0.0.1:`port` and passes everything to a port or a unix socket.

    `use(mode)` rules present and future connections, `cut(mode)` the present ones alone, and
    `arm(mode, after_bytes)` the connection that carries the byte so many bytes from now.
    """

    def __init__(self, upstream: int | Path, *, port: int = 0, delay_seconds: float = 2.0) -> None:
        self._upstream = upstream
        self._delay_seconds = delay_seconds
        self._mode = Mode.PASS
        self._armed: Mode | None = None
        self._fuse_bytes = 0
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = port
        self.faults = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()
        for link in self._links:
            link.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def use(self, mode: Mode) -> None:
        """Rule every connection, present and future, by `mode`."""
        self._mode = mode
        self.cut(mode)

    def cut(self, mode: Mode) -> int:
        """Rule the present connections by `mode`; answers how many there were."""
        links = list(self._links)
        for link in links:
            self._break(link, mode)
        return len(links)

    def arm(self, mode: Mode, after_bytes: int) -> None:
        """Once clients have sent `after_bytes` more, rule the connection of that byte by `mode`."""
        self._armed, self._fuse_bytes = mode, after_bytes

    def _break(self, link: Link, mode: Mode) -> None:
        link.mode = mode
        self.faults += mode is not Mode.PASS
        if mode is Mode.ABORT:
            link.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve((reader, writer))
        except asyncio.CancelledError:
            return  # the proxy is closing; asyncio would log a cancelled handler as an error
        finally:
            self._tasks.discard(task)
            reset(writer)

    async def _serve(self, client: Streams) -> None:
        if self._mode is Mode.ABORT:
            return
        try:
            server = await self._connect()
        except OSError:
            return
        link = Link(self._mode, client, server)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pump(link, client[0], server[1], to_server=True),
                self._pump(link, server[0], client[1], to_server=False),
            )
        finally:
            self._links.discard(link)
            reset(server[1])

    async def _connect(self) -> Streams:
        if isinstance(self._upstream, Path):
            return await asyncio.open_unix_connection(self._upstream)
        return await asyncio.open_connection("127.0.0.1", self._upstream)

    async def _pump(
        self,
        link: Link,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        to_server: bool,
    ) -> None:
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                if to_server:
                    self._burn(link, len(chunk))
                if link.drops(to_server=to_server):
                    continue
                if link.mode is Mode.DELAY:
                    await asyncio.sleep(self._delay_seconds)
                writer.write(chunk)
                await writer.drain()
        except OSError:
            link.abort()
            return
        if link.drops(to_server=to_server):
            # The goodbye is lost as well: the other side keeps a connection nobody is behind.
            return
        writer.close()

    def _burn(self, link: Link, size: int) -> None:
        if self._armed is None:
            return
        self._fuse_bytes -= size
        if self._fuse_bytes <= 0:
            mode, self._armed = self._armed, None
            self._break(link, mode)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close without a goodbye: the peer gets a reset."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.family == socket.AF_INET and not writer.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()
