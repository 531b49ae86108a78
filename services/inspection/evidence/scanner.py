"""The virus scanner: clamd's INSTREAM command over TCP or a socket file."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import IO, Any

import structlog

from services.inspection.evidence.domain import EvidenceInfected, EvidenceScannerDown

_log = structlog.get_logger(__name__)

_SECONDS = 60.0
_CHUNK_BYTES = 1 << 16

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Scanner:
    """A clamd at `tcp://host:port` or `unix:///socket`; `ValueError` for any other address."""

    def __init__(self, address: str) -> None:
        self._connect = _connector(address)

    async def check(self, content: IO[bytes]) -> None:
        """Have `content` scanned from its start; raises `EvidenceInfected`, and
        `EvidenceScannerDown` unless the scanner finds in so many words that it is clean."""
        content.seek(0)
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await self._ask(content)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            _log.error("virus_scanner_down", error=type(error).__name__)
            raise EvidenceScannerDown from None
        if answer.endswith(b" FOUND"):
            _log.warning("evidence_infected")
            raise EvidenceInfected
        if answer != b"stream: OK":
            _log.error("virus_scanner_failed")
            raise EvidenceScannerDown

    async def _ask(self, content: IO[bytes]) -> bytes:
        reader, writer = await self._connect()
        try:
            writer.write(b"zINSTREAM\0")
            while chunk := content.read(_CHUNK_BYTES):
                writer.write(len(chunk).to_bytes(4, "big") + chunk)
                await writer.drain()
            writer.write(bytes(4))
            return (await reader.readuntil(b"\0"))[:-1]
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def _connector(address: str) -> Callable[[], Coroutine[Any, Any, Streams]]:
    scheme, _, place = address.partition("://")
    host, _, port = place.rpartition(":")
    if scheme == "unix" and place.startswith("/"):
        return lambda: asyncio.open_unix_connection(place)
    if scheme == "tcp" and host and port.isdecimal():
        return lambda: asyncio.open_connection(host.strip("[]"), int(port))
    raise ValueError("a virus scanner is at tcp://host:port or unix:///socket")
