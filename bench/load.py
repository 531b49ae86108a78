"""A light HTTP/1.1 client for load: prebuilt requests over keep-alive connections, nothing else."""

import asyncio
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, Self, cast

import uvloop

BLANK_LINE = b"\r\n\r\n"
LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Load:
    """What a load took: from the first request to the last answer, and each answer's own time."""

    seconds: float
    latencies: Sequence[float]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


class UnexpectedAnswer(Exception):
    """An answer that makes the measurement worthless."""


class KeepAlive(asyncio.Protocol):
    """One connection to 127.0.0.1:`port` that holds one request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._length = 0
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    @classmethod
    async def connect(cls, port: int) -> Self:
        """A connection that is open."""
        _, client = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return client

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and answer the status and the body that came back."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    async def expect(self, status: int, request: bytes) -> bytes:
        """The body of an answer that must have `status`."""
        found, body = await self.ask(request)
        if found != status:
            raise UnexpectedAnswer(f"{found} instead of {status}: {body[:500].decode()}")
        return body

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._received += data
        if not self._length:
            end = self._received.find(BLANK_LINE)
            if end < 0:
                return
            head = bytes(self._received[:end]).lower()
            at = head.find(LENGTH)
            body = 0 if at < 0 else int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0])
            self._length = end + len(BLANK_LINE) + body
        if len(self._received) >= self._length:
            answer = bytes(self._received)
            self._received.clear()
            self._length = 0
            if self._answer is not None and not self._answer.done():
                self._answer.set_result((int(answer[9:12]), answer.split(BLANK_LINE, 1)[1]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed by the server"))


def request(
    method: str, path: str, token: str, body: Any = None, headers: Mapping[str, str] | None = None
) -> bytes:
    """One request to `/api/v1` as it goes over the wire."""
    content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    lines = [
        f"{method} /api/v1{path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        f"Content-Length: {len(content)}",
        *(["Content-Type: application/json"] if content else []),
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode() + BLANK_LINE + content


async def apply_load(port: int, requests: Iterable[bytes], clients: int, status: int) -> Load:
    """Send the requests by so many clients, each its next one once it has been answered."""
    waiting = iter(requests)
    latencies: list[float] = []
    connections = [await KeepAlive.connect(port) for _ in range(clients)]

    async def client(connection: KeepAlive) -> None:
        for one in waiting:
            began = time.perf_counter()
            await connection.expect(status, one)
            latencies.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*map(client, connections))
    seconds = time.perf_counter() - began
    for connection in connections:
        connection.close()
    return Load(seconds, latencies)


def run_load(port: int, requests: Sequence[bytes], clients: int = 1, status: int = 200) -> Load:
    """`apply_load` in a process of its own."""
    return uvloop.run(apply_load(port, requests, clients, status))


def percentile(values: Sequence[float], hundredth: int) -> float:
    """The value that so many of a hundred do not exceed."""
    return quantiles(values, n=100)[hundredth - 1]
