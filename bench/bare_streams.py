"""The floor of streams: a raw TCP server that passes whatever is posted on to all who listen."""

import argparse
import asyncio
from typing import ClassVar, cast

import uvloop

from bench.load import BLANK_LINE

ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n:\n\n"


class Connection(asyncio.Protocol):
    """`GET /readyz` and `GET /metrics` are answered with how many listen, `GET` of anything else
    listens, and what comes after `POST` is sent."""

    listening: ClassVar[set[asyncio.Transport]] = set()

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._posting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        assert self._transport is not None
        if self._posting:
            for listener in self.listening:
                listener.write(data)
        elif data.startswith(b"POST"):
            self._posting = True
        elif data.startswith((b"GET /readyz", b"GET /metrics")):
            figure = f"bangfu_streams_open {len(self.listening)}"
            self._transport.write(ANSWER.format(len(figure), figure).encode())
        elif data.endswith(BLANK_LINE):
            self._transport.write(STREAM)
            self.listening.add(self._transport)

    def connection_lost(self, _error: Exception | None) -> None:
        """Called by asyncio."""
        assert self._transport is not None
        self.listening.discard(self._transport)


async def serve(port: int) -> None:
    """Serve until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))
