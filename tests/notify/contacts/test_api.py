"""The contact book as department heads, townships and operators keep it."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.notify.contacts.sealing import try_keys
from shared.ids import new_id
from shared.privacy import KeyFileRejected, load_key_ring
from tests.notify.conftest import LEAD, TOWNSHIP
from tests.notify.sendings.providers import KEY, MORNING, WECOM, Opened

GROUP = {"org": LEAD, "label": "住建局整改群", "address": WECOM}


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        (WECOM, "***5898"),
        ({"channel": "DINGTALK", "access_token": KEY, "secret": "SECa"}, "***5898"),
        ({"channel": "FEISHU", "key": KEY}, "***5898"),
        ({"channel": "SMS", "mobile": "19900000001"}, "199****0001"),
        ({"channel": "EMAIL", "address": "houjian@example.com"}, "h***@example.com"),
        ({"channel": "DRY_RUN"}, ""),
    ],
)
async def test_an_address_is_kept_sealed_and_shown_masked(
    opened: Opened, address: dict[str, str], shown: str
) -> None:
    people = await opened()
    added = await people.call("POST", "/contacts", {**GROUP, "address": address}, status=201)
    assert (added["channel"], added["address_shown"]) == (address["channel"], shown)
    listed = await people.call("GET", "/contacts")
    assert listed["items"] == [added]
    stored = await people.everything_stored()
    for value in (value for name, value in address.items() if name != "channel"):
        assert value not in stored
        assert value not in str(listed)


@pytest.mark.parametrize(
    ("fault", "field", "code"),
    [
        ({"label": "张三19900000001"}, "label", "PERSONAL_IDENTIFIER"),
        ({"person": "511132198001019015"}, "person", "PERSONAL_IDENTIFIER"),
        ({"roles": ["nobody"]}, "roles.0", "UNKNOWN_VALUE"),
        ({"org": "HOUS"}, "org", "FORMAT"),
        ({"address": {"channel": "WECOM", "key": "a/../b?c"}}, "address.key", "FORMAT"),
        (
            {"address": {"channel": "SMS", "mobile": "12345"}},
            "address.mobile",
            "PHONE_INVALID",
        ),
        (
            {"address": {"channel": "EMAIL", "address": "a@b\r\nBcc: c@d"}},
            "address.address",
            "FORMAT",
        ),
        ({"address": {"channel": "DRY_RUN", "key": KEY}}, "address.key", "UNKNOWN_FIELD"),
        ({"address": {"channel": "FAX"}}, "address.channel", "UNKNOWN_VALUE"),
        ({"address": {"key": KEY}}, "address.channel", "REQUIRED"),
        ({"address": {"channel": "SMS"}}, "address.mobile", "REQUIRED"),
    ],
)
async def test_what_is_malformed_or_personal_is_refused_by_its_field_without_an_echo(
    opened: Opened, fault: dict[str, Any], field: str, code: str
) -> None:
    people = await opened()
    refused = await people.call("POST", "/contacts", {**GROUP, **fault}, status=422)
    assert [(one["field"], one["code"]) for one in refused["errors"]] == [(field, code)]
    assert "19900000001" not in str(refused)
    assert "511132198001019015" not in str(refused)


async def test_the_same_key_adds_one_contact(opened: Opened) -> None:
    people = await opened()
    headers = people.headers() | {"Idempotency-Key": "contact-1"}
    client = people.notify.app.client
    answers = [await client.post("/api/v1/contacts", json=GROUP, headers=headers) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len((await people.call("GET", "/contacts"))["items"]) == 1


async def test_heads_keep_their_own_organisation_and_operators_their_region(
    opened: Opened,
) -> None:
    people = await opened()
    await people.call("POST", "/contacts", GROUP, org="FIN@511132", status=404)
    await people.call("POST", "/contacts", GROUP, role="dept_handler", status=403)
    await people.call("POST", "/contacts", GROUP, org="OPS@511133", role="ops", status=404)
    own = await people.call("POST", "/contacts", GROUP, status=201)
    town = await people.call(
        "POST",
        "/contacts",
        {**GROUP, "org": TOWNSHIP},
        org=TOWNSHIP,
        role="township_party_secretary",
        status=201,
    )
    helper = await people.add({"channel": "DRY_RUN"}, org=TOWNSHIP, roles=["helper"], person="h-1")
    listed = await people.call("GET", "/contacts", org="OPS@51", role="ops")
    assert {one["id"] for one in listed["items"]} == {own["id"], town["id"], helper["id"]}
    for query, found in ((f"org={LEAD}", own), ("role=helper", helper)):
        listed = await people.call("GET", f"/contacts?{query}", org="OPS@51", role="ops")
        assert listed["items"] == [found]
    path, change = f"/contacts/{own['id']}", {"version": 1, "label": "别处"}
    strangers = (
        ("HOUS@511133", "dept_head"),
        ("FIN@511132", "dept_head"),
        ("TOWN@511132202", "township_party_secretary"),
        ("OPS@511133", "ops"),
    )
    for org, role in strangers:
        assert (await people.call("GET", "/contacts", org=org, role=role))["items"] == []
        await people.call("PATCH", path, change, org=org, role=role, status=404)
        await people.call("DELETE", path, org=org, role=role, status=404)
        await people.call("POST", f"{path}/test", org=org, role=role, status=404)
    for method, body in (("PATCH", change), ("DELETE", None)):
        await people.call(method, path, body, role="helper", status=403)


async def test_a_change_stands_on_the_version_seen(opened: Opened) -> None:
    people = await opened()
    added = await people.call("POST", "/contacts", GROUP, status=201)
    path = f"/contacts/{added['id']}"
    address = {"channel": "EMAIL", "address": "houjian@example.com"}
    changed = await people.call(
        "PATCH", path, {"version": 1, "roles": ["dept_head"], "address": address}
    )
    assert (changed["version"], changed["roles"], changed["label"]) == (
        2,
        ["dept_head"],
        GROUP["label"],
    )
    assert (changed["channel"], changed["address_shown"]) == ("EMAIL", "h***@example.com")
    stale = await people.call("PATCH", path, {"version": 1, "label": "群"}, status=409)
    assert (stale["code"], stale["version"]) == ("VERSION_CONFLICT", 2)
    personal = {"version": 2, "label": "群19900000001"}
    assert (await people.call("PATCH", path, personal, status=422))["errors"][0]["field"] == "label"


async def test_a_removed_contact_is_gone_and_its_address_erased(opened: Opened) -> None:
    people = await opened()
    added = await people.call("POST", "/contacts", GROUP, status=201)
    path = f"/contacts/{added['id']}"
    await people.call("DELETE", path, status=204)
    await people.call("DELETE", path, status=404)
    assert (await people.call("GET", "/contacts"))["items"] == []
    async with people.notify.app.database.reading() as session:
        kept = await session.scalar(text("SELECT address_sealed FROM contacts"))
        actions = await session.scalars(
            text("SELECT action FROM audit WHERE object_type = 'contact' ORDER BY id")
        )
        assert (kept, list(actions)) == ("", ["ADD", "REMOVE"])


async def test_a_contact_minds_the_messages_of_its_roles_and_copies_where_it_asks(
    opened: Opened,
) -> None:
    people = await opened()
    fin = "FIN@511132"  # a co-department: it gets a copy
    dry = {"channel": "DRY_RUN"}
    everybody = await people.add(dry)
    with_copies = await people.add(dry, org=fin, copies=True)
    without_copies = await people.add(dry, org=fin)
    await people.tell(MORNING)
    told = {one["contact_id"] for one in await people.sendings()}
    assert told == {everybody["id"], with_copies["id"]}
    assert without_copies["id"] not in told


async def test_a_contact_can_be_found_by_region_and_role_through_an_index(
    opened: Opened,
) -> None:
    people = await opened()
    async with people.notify.app.database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO contacts (contact_id, org, roles, label, channel, address_sealed,"
                " address_shown, copies, state, created_at, version)"
                " SELECT gen_random_uuid(), 'TOWN@5111' || lpad((n % 90)::text, 5, '0'),"
                " ARRAY['helper'], '帮扶责任人', 'DRY_RUN', '', '', false, 'ACTIVE', now(), 1"
                " FROM generate_series(1, 20000) AS n"
            )
        )
        await session.execute(text("ANALYZE contacts"))
        plan = await session.scalars(
            text(
                "EXPLAIN SELECT person FROM contacts WHERE state = 'ACTIVE'"
                " AND region >= '511100001' AND region < '511100002' AND 'helper' = ANY(roles)"
            )
        )
        assert "contacts_of_region" in " ".join(plan)


async def test_a_key_file_of_another_database_is_refused(
    opened: Opened, field_key_file: Path, tmp_path: Path
) -> None:
    people = await opened()
    database = people.notify.app.database
    other = tmp_path / "other.key"
    other.touch(mode=0o600)
    other.write_text("ab" * 32)
    await try_keys(database, load_key_ring(other))  # an empty book fits any key
    await people.call("POST", "/contacts", GROUP, status=201)
    await try_keys(database, load_key_ring(field_key_file))
    with pytest.raises(KeyFileRejected):
        await try_keys(database, load_key_ring(other))


async def test_an_unknown_contact_is_not_found(opened: Opened) -> None:
    people = await opened()
    path = f"/contacts/{new_id()}"
    await people.call("DELETE", path, status=404)
    await people.call("POST", f"{path}/test", status=404)
