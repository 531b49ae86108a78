"""Uploading evidence over HTTP: kept whole under its hash, or refused without a trace."""

import asyncio
import io
import os
import tempfile
import zipfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from services.inspection.evidence.domain import FileType
from services.inspection.main import SERVICE
from tests.conftest import Start
from tests.inspection.conftest import NOW, VILLAGE, Inspection
from tests.inspection.evidence.conftest import JPEG, JPEG_HASH, VIRUS, Clamd, Desk

NEIGHBOUR = "511133001001"


def archive(parts: Mapping[str, bytes]) -> bytes:
    """A ZIP file of these parts."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name, part in parts.items():
            packed.writestr(name, part)
    return content.getvalue()


def sheet() -> bytes:
    """A real workbook."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content) as book:
        book.add_worksheet()
    return content.getvalue()


WORD = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<document/>"}


async def test_an_upload_is_recorded_and_stored_under_its_hash(desk: Desk) -> None:
    view = await desk.kept()
    assert view == {
        "ref": view["ref"],
        "sha256": JPEG_HASH,
        "size": len(JPEG),
        "content_type": "image/jpeg",
        "file_name": "east wall.jpg",
        "village_code": VILLAGE,
        "scan": "NOT_SCANNED",
        "created_at": "2019-09-16T02:00:00Z",
    }
    assert desk.files() == [JPEG_HASH]
    assert (await desk.inspection.get(f"/evidence/{view['ref']}")).json() == view
    (audit,) = await desk.inspection.fetch("SELECT * FROM audit WHERE object_type = 'evidence'")
    assert (audit["action"], audit["object_id"]) == ("CREATE", view["ref"])


async def test_the_same_file_from_the_same_organisation_is_the_same_record(desk: Desk) -> None:
    first = await desk.upload()
    again = await desk.upload(file_name="another name.jpg")
    assert (again.status_code, again.json()) == (201, first.json())
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await desk.inspection.count("evidence_files") == 1


async def test_a_file_for_another_place_or_from_another_organisation_is_stored_once_only(
    desk: Desk,
) -> None:
    views = [
        await desk.kept(),
        await desk.kept(village_code="511132201"),
        await desk.kept(org="HOUS@511132", roles=("dept_handler",)),
    ]
    assert len({view["ref"] for view in views}) == 3
    assert desk.files() == [JPEG_HASH]


async def test_the_same_upload_at_the_same_time_makes_one_record(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.upload() for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["ref"] for answer in answers}) == 1
    assert desk.files() == [JPEG_HASH]


@pytest.mark.parametrize(
    "name",
    ["../../../../tmp/escaped.jpg", "/etc/cron.d/x", "..", "a\\..\\..\\b.jpg", "%2e%2e%2fx", "~/x"],
)
async def test_the_callers_name_is_no_part_of_any_path(desk: Desk, name: str) -> None:
    before = {path for path in desk.directory.parent.rglob("*") if path.is_file()}
    view = await desk.kept(file_name=name)
    after = {path for path in desk.directory.parent.rglob("*") if path.is_file()}
    assert after - before == {desk.directory / JPEG_HASH[:2] / JPEG_HASH[2:4] / JPEG_HASH}
    assert "/" not in view["file_name"]
    assert "\\" not in view["file_name"]


@pytest.mark.parametrize(
    ("content", "type_"),
    [
        (JPEG, FileType.JPEG),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), FileType.PNG),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(40), FileType.WEBP),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), FileType.HEIC),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(40), FileType.MP4),
        (b"%PDF-1.7\n" + bytes(40), FileType.PDF),
        (archive(WORD), FileType.DOCX),
        (sheet(), FileType.XLSX),
    ],
    ids=lambda value: value.name if isinstance(value, FileType) else "",
)
async def test_every_allowed_type_is_taken_and_called_what_it_is(
    desk: Desk, content: bytes, type_: FileType
) -> None:
    view = await desk.kept(content=content, content_type=type_, file_name="proof")
    assert view["content_type"] == type_


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (b"", "image/jpeg"),
        (b"plain words", "text/plain"),
        (b"<html><script>", "image/jpeg"),
        (JPEG, "image/png"),
        (JPEG, "text/html"),
        (b"MZ\x90\x00" + bytes(40), "application/pdf"),
        (archive({"notes.txt": b"x"}), FileType.DOCX),
        (archive({**WORD, "word/vbaProject.bin": b"x"}), FileType.DOCX),
        (archive(WORD), FileType.XLSX),
        (archive(WORD)[:40], FileType.DOCX),
    ],
)
async def test_a_file_of_no_allowed_type_or_another_than_declared_is_refused(
    desk: Desk, content: bytes, declared: str
) -> None:
    answer = await desk.upload(content, declared)
    assert (answer.status_code, answer.json()["code"]) == (422, "EVIDENCE_TYPE")
    assert answer.json()["allowed"] == sorted(FileType)
    assert (desk.files(), await desk.inspection.count("evidence_files")) == ([], 0)


async def test_a_region_may_allow_fewer_types(desk: Desk) -> None:
    await desk.set("evidence_types", ["image/jpeg", "application/pdf"])
    assert (await desk.upload()).status_code == 201
    refused = await desk.upload(b"\x89PNG\r\n\x1a\n" + bytes(40), "image/png")
    assert refused.json()["allowed"] == ["application/pdf", "image/jpeg"]


async def _streamed(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), 65_536):
        yield content[start : start + 65_536]


async def test_a_file_may_be_larger_than_other_requests_but_not_than_its_own_limit(
    desk: Desk,
) -> None:
    large = JPEG + os.urandom(5 * 1024 * 1024)
    assert len(large) > desk.inspection.runtime.settings.request_body_limit_bytes
    assert (await desk.kept(content=_streamed(large)))["size"] == len(large)
    await desk.set("evidence_max_bytes", 1_000_000)
    before = desk.files()
    for content in (large + b"x", _streamed(large + b"x")):
        answer = await desk.upload(content)
        assert (answer.status_code, answer.json()["code"]) == (413, "EVIDENCE_TOO_LARGE")
        assert answer.json()["limit_bytes"] == 1_000_000
    assert desk.files() == before


async def test_a_file_of_exactly_the_limit_is_taken(desk: Desk) -> None:
    await desk.set("evidence_max_bytes", len(JPEG))
    assert (await desk.upload()).status_code == 201
    assert (await desk.upload(JPEG + b"x")).status_code == 413


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("evidence_max_bytes", 0),
        ("evidence_max_bytes", 10**12),
        ("evidence_types", ["text/html"]),
        ("evidence_link_minutes", 0),
    ],
)
async def test_limits_that_cannot_be_meant_are_refused(desk: Desk, key: str, value: object) -> None:
    answer = await desk.inspection.put(
        f"/config/511132/{key}", {"value": value, "effective_from": "2019-01-01"}
    )
    assert answer.json()["code"] == "VALUE_INVALID"


async def test_other_routes_keep_the_general_limit(desk: Desk) -> None:
    answer = await desk.inspection.post("/problems", {"x": "y" * 5_000_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


async def test_an_upload_that_breaks_off_leaves_nothing(desk: Desk) -> None:
    parts: list[dict[str, Any]] = [
        {"type": "http.request", "body": JPEG, "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []
    headers = desk.inspection.app.headers("POV@511132", "poverty_office")
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/evidence",
        "query_string": f"village_code={VILLAGE}&file_name=x".encode(),
        "headers": [
            (b"authorization", headers["Authorization"].encode()),
            (b"content-type", b"image/jpeg"),
            (b"x-now", NOW.encode()),
        ],
    }

    async def receive() -> dict[str, Any]:
        return parts.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await desk.inspection.app.app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert b"EVIDENCE_INCOMPLETE" in sent[1]["body"]
    assert (desk.files(), await desk.inspection.count("evidence_files")) == ([], 0)


async def test_a_scanned_file_is_marked_clean_and_an_infected_one_leaves_no_trace(
    scanned_desk: Desk,
) -> None:
    assert (await scanned_desk.kept())["scan"] == "CLEAN"
    answer = await scanned_desk.upload(JPEG + VIRUS)
    assert (answer.status_code, answer.json()["code"]) == (422, "EVIDENCE_INFECTED")
    assert scanned_desk.files() == [JPEG_HASH]
    assert await scanned_desk.inspection.count("evidence_files") == 1


async def test_while_the_scanner_is_away_nothing_is_taken(scanned_desk: Desk, clamd: Clamd) -> None:
    clamd.answer = b""
    answer = await scanned_desk.upload()
    assert (answer.status_code, answer.json()["code"]) == (503, "EVIDENCE_SCANNER_DOWN")
    assert answer.headers["Retry-After"]
    assert scanned_desk.files() == []
    assert await scanned_desk.inspection.count("evidence_files") == 0


async def test_while_the_store_is_away_nothing_is_recorded(desk: Desk) -> None:
    (desk.directory / JPEG_HASH[:2]).write_bytes(b"in the way of the directory")
    answer = await desk.upload()
    assert (answer.status_code, answer.json()["code"]) == (503, "OBJECT_STORE_UNAVAILABLE")
    assert await desk.inspection.count("evidence_files") == 0


async def test_while_there_is_no_room_for_an_upload_nothing_is_recorded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(desk.directory / "not mounted"))
    answer = await desk.upload()
    assert (answer.status_code, answer.json()["code"]) == (503, "OBJECT_STORE_UNAVAILABLE")
    assert (desk.files(), await desk.inspection.count("evidence_files")) == ([], 0)


async def test_without_an_object_store_the_calls_say_so(inspection: Inspection) -> None:
    desk = Desk(inspection, Path("unused"))
    answers = [
        await desk.upload(),
        await inspection.post(f"/evidence/{'0' * 8}-0000-7000-8000-{'0' * 12}/link"),
        await desk.follow(f"/api/v1/evidence/{'0' * 8}-0000-7000-8000-{'0' * 12}/content"),
    ]
    assert [(one.status_code, one.json()["code"]) for one in answers] == [(503, "EVIDENCE_OFF")] * 3


async def test_what_a_killed_process_left_is_removed_at_the_next_start(
    seeded_template: None, start: Start, tmp_path: Path
) -> None:
    left = tmp_path / JPEG_HASH[:2] / JPEG_HASH[2:4] / f"{JPEG_HASH}#1"
    left.parent.mkdir(parents=True)
    left.write_bytes(JPEG[:10])
    os.utime(left, (0, 0))
    await start(SERVICE, object_store_url=tmp_path.as_uri())
    assert not left.exists()


@pytest.mark.parametrize(
    "upload",
    [{"village_code": NEIGHBOUR}, {"village_code": "51"}, {"org": "TOWN@511132202"}],
)
async def test_evidence_is_brought_for_places_of_ones_own_only(
    desk: Desk, upload: dict[str, Any]
) -> None:
    answer = await desk.upload(**upload)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert desk.files() == []


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        ({"village_code": "x"}, "REGION_CODE_INVALID"),
        ({"file_name": ""}, "TOO_SHORT"),
        ({"file_name": "x" * 256}, "TOO_LONG"),
    ],
)
async def test_a_malformed_request_is_refused_before_its_body_is_read(
    desk: Desk, upload: dict[str, Any], code: str
) -> None:
    read: list[bytes] = []

    async def watched() -> AsyncIterator[bytes]:
        read.append(JPEG)
        yield JPEG

    answer = await desk.upload(watched(), **upload)
    assert (answer.status_code, answer.json()["code"], read) == (422, code, [])


async def test_households_and_strangers_bring_no_evidence(desk: Desk) -> None:
    household = await desk.upload(roles=("household",))
    assert (household.status_code, household.json()["code"]) == (403, "FORBIDDEN")
    stranger = await desk.inspection.app.client.post(
        "/api/v1/evidence", params={"village_code": VILLAGE, "file_name": "x"}, content=JPEG
    )
    assert (stranger.status_code, stranger.json()["code"]) == (401, "UNAUTHENTICATED")
    assert desk.files() == []
