"""Lists delivered to the township and the poverty office against a receipt (I-07)."""

import json
from hashlib import sha256
from typing import Any

import httpx
import pytest

from shared.ids import new_id
from tests.inspection.conftest import VILLAGE, Inspection

TOWNSHIP: dict[str, Any] = {"org": "TOWN@511132201", "roles": ("township_reviewer",)}
OFFICE: dict[str, Any] = {"org": "POV@511132", "roles": ("poverty_office",)}
CADRE: dict[str, Any] = {"org": f"VILLAGE@{VILLAGE}", "roles": ("village_cadre",)}


async def deliver(
    inspection: Inspection,
    campaign_id: str,
    who: dict[str, Any] = CADRE,
    key: str | None = None,
    **changes: Any,
) -> httpx.Response:
    body = {"campaign_id": campaign_id, "list": "problem", "region_code": VILLAGE, **changes}
    return await inspection.post("/list-deliveries", body, key=key, **who)


async def delivered(inspection: Inspection, campaign_id: str, **more: Any) -> list[dict[str, Any]]:
    answer = await deliver(inspection, campaign_id, **more)
    assert answer.status_code == 201, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def receive(
    inspection: Inspection, delivery_id: str, who: dict[str, Any], person: str = "周收件"
) -> httpx.Response:
    path = f"/list-deliveries/{delivery_id}/receipt"
    return await inspection.post(path, {"received_by": person}, **who)


async def listed(inspection: Inspection, who: dict[str, Any], **query: Any) -> list[str]:
    answer = await inspection.get("/list-deliveries", query, **who)
    assert answer.status_code == 200, answer.text
    return sorted(item["addressee"] for item in answer.json()["items"])


def in_order(deliveries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As they are listed; the copies of one list may stand either way round."""
    return sorted(deliveries, key=lambda delivery: str(delivery["id"]))


# -- delivering ----------------------------------------------------------------------------------


async def test_a_village_list_goes_to_township_and_poverty_office_by_15_april(
    inspection: Inspection,
) -> None:
    campaign_id = await inspection.campaign()
    await inspection.log(campaign_id=campaign_id)
    await inspection.log()  # of no campaign
    await inspection.log(campaign_id=campaign_id, village_code="511132202200")
    copies = await delivered(inspection, campaign_id)
    assert [copy["addressee"] for copy in copies] == ["TOWN@511132201", "POV@511132"]
    for copy in copies:
        assert (copy["due_on"], copy["count"], copy["list"]) == ("2019-04-15", 1, "problem")
        assert (copy["delivered_for"], copy["received_by"]) == (f"VILLAGE@{VILLAGE}", None)
    assert copies[0]["sha256"] == copies[1]["sha256"]


async def test_the_day_is_set_by_region_or_with_the_delivery(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    value = {"value": "10-31", "effective_from": "2019-01-01"}
    answer = await inspection.put("/config/511132/list_delivery_due", value)
    assert answer.status_code == 200, answer.text
    assert {one["due_on"] for one in await delivered(inspection, campaign_id)} == {"2019-10-31"}
    set_day = await delivered(inspection, campaign_id, due_on="2019-09-20")
    assert {one["due_on"] for one in set_day} == {"2019-09-20"}
    bad = await inspection.put("/config/511132/list_delivery_due", {**value, "value": "02-29"})
    assert (bad.status_code, bad.json()["code"]) == (422, "VALUE_INVALID")


@pytest.mark.parametrize("name", ["problem", "responsibility", "deadline"])
async def test_the_digest_is_that_of_the_list_the_addressee_reads(
    inspection: Inspection, name: str
) -> None:
    campaign_id = await inspection.campaign()
    for _ in range(3):
        await inspection.log(campaign_id=campaign_id)
    await inspection.log(campaign_id=campaign_id, scope="SYSTEMIC")
    copy = (await delivered(inspection, campaign_id, list=name))[0]
    query = {"campaign_id": campaign_id, "region_prefix": VILLAGE}
    items = (await inspection.get(f"/lists/{name}", query, **TOWNSHIP)).json()["items"]
    text = json.dumps(items, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert (copy["count"], copy["sha256"]) == (4, sha256(text.encode()).hexdigest())


async def test_a_delivery_stays_as_it_was_whatever_becomes_of_the_problems(
    inspection: Inspection,
) -> None:
    campaign_id = await inspection.campaign()
    await inspection.log(campaign_id=campaign_id)
    before = await delivered(inspection, campaign_id)
    await inspection.log(campaign_id=campaign_id)
    after = await delivered(inspection, campaign_id)
    assert [copy["count"] for copy in before + after] == [1, 1, 2, 2]
    assert before[0]["sha256"] != after[0]["sha256"]
    page = (await inspection.get("/list-deliveries", **OFFICE)).json()
    assert page["items"] == in_order(before + after)


async def test_style_and_corruption_are_in_no_delivered_list(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    await inspection.log(campaign_id=campaign_id)
    await inspection.log(campaign_id=campaign_id, kind="STYLE")
    await inspection.log(campaign_id=campaign_id, kind="CORRUPTION_BRIBERY")
    copies = await delivered(inspection, campaign_id, who=OFFICE)
    assert [copy["count"] for copy in copies] == [1, 1]


async def test_an_empty_list_is_delivered_too(inspection: Inspection) -> None:
    copies = await delivered(inspection, await inspection.campaign())
    assert {copy["sha256"] for copy in copies} == {sha256(b"[]").hexdigest()}


async def test_a_list_is_delivered_once_per_key(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    first = await deliver(inspection, campaign_id, key="delivery-1")
    again = await deliver(inspection, campaign_id, key="delivery-1")
    assert first.json() == again.json()
    assert await inspection.count("list_deliveries") == 2


@pytest.mark.parametrize(
    ("changes", "who", "status", "code"),
    [
        ({"region_code": "511132"}, OFFICE, 422, "DELIVERY_PLACE_TOO_WIDE"),
        ({"to": ["HOUS@511132"]}, OFFICE, 422, "ADDRESSEE_INVALID"),
        ({"to": ["office"]}, OFFICE, 422, "FORMAT"),
        ({"campaign_id": str(new_id())}, OFFICE, 422, "CAMPAIGN_UNKNOWN"),
        ({"list": "everything"}, OFFICE, 422, "UNKNOWN_VALUE"),
        ({"region_code": "511132202"}, TOWNSHIP, 404, "NOT_FOUND"),
        ({}, {"org": "POV@511133", "roles": ("poverty_office",)}, 404, "NOT_FOUND"),
        ({}, {"org": "HOUS@511132", "roles": ("dept_head",)}, 403, "FORBIDDEN"),
    ],
)
async def test_deliveries_that_are_refused(
    inspection: Inspection, changes: dict[str, Any], who: dict[str, Any], status: int, code: str
) -> None:
    campaign_id = await inspection.campaign()
    answer = await deliver(inspection, **{"campaign_id": campaign_id, "who": who, **changes})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await inspection.count("list_deliveries") == 0


async def test_the_place_must_lie_in_the_campaign(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    province = {"org": "LG@51", "roles": ("leading_group",)}
    answer = await deliver(inspection, campaign_id, province, region_code="511133100")
    assert (answer.status_code, answer.json()["code"]) == (422, "OUTSIDE_CAMPAIGN")


# -- receipts ------------------------------------------------------------------------------------


async def test_the_addressee_gives_the_receipt_and_the_first_one_stands(
    inspection: Inspection,
) -> None:
    town, office = await delivered(inspection, await inspection.campaign(), due_on="2019-09-16")
    first = (await receive(inspection, town["id"], TOWNSHIP)).json()
    assert (first["received_by"], first["late"]) == ("周收件", False)
    inspection.now = "2019-09-17T00:00:00+08:00"
    again = await receive(inspection, town["id"], TOWNSHIP, "吴后来")
    assert (again.status_code, again.json()) == (200, first)
    late = (await receive(inspection, office["id"], OFFICE)).json()
    assert (late["received_by"], late["late"]) == ("周收件", True)
    audits = await inspection.fetch("SELECT 1 FROM audit WHERE action = 'RECEIVE'")
    assert len(audits) == 2


async def test_nobody_else_gives_the_receipt(inspection: Inspection) -> None:
    town, _ = await delivered(inspection, await inspection.campaign())
    for who, status, code in (
        (OFFICE, 403, "ONLY_ADDRESSEE"),
        ({"org": "LG@511132", "roles": ("leading_group",)}, 403, "ONLY_ADDRESSEE"),
        ({"org": "TOWN@511132202", "roles": ("township_reviewer",)}, 404, "NOT_FOUND"),
        ({"org": "POV@511133", "roles": ("poverty_office",)}, 404, "NOT_FOUND"),
        ({"org": "HOUS@511132", "roles": ("poverty_office",)}, 404, "NOT_FOUND"),
        ({"org": "TOWN@511132201", "roles": ("helper",)}, 403, "FORBIDDEN"),
    ):
        answer = await receive(inspection, town["id"], who)
        assert (answer.status_code, answer.json()["code"]) == (status, code), who
    unknown = await receive(inspection, str(new_id()), TOWNSHIP)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_FOUND")
    nameless = await receive(inspection, town["id"], TOWNSHIP, "")
    assert (nameless.status_code, nameless.json()["code"]) == (422, "NAME_INVALID")


async def test_deliveries_without_a_receipt_are_missing_once_their_day_has_passed(
    inspection: Inspection,
) -> None:
    campaign_id, other = await inspection.campaign(), await inspection.campaign(name="另一行动")
    town, _ = await delivered(inspection, campaign_id, due_on="2019-09-16")
    await delivered(inspection, other, to=["LG@511132"], due_on="2019-09-30")
    assert await listed(inspection, OFFICE, missing="true") == []
    await receive(inspection, town["id"], TOWNSHIP)
    inspection.now = "2019-09-17T00:00:00+08:00"
    assert await listed(inspection, OFFICE, missing="true") == ["POV@511132"]
    assert await listed(inspection, OFFICE, missing="true", campaign_id=other) == []
    assert await listed(inspection, OFFICE, campaign_id=other) == ["LG@511132"]
    assert len(await listed(inspection, OFFICE)) == 3


async def test_deliveries_are_seen_by_the_offices_of_their_place(inspection: Inspection) -> None:
    await delivered(inspection, await inspection.campaign())
    both = ["POV@511132", "TOWN@511132201"]
    for org, roles, expected in (
        ("POV@511132", ("poverty_office",), both),
        ("TOWN@511132201", ("township_reviewer",), both),
        (f"VILLAGE@{VILLAGE}", ("village_cadre",), both),
        ("TOWN@511132202", ("township_reviewer",), []),
        ("POV@511133", ("poverty_office",), []),
        ("HOUS@511132", ("dept_head",), []),
    ):
        assert await listed(inspection, {"org": org, "roles": roles}) == expected, org
    refused = await inspection.get("/list-deliveries", org="POV@511132", roles=("household",))
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")


async def test_deliveries_are_paged_in_the_order_of_time(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    one, other = in_order(await delivered(inspection, campaign_id))
    first = (await inspection.get("/list-deliveries", {"limit": 1}, **OFFICE)).json()
    assert first["items"] == [one]
    query = {"limit": 1, "cursor": first["next_cursor"]}
    rest = (await inspection.get("/list-deliveries", query, **OFFICE)).json()
    assert (rest["items"], rest["next_cursor"]) == ([other], None)
