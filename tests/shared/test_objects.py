"""Files by their hash: stored whole and once, in a directory and in a real S3 store."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from obstore import open_writer_async
from obstore.store import LocalStore

from deploy.embedded.ports import claim_ports
from shared.objects import ObjectStore, ObjectStoreUnavailable, key_of, open_object_store
from tests.shared.s3.server import BUCKET, KEY_ID, SECRET, S3Server

PHOTO = os.urandom(300_000)
HASH = sha256(PHOTO).hexdigest()
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running S3 server."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


def _in_s3(s3: S3Server, secret: str = SECRET) -> ObjectStore:
    return open_object_store(
        f"s3://{BUCKET}/files", endpoint=s3.endpoint, key_id=KEY_ID, secret=secret
    )


@pytest.fixture(params=["directory", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ObjectStore, Path]:
    """A store of each kind, and where its files lie."""
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3")
        return _in_s3(server), server.bucket / "files"
    directory = tmp_path / "not yet" / "there"
    return open_object_store(directory.as_uri()), directory


async def content_of(store: ObjectStore, name: str) -> bytes:
    """The whole content."""
    return b"".join([chunk async for chunk in await store.get(name)])


def files_in(directory: Path) -> list[Path]:
    """Every file below a directory."""
    return [path for path in directory.rglob("*") if path.is_file()]


async def test_a_file_comes_back_under_its_hash_and_no_other_name(
    place: tuple[ObjectStore, Path],
) -> None:
    store, directory = place
    await store.put(HASH, BytesIO(PHOTO))
    assert await content_of(store, HASH) == PHOTO
    assert (directory / HASH[:2] / HASH[2:4] / HASH).read_bytes() == PHOTO


async def test_the_same_content_is_stored_once_however_many_bring_it(
    place: tuple[ObjectStore, Path],
) -> None:
    store, directory = place
    once = b"once" * 100_000
    name = sha256(once).hexdigest()
    await asyncio.gather(*(store.put(name, BytesIO(once)) for _ in range(4)))
    (stored,) = [path for path in files_in(directory) if path.name.startswith(name)]
    before = stored.stat()
    await store.put(name, BytesIO(once))
    assert stored.stat() == before
    assert await content_of(store, name) == once


async def test_content_that_a_power_cut_cut_short_is_stored_anew(
    place: tuple[ObjectStore, Path],
) -> None:
    store, directory = place
    await store.put(HASH, BytesIO(PHOTO))
    (directory / key_of(HASH)).write_bytes(PHOTO[:1000])
    await store.put(HASH, BytesIO(PHOTO))
    assert await content_of(store, HASH) == PHOTO


async def test_content_that_is_not_there_cannot_be_had(place: tuple[ObjectStore, Path]) -> None:
    store, _directory = place
    with pytest.raises(ObjectStoreUnavailable):
        await store.get("f" * 64)


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 65, f"{'a' * 63}\n", f"{'a' * 64}\n"]
)
async def test_what_is_no_hash_makes_no_path(tmp_path: Path, name: str) -> None:
    store = open_object_store(tmp_path.as_uri())
    with pytest.raises(ValueError, match="not a SHA-256"):
        await store.put(name, BytesIO(b""))
    with pytest.raises(ValueError, match="not a SHA-256"):
        await store.get(name)
    assert files_in(tmp_path) == []


async def test_a_wrong_secret_and_a_store_that_is_away_are_a_refusal_to_try_again(
    s3: S3Server,
) -> None:
    away = open_object_store(
        f"s3://{BUCKET}", endpoint=f"http://127.0.0.1:{claim_ports()}", key_id=KEY_ID, secret=SECRET
    )
    for store in (_in_s3(s3, "wrong"), away):
        with pytest.raises(ObjectStoreUnavailable):
            await store.put(HASH, BytesIO(PHOTO))
        with pytest.raises(ObjectStoreUnavailable):
            await store.get(HASH)


async def test_a_directory_that_cannot_be_written_is_a_refusal_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    store = open_object_store(tmp_path.as_uri())
    (tmp_path / HASH[:2]).write_bytes(b"in the way")
    with pytest.raises(ObjectStoreUnavailable):
        await store.put(HASH, BytesIO(PHOTO))
    assert files_in(tmp_path) == [tmp_path / HASH[:2]]


async def test_what_a_killed_process_left_half_written_is_removed_after_a_day(
    tmp_path: Path,
) -> None:
    store = open_object_store(tmp_path.as_uri())
    await store.put(HASH, BytesIO(PHOTO))
    other = sha256(b"other").hexdigest()
    writer = open_writer_async(LocalStore(tmp_path), key_of(other), buffer_size=1)
    await writer.write(b"oth")
    await writer.flush()
    (left,) = [path for path in files_in(tmp_path) if path.name != HASH]
    foreign = tmp_path / "ab" / "cd" / "notes#1"
    foreign.parent.mkdir(parents=True)
    foreign.touch()
    for path in (left, foreign, tmp_path / key_of(HASH)):
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    assert store.sweep(NOW + timedelta(hours=23)) == 0
    assert store.sweep(NOW + timedelta(hours=25)) == 1
    assert sorted(files_in(tmp_path)) == sorted([tmp_path / key_of(HASH), foreign])


@pytest.mark.parametrize(
    "url", ["", "ab", "file://relative", "s3://", "http://bucket", "memory:///"]
)
def test_another_kind_of_place_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="an object store is at"):
        open_object_store(url)
