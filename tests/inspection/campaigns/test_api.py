"""Campaigns over HTTP: created with a policy, seen by whom they concern."""

from typing import Any

import pytest

from tests.inspection.conftest import Inspection

CAMPAIGN: dict[str, Any] = {
    "name": "DPC-2019",
    "type": "LOOK_BACK",
    "region_code": "511132",
    "year": 2019,
    "deadline_policy": {
        "rules": [
            {
                "id": "S-EXIT",
                "match": {"cohort": ["EXITED", "EXIT_THIS_YEAR"]},
                "due": {"date": "2019-09-30"},
            },
            {
                "id": "S-SPECIAL",
                "match": {"cohort": "NON_ARCHIVED_SPECIAL"},
                "due": {"date": "2019-12-31"},
            },
        ],
        "late_days": 7,
    },
    "self_check_until": "2019-06-30",
    "stages": [{"stage": "PREPARE", "start": "2019-03-15", "end": "2019-03-31"}],
}


async def test_a_campaign_is_drafted_and_told(inspection: Inspection) -> None:
    answer = await inspection.post("/campaigns", CAMPAIGN, key="c")
    assert answer.status_code == 201
    view = answer.json()
    assert (view["state"], view["version"]) == ("DRAFT", 1)
    assert view["deadline_policy"] == CAMPAIGN["deadline_policy"]
    assert await inspection.happened(view["id"]) == ["stage_changed"]
    again = await inspection.post("/campaigns", CAMPAIGN, key="c")
    assert (again.status_code, again.json()) == (201, view)
    other = await inspection.post("/campaigns", CAMPAIGN | {"name": "Z"}, key="c")
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")
    assert (await inspection.get(f"/campaigns/{view['id']}")).json() == view


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"deadline_policy": {"rules": [{"id": "A", "due": {}}]}}, "POLICY_INVALID"),
        (
            {"deadline_policy": {"rules": [{"id": "A", "due": {"days": 1}, "match": {"x": 1}}]}},
            "UNKNOWN_FIELD",
        ),
        (
            {"deadline_policy": {"rules": [{"id": "A", "due": {"date": "2019-02-30"}}]}},
            "DATE_INVALID",
        ),
        (
            {"stages": [{"stage": "SUMMARY", "start": "2019-03-15", "end": "2019-03-31"}]},
            "STAGES_INVALID",
        ),
        ({"type": "PARADE"}, "UNKNOWN_VALUE"),
        ({"region_code": "5111"}, "NOT_FOUND"),
        ({"region_code": "x"}, "REGION_CODE_INVALID"),
        ({"self_check_until": "2019-02-30"}, "DATE_INVALID"),
        ({"year": 1900}, "OUT_OF_RANGE"),
        ({"name": ""}, "TOO_SHORT"),
        ({"stray": 1}, "UNKNOWN_FIELD"),
    ],
)
async def test_a_campaign_that_cannot_be_is_refused(
    inspection: Inspection, changes: dict[str, object], code: str
) -> None:
    answer = await inspection.post("/campaigns", CAMPAIGN | changes)
    assert answer.json()["code"] == code
    assert answer.status_code == (404 if code == "NOT_FOUND" else 422)
    assert await inspection.count("campaigns") == 0


async def test_only_county_bodies_draft_campaigns(inspection: Inspection) -> None:
    answer = await inspection.post("/campaigns", CAMPAIGN, org="HOUS@511132", roles=("dept_head",))
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


async def test_a_campaign_is_seen_below_and_above_its_region_but_not_beside_it(
    inspection: Inspection,
) -> None:
    campaign_id = await inspection.campaign()
    for org in ("TOWN@511132201", "VILLAGE@511132201205", "HOUS@511132", "PROV@51"):
        one = await inspection.get(f"/campaigns/{campaign_id}", org=org)
        listed = (await inspection.get("/campaigns", org=org)).json()["items"]
        assert (one.status_code, [item["id"] for item in listed]) == (200, [campaign_id])
    for org in ("POV@511133", "PROV@43"):
        one = await inspection.get(f"/campaigns/{campaign_id}", org=org)
        assert one.status_code == 404
        assert (await inspection.get("/campaigns", org=org)).json()["items"] == []


async def test_campaigns_are_listed_in_pages(inspection: Inspection) -> None:
    ids = [await inspection.campaign(name=f"C{number}") for number in range(3)]
    first = (await inspection.get("/campaigns", {"limit": 2})).json()
    rest = (await inspection.get("/campaigns", {"cursor": first["next_cursor"]})).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == ids
    assert rest["next_cursor"] is None
