"""Files kept by the hash of their content: in a directory, or in an S3-compatible object store.

A key is made of the content's SHA-256 and of nothing else (`ab/cd/abcdef…`), so the same content is
stored once and a stored file is never overwritten by another.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING

import structlog
from obstore import get_async, head_async, put_async
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from shared.errors import DomainError

if TYPE_CHECKING:
    from obstore.store import S3Config  # the library has it for type checkers only

_log = structlog.get_logger(__name__)

CHUNK_BYTES = 1 << 16
# Each holds its content in memory, so that the number of them is bounded.
PUTS_AT_ONCE = 4
# What a put leaves beside its goal when the process is killed before the rename.
_UNFINISHED = re.compile(r"[0-9a-f]{64}#[0-9]+")
UNFINISHED_AGE = timedelta(days=1)


class ObjectStoreUnavailable(DomainError):
    """The store of files cannot be reached at the moment."""

    status = 503
    code = "OBJECT_STORE_UNAVAILABLE"
    zh = "暂时无法访问文件存储，请稍后重试。"
    en = "The store of files cannot be reached at the moment; try again."


class ObjectStore:
    """Files by the SHA-256 (lower-case hex) of their content; opened by `open_object_store`.

    Every call raises `ObjectStoreUnavailable` where the store fails.
    """

    def __init__(self, store: LocalStore | S3Store, directory: Path | None = None) -> None:
        self._store = store
        self._directory = directory
        self._puts = asyncio.Semaphore(PUTS_AT_ONCE)

    async def put(self, sha256: str, content: IO[bytes]) -> None:
        """Store `content`, whose hash is `sha256`, whole or not at all; nothing happens when it is
        there already."""
        size = content.seek(0, os.SEEK_END)
        # A power cut may have cut short what a killed process had put: the name alone is no proof.
        if await self._size(sha256) == size:
            return
        content.seek(0)
        async with self._puts:
            with _failures("put", sha256):
                whole = await asyncio.to_thread(content.read)
                # One request, no parts: an upload that breaks off leaves no parts behind in S3.
                await put_async(self._store, key_of(sha256), whole, use_multipart=False)
                if self._directory is not None:
                    await asyncio.to_thread(_settle, self._directory, key_of(sha256))

    async def get(self, sha256: str) -> AsyncIterator[bytes]:
        """The content in chunks; the store has found it when this returns."""
        with _failures("get", sha256):
            found = await get_async(self._store, key_of(sha256))
        return aiter(found.stream(CHUNK_BYTES))

    def sweep(self, now: datetime) -> int:
        """Remove what killed processes left half written over a day ago; answers how many files.

        Blocks while it looks through the directory; S3 never shows anything half written.
        """
        oldest = (now - UNFINISHED_AGE).timestamp()
        removed = 0
        for left in self._directory.glob("??/??/*#*") if self._directory is not None else ():
            if _UNFINISHED.fullmatch(left.name) and left.stat().st_mtime < oldest:
                left.unlink(missing_ok=True)
                removed += 1
        return removed

    async def _size(self, sha256: str) -> int | None:
        with _failures("head", sha256):
            try:
                return (await head_async(self._store, key_of(sha256)))["size"]
            except FileNotFoundError:
                return None


def key_of(sha256: str) -> str:
    """The key of a content; raises `ValueError` for what is no SHA-256 in lower-case hex."""
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError("not a SHA-256")
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def open_object_store(
    url: str, *, endpoint: str = "", region: str = "", key_id: str = "", secret: str = ""
) -> ObjectStore:
    """The store at `url`: `file:///directory`, made where it is missing, or `s3://bucket/prefix`.

    The other values are S3's; `endpoint` is empty for Amazon's own. Raises `ValueError` for another
    kind of URL, and what the library or the system raises for a directory that cannot be made.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "file" and rest.startswith("/"):
        local = LocalStore.from_url(url, mkdir=True)
        return ObjectStore(local, local.prefix)
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError("an object store is at file:///directory or s3://bucket/prefix")
    config: S3Config = {"region": region or "us-east-1"}
    if endpoint:
        config["endpoint"] = endpoint
    if key_id:
        config["access_key_id"] = key_id
        config["secret_access_key"] = secret
    s3 = S3Store(
        bucket,
        prefix=prefix or None,
        config=config,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            # A download lasts as long as the person's line is slow; the store must answer soon.
            "timeout": "15min",
            "read_timeout": "30s",
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
    )
    return ObjectStore(s3)


@contextmanager
def _failures(action: str, sha256: str) -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        _log.error("object_store_failed", action=action, sha256=sha256, error=type(error).__name__)
        raise ObjectStoreUnavailable from None


def _settle(directory: Path, key: str) -> None:
    """Bring a new file and its directory entries to the disk: its record will survive a power cut,
    so it must too."""
    path = directory / key
    for settled in (path, *path.parents[:3]):
        descriptor = os.open(settled, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
