"""A running inspection that keeps files in a directory, and a virus scanner that speaks clamd."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.inspection.main import SERVICE
from tests.conftest import Start
from tests.inspection.conftest import NOW, VILLAGE, Inspection

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"east wall, cracked" * 50
JPEG_HASH = sha256(JPEG).hexdigest()
VIRUS = b"EICAR stands for what a scanner finds"


class Desk:
    """The evidence calls of a running service, and the directory its files lie in."""

    def __init__(self, inspection: Inspection, directory: Path) -> None:
        self.inspection = inspection
        self.directory = directory

    async def upload(
        self,
        content: Any = JPEG,
        content_type: str = "image/jpeg",
        *,
        village_code: str = VILLAGE,
        file_name: str = "east wall.jpg",
        org: str = "POV@511132",
        roles: tuple[str, ...] = ("poverty_office",),
    ) -> httpx.Response:
        """Upload `content` as somebody."""
        headers = self.inspection.app.headers(org, *roles)
        return await self.inspection.app.client.post(
            "/api/v1/evidence",
            params={"village_code": village_code, "file_name": file_name},
            content=content,
            headers={**headers, "X-Now": self.inspection.now, "Content-Type": content_type},
        )

    async def kept(self, **upload: Any) -> dict[str, Any]:
        """The record of an upload that must succeed."""
        answer = await self.upload(**upload)
        assert answer.status_code == 201, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def link(self, ref: str) -> str:
        """A link to a file."""
        answer = await self.inspection.post(f"/evidence/{ref}/link")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"])

    async def follow(self, url: str, *, now: str = NOW) -> httpx.Response:
        """Fetch a link, without a token."""
        return await self.inspection.app.client.get(url, headers={"X-Now": now})

    async def set(self, key: str, value: object) -> None:
        """Configure a value for the county."""
        answer = await self.inspection.put(
            f"/config/511132/{key}", {"value": value, "effective_from": "2019-01-01"}
        )
        assert answer.status_code == 200, answer.text

    def files(self) -> list[str]:
        """The names of all files in the directory."""
        return sorted(path.name for path in self.directory.rglob("*") if path.is_file())


@pytest.fixture
async def desk(seeded_template: None, start: Start, tmp_path: Path) -> Desk:
    """Inspection with a directory of files and without a virus scanner."""
    directory = tmp_path / "objects"
    return Desk(Inspection(await start(SERVICE, object_store_url=directory.as_uri())), directory)


class Clamd:
    """A scanner on a free port of 127.0.0.1: INSTREAM as clamd speaks it, or `answer` as it is."""

    def __init__(self) -> None:
        self.answer: bytes | None = None
        self.address = ""
        self.scanned: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Scan what one connection sends."""
        assert await reader.readexactly(10) == b"zINSTREAM\0"
        content = b""
        while length := int.from_bytes(await reader.readexactly(4), "big"):
            content += await reader.readexactly(length)
        self.scanned.append(content)
        found = b"stream: Eicar-Signature FOUND\0" if VIRUS in content else b"stream: OK\0"
        writer.write(found if self.answer is None else self.answer)
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def clamd() -> AsyncIterator[Clamd]:
    """A running scanner."""
    scanner = Clamd()
    server = await asyncio.start_server(scanner.serve, "127.0.0.1", 0)
    scanner.address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield scanner


@pytest.fixture
async def scanned_desk(seeded_template: None, start: Start, tmp_path: Path, clamd: Clamd) -> Desk:
    """Inspection whose uploads are scanned."""
    directory = tmp_path / "objects"
    app = await start(SERVICE, object_store_url=directory.as_uri(), virus_scanner=clamd.address)
    return Desk(Inspection(app), directory)
