"""Taking in one upload: hashed while it streams into a nameless temporary file, then recognised."""

import asyncio
import hashlib
import struct
import zipfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

import structlog

from services.inspection.evidence.domain import (
    HEAD_BYTES,
    ZIP_MAGIC,
    EvidenceTooLarge,
    FileType,
    type_by_magic,
    type_by_parts,
)
from shared.objects import ObjectStoreUnavailable

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """A whole upload; `content` closes, and the file is gone, when its request ends."""

    content: IO[bytes]
    sha256: str
    size: int
    type: FileType | None


@asynccontextmanager
async def received(chunks: AsyncIterator[bytes], limit_bytes: int) -> AsyncIterator[Received]:
    """Take in `chunks`; raises `EvidenceTooLarge` as soon as they exceed the limit, and
    `ObjectStoreUnavailable` where there is no room for them.

    The file never has a name: nothing is left of it, however the process ends.
    """
    with ExitStack() as opened:
        try:
            content = opened.enter_context(TemporaryFile())
            digest, size = await _copied(chunks, content, limit_bytes)
        except OSError as error:  # no room left, most likely
            _log.error("upload_not_spooled", error=type(error).__name__)
            raise ObjectStoreUnavailable from None
        found = await asyncio.to_thread(_type_of, content)
        yield Received(content, digest, size, found)


async def _copied(
    chunks: AsyncIterator[bytes], content: IO[bytes], limit_bytes: int
) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit_bytes:
            raise EvidenceTooLarge(limit_bytes=limit_bytes)
        digest.update(chunk)
        content.write(chunk)
    content.flush()
    return digest.hexdigest(), size


def _type_of(content: IO[bytes]) -> FileType | None:
    content.seek(0)
    head = content.read(HEAD_BYTES)
    if not head.startswith(ZIP_MAGIC):
        return type_by_magic(head)
    try:
        with zipfile.ZipFile(content) as archive:
            return type_by_parts(set(archive.namelist()))
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, OSError):
        return None
