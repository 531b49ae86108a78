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
        ({"contents": ["WEATHER"]}, "UNKNOWN_VALUE"),
        ({"base_date": "1999-12-31"}, "DATE_OUT_OF_RANGE"),
        ({"since_year": 1914}, "OUT_OF_RANGE"),
        ({"year": 1900}, "OUT_OF_RANGE"),
        ({"name": ""}, "TOO_SHORT"),
        ({"name": "\u3000"}, "TOO_SHORT"),
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


async def test_a_look_back_has_four_contents_a_base_date_and_five_stages_by_itself(
    inspection: Inspection,
) -> None:
    plain = {name: CAMPAIGN[name] for name in ("name", "type", "region_code", "year")}
    view = (await inspection.post("/campaigns", plain)).json()
    assert view["contents"] == ["COUNTY_RESULTS", "VILLAGE_EXIT", "HOUSEHOLD_EXIT", "OTHER_OBJECTS"]
    assert (view["base_date"], view["since_year"]) == ("2018-12-31", 2014)
    assert view["self_check_until"] is None
    spans = {plan["stage"]: (plan["start"], plan["end"]) for plan in view["stages"]}
    assert list(spans) == [
        *("PREPARE", "SELF_CHECK", "CROSS_CHECK", "RECTIFY", "SAMPLE_SUMMARY"),
    ]
    assert spans["SELF_CHECK"] == ("2019-03-21", "2019-03-31")
    assert spans["RECTIFY"] == ("2019-04-21", "2019-05-30")
    assert spans["SAMPLE_SUMMARY"][1] == "2019-06-30"


async def test_what_a_look_back_says_of_itself_stands_as_said(inspection: Inspection) -> None:
    own = {"contents": ["VILLAGE_EXIT"], "base_date": "2018-06-30", "since_year": 2016}
    view = (await inspection.post("/campaigns", CAMPAIGN | own)).json()
    assert {name: view[name] for name in own} == own
    assert view["stages"] == CAMPAIGN["stages"]


async def test_other_campaigns_have_no_contents_and_no_base_date(inspection: Inspection) -> None:
    view = (await inspection.get(f"/campaigns/{await inspection.campaign()}")).json()
    assert (view["contents"], view["base_date"], view["since_year"]) == ([], None, None)
    assert (view["stages"], view["course"]) == ([], [])


async def test_the_usual_days_of_a_look_back_are_configured_by_region(
    inspection: Inspection,
) -> None:
    days = {
        "PREPARE": ["02-01", "02-28"],
        "SELF_CHECK": ["03-01", "03-15"],
        "RECTIFY": ["03-16", "04-30"],
    }
    body = {"value": days, "effective_from": "2019-01-01"}
    ops: dict[str, Any] = {"org": "OPS@51", "roles": ("ops",)}
    answer = await inspection.put("/config/511132/look_back_stages", body, **ops)
    assert answer.status_code == 200, answer.text
    plain = {name: CAMPAIGN[name] for name in ("name", "type", "region_code", "year")}
    view = (await inspection.post("/campaigns", plain)).json()
    assert [plan["start"] for plan in view["stages"]] == [
        *("2019-02-01", "2019-03-01", "2019-03-16"),
    ]
    await inspection.runtime.configuration.load(inspection.runtime.database)  # as after a start
    view = (await inspection.post("/campaigns", plain)).json()
    assert [plan["stage"] for plan in view["stages"]] == ["PREPARE", "SELF_CHECK", "RECTIFY"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"PREPARE": ["02-29", "03-01"]}, "VALUE_INVALID"),
        ({"PARADE": ["02-01", "02-02"]}, "VALUE_INVALID"),
        ({"PREPARE": ["03-20", "03-11"]}, "STAGES_INVALID"),
        ({"PREPARE": ["03-11", "03-20"], "SELF_CHECK": ["03-01", "03-31"]}, "STAGES_INVALID"),
        ({"SUMMARY": ["06-01", "06-30"]}, "STAGES_INVALID"),
    ],
)
async def test_days_that_no_look_back_could_have_are_not_configured(
    inspection: Inspection, wrong: dict[str, list[str]], code: str
) -> None:
    body = {"value": wrong, "effective_from": "2019-01-01"}
    ops: dict[str, Any] = {"org": "OPS@51", "roles": ("ops",)}
    answer = await inspection.put("/config/511132/look_back_stages", body, **ops)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [error["field"] for error in answer.json()["errors"]] == ["value"]
