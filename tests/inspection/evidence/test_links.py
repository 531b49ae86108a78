"""Seeing and fetching evidence: within one's region, and by a link that expires."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from services.inspection.evidence.domain import LinkInvalid
from services.inspection.evidence.links import LinkMark, LinkSigner
from services.inspection.main import SERVICE
from services.inspection.settings import InspectionSettings
from shared.ids import new_id
from shared.privacy import AesSuite, KeyRing, MasterKey, Sm4Suite
from tests.conftest import Start
from tests.inspection.conftest import Inspection
from tests.inspection.evidence.conftest import JPEG, JPEG_HASH, Desk

AT = datetime(2026, 6, 1, tzinfo=UTC)
LATER = "2019-09-16T10:09:59+08:00"
TOO_LATE = "2019-09-16T10:10:00+08:00"


async def test_a_link_fetches_the_content_to_be_saved_without_a_token(desk: Desk) -> None:
    ref = (await desk.kept(file_name="东墙.jpg"))["ref"]
    answer = await desk.follow(await desk.link(ref), now=LATER)
    assert (answer.status_code, answer.content) == (200, JPEG)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Length"] == str(len(JPEG))
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"evidence.jpg\"; filename*=UTF-8''%E4%B8%9C%E5%A2%99.jpg"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"


async def test_a_link_says_when_it_expires_and_asking_for_it_is_audited(desk: Desk) -> None:
    ref = (await desk.kept())["ref"]
    answer = await desk.inspection.post(f"/evidence/{ref}/link", org="HOUS@511132")
    assert answer.json()["expires_at"] == "2019-09-16T02:10:00Z"
    rows = await desk.inspection.fetch("SELECT * FROM audit WHERE action = 'LINK'")
    assert [(row["object_id"], row["organisation"]) for row in rows] == [(ref, "HOUS@511132")]


async def test_a_region_may_let_links_live_longer(desk: Desk) -> None:
    await desk.set("evidence_link_minutes", 60)
    url = await desk.link((await desk.kept())["ref"])
    assert (await desk.follow(url, now="2019-09-16T10:59:59+08:00")).status_code == 200
    assert (await desk.follow(url, now="2019-09-16T11:00:00+08:00")).status_code == 403


async def test_an_expired_or_altered_link_opens_nothing(desk: Desk) -> None:
    ref = (await desk.kept())["ref"]
    other = (await desk.kept(village_code="511132201"))["ref"]
    url = await desk.link(ref)
    mark = parse_qs(urlsplit(url).query)
    expires, signature = mark["expires"][0], mark["signature"][0]
    altered = [
        url.replace(ref, other),
        url.replace(ref, "no-uuid"),
        url.replace(expires, str(int(expires) + 1)),
        url.replace(expires, "never"),
        url.replace(signature, signature[::-1]),
        url.replace(signature, signature[:-1]),
        url.replace(signature, "%E4%B8%9C"),
        url.partition("&")[0],
        url.partition("?")[0],
    ]
    answers = [await desk.follow(url, now=TOO_LATE), *[await desk.follow(one) for one in altered]]
    assert {(one.status_code, one.json()["code"]) for one in answers} == {(403, "LINK_INVALID")}


async def test_a_token_is_no_link(desk: Desk) -> None:
    ref = (await desk.kept())["ref"]
    answer = await desk.inspection.get(f"/evidence/{ref}/content")
    assert (answer.status_code, answer.json()["code"]) == (403, "LINK_INVALID")


async def test_content_that_was_lost_is_a_refusal_not_a_broken_download(desk: Desk) -> None:
    url = await desk.link((await desk.kept())["ref"])
    (desk.directory / JPEG_HASH[:2] / JPEG_HASH[2:4] / JPEG_HASH).unlink()
    answer = await desk.follow(url)
    assert (answer.status_code, answer.json()["code"]) == (503, "OBJECT_STORE_UNAVAILABLE")


async def test_evidence_is_seen_within_the_region_and_not_beside_it(desk: Desk) -> None:
    ref = (await desk.kept(org="TOWN@511132201", roles=("township_reviewer",)))["ref"]
    for org in ("TOWN@511132201", "VILLAGE@511132201205", "HOUS@511132", "PROV@51"):
        assert (await desk.inspection.get(f"/evidence/{ref}", org=org)).status_code == 200
        assert (await desk.inspection.post(f"/evidence/{ref}/link", org=org)).status_code == 200
    for org in ("POV@511133", "HOUS@511133", "TOWN@511132202", "PROV@43"):
        seen = await desk.inspection.get(f"/evidence/{ref}", org=org)
        linked = await desk.inspection.post(f"/evidence/{ref}/link", org=org)
        assert (seen.status_code, linked.status_code) == (404, 404)


async def test_unknown_evidence_and_wrong_roles_are_refused(desk: Desk) -> None:
    ref = (await desk.kept())["ref"]
    assert (await desk.inspection.get(f"/evidence/{new_id()}")).status_code == 404
    assert (await desk.inspection.post(f"/evidence/{new_id()}/link")).status_code == 404
    assert (await desk.inspection.get("/evidence/x")).status_code == 422
    for roles in ((), ("household",)):
        seen = await desk.inspection.get(f"/evidence/{ref}", roles=roles)
        linked = await desk.inspection.post(f"/evidence/{ref}/link", roles=roles)
        assert (seen.status_code, linked.status_code) == (403, 403)


async def test_the_interface_describes_uploads_and_that_links_need_no_token(
    inspection: Inspection,
) -> None:
    paths = (await inspection.app.client.get("/openapi.json")).json()["paths"]
    upload = paths["/api/v1/evidence"]["post"]
    assert "image/jpeg" in upload["requestBody"]["content"]
    assert upload["security"] == [{"bearer": []}]
    assert "EVIDENCE_TOO_LARGE" in upload["responses"]["413"]["description"]
    content = paths["/api/v1/evidence/{ref}/content"]["get"]
    assert (content["security"], content["x-roles"]) == ([], [])
    assert {one["name"] for one in content["parameters"]} == {"ref", "expires", "signature"}


def _key() -> MasterKey:
    return MasterKey(AesSuite(), secrets.token_bytes(32))


def test_a_link_opens_at_every_process_with_the_key_and_at_no_other() -> None:
    key, ref = _key(), new_id()
    mark = LinkSigner(KeyRing([key])).sign(ref, AT)
    before = AT - timedelta(seconds=1)
    assert LinkSigner(KeyRing([key])).check(str(ref), mark, before) == ref
    with pytest.raises(LinkInvalid):
        LinkSigner(KeyRing([_key()])).check(str(ref), mark, before)
    with pytest.raises(LinkInvalid):
        LinkSigner(KeyRing([key])).check(str(ref), mark, AT)
    with pytest.raises(LinkInvalid):
        LinkSigner(KeyRing([key])).check("", LinkMark(f"{ref}|{mark.expires}", mark.signature), AT)


def test_links_signed_before_a_change_of_the_key_still_open() -> None:
    old, new, ref = _key(), MasterKey(Sm4Suite(), secrets.token_bytes(32)), new_id()
    mark = LinkSigner(KeyRing([old])).sign(ref, AT)
    now = AT - timedelta(seconds=1)
    assert LinkSigner(KeyRing([new, old])).check(str(ref), mark, now) == ref
    with pytest.raises(LinkInvalid):
        LinkSigner(KeyRing([new])).check(str(ref), mark, now)


async def test_the_key_of_links_is_read_from_its_file(
    seeded_template: None, start: Start, tmp_path: Path
) -> None:
    file = tmp_path / "link.key"
    secret = secrets.token_bytes(32)
    file.touch(0o600)
    file.write_text(secret.hex())
    app = await start(SERVICE, object_store_url=(tmp_path / "objects").as_uri(), link_key_file=file)
    desk = Desk(Inspection(app), tmp_path / "objects")
    url = await desk.link(ref := (await desk.kept())["ref"])
    mark = parse_qs(urlsplit(url).query)
    signer = LinkSigner(KeyRing([MasterKey(AesSuite(), secret)]))
    again = LinkMark(mark["expires"][0], mark["signature"][0])
    assert signer.check(ref, again, datetime.fromisoformat(LATER)) == UUID(ref)


def test_in_production_files_are_not_kept_without_a_lasting_key_of_links(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "database_url": "postgresql://x",
        "token_issuer": "x",
        "jwks_url": "x",
        "environment": "production",
    }
    assert not InspectionSettings(**settings).object_store_url
    with pytest.raises(ValueError, match="LINK_KEY_FILE"):
        InspectionSettings(**settings, object_store_url=tmp_path.as_uri())
    kept = InspectionSettings(
        **settings, object_store_url=tmp_path.as_uri(), link_key_file=tmp_path / "link.key"
    )
    assert "secret" not in repr(kept.object_store_secret)
