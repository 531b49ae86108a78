"""The same calls with the files in a real S3 store, and while that store is away."""

from collections.abc import Iterator

import pytest

from services.inspection.main import SERVICE
from tests.conftest import Start
from tests.inspection.conftest import Inspection
from tests.inspection.evidence.conftest import JPEG, JPEG_HASH, Desk
from tests.shared.s3.server import BUCKET, KEY_ID, SECRET, S3Server


@pytest.fixture
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running S3 server."""
    server = S3Server(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


async def test_evidence_is_kept_in_s3_and_refused_while_s3_is_away(
    seeded_template: None, start: Start, s3: S3Server
) -> None:
    app = await start(
        SERVICE,
        object_store_url=f"s3://{BUCKET}/county",
        object_store_endpoint=s3.endpoint,
        object_store_key_id=KEY_ID,
        object_store_secret=SECRET,
    )
    desk = Desk(Inspection(app), s3.bucket / "county")
    url = await desk.link((await desk.kept())["ref"])
    assert (await desk.follow(url)).content == JPEG
    await desk.kept(org="HOUS@511132", roles=("dept_head",))
    assert desk.files() == [JPEG_HASH]
    s3.stop()
    answers = [await desk.follow(url), await desk.upload(JPEG + b"another")]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [
        (503, "OBJECT_STORE_UNAVAILABLE")
    ] * 2
    assert await desk.inspection.count("evidence_files") == 2
