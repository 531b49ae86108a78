"""What moves leave besides the state: time in states, amnesty, batches."""

from typing import Any

import pytest

from shared.ids import new_id
from tests.inspection.conftest import Inspection

HOUS: dict[str, Any] = {"org": "HOUS@511132", "roles": ("dept_handler",)}


# -- time in states (I-55) -----------------------------------------------------------------------


async def test_each_state_a_problem_leaves_is_kept_with_its_time(inspection: Inspection) -> None:
    problem_id = (await inspection.log(suspected=True))["id"]
    inspection.now = "2019-09-17T10:00:00+08:00"
    await inspection.move(problem_id, "confirm", {"evidence": [{"ref": "a", "sha256": "0" * 64}]})
    inspection.now = "2019-09-19T10:00:00+08:00"
    await inspection.move(problem_id, "accept", **HOUS)
    rows = await inspection.fetch(
        "SELECT state, left_at - entered_at AS time FROM problem_stays ORDER BY id"
    )
    assert [(row["state"], row["time"].days) for row in rows] == [
        ("SUSPECTED", 1),
        ("DISPATCHED", 2),
    ]
    since = (await inspection.problem(problem_id))["state_since"]
    assert since == "2019-09-19T02:00:00Z"


async def test_a_stay_counts_for_the_department_that_had_the_problem(
    inspection: Inspection,
) -> None:
    problem_id = (await inspection.log())["id"]
    clause = {"proposed_dept": "CIVIL", "clause": "职责清单第七条"}
    await inspection.move(problem_id, "dispute", clause, **HOUS)
    await inspection.move(problem_id, "rule", {"dept": "CIVIL"})
    rows = await inspection.fetch("SELECT state, lead_dept FROM problem_stays ORDER BY id")
    assert [tuple(row) for row in rows] == [("DISPATCHED", "HOUS"), ("DISPUTED", "HOUS")]


# -- amnesty (I-45) ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "found_on", "accountable"),
    [
        ("SELF_CHECK", "2019-08-10", False),  # reported by themselves in time
        ("COUNTY_INSPECTION", "2019-08-10", False),  # before the node nobody answers
        ("COUNTY_INSPECTION", "2019-08-31", False),  # its last day
        ("COUNTY_INSPECTION", "2019-09-01", True),  # after it others found it
        ("SELF_CHECK", "2019-09-01", False),
    ],
)
async def test_what_others_find_after_the_self_check_is_answered_for(
    inspection: Inspection, source: str, found_on: str, accountable: bool
) -> None:
    campaign = await inspection.campaign(self_check_until="2019-08-31")
    view = await inspection.log(campaign_id=campaign, source=source, found_on=found_on)
    assert view["flags"]["accountable"] is accountable


async def test_a_self_reported_problem_that_others_find_later_is_answered_for(
    inspection: Inspection,
) -> None:
    campaign = await inspection.campaign(self_check_until="2019-08-31")
    house = {"type": "HOUSEHOLD", "id": str(new_id())}
    reported = await inspection.log(
        campaign_id=campaign, source="SELF_CHECK", found_on="2019-08-10", object=house
    )
    assert reported["flags"]["accountable"] is False
    found = await inspection.log(
        campaign_id=campaign, source="CITY_INSPECTION", found_on="2019-09-10", object=house
    )
    assert (found["merged"], found["flags"]["accountable"]) == (True, True)


async def test_without_a_campaign_there_is_no_self_check_to_miss(inspection: Inspection) -> None:
    assert (await inspection.log())["flags"]["accountable"] is False


# -- batches (X-10) ------------------------------------------------------------------------------


async def test_each_problem_of_a_batch_is_moved_or_refused_on_its_own(
    inspection: Inspection,
) -> None:
    house, accepted, water = [
        (await inspection.log(kind=kind))["id"]
        for kind in ("HOUSING_UNSAFE", "HOUSING_UNSAFE", "WATER_UNSAFE")
    ]
    await inspection.move(accepted, "accept", **HOUS)
    unknown = str(new_id())
    body = {"problem_ids": [house, accepted, water, unknown]}
    answer = await inspection.post("/problems:accept", body, **HOUS)
    view = answer.json()
    assert (answer.status_code, view["moved"], view["refused"]) == (200, 1, 3)
    assert [(row["status"], row["code"]) for row in view["results"]] == [
        (200, None),
        (409, "STATE_CONFLICT"),
        (404, "NOT_FOUND"),
        (404, "NOT_FOUND"),
    ]
    assert view["results"][1]["members"]["state"] == "ACCEPTED"
    assert (await inspection.problem(house))["state"] == "ACCEPTED"


@pytest.mark.parametrize(
    ("ids", "code"),
    [([], "TOO_FEW"), ([str(new_id())] * 2, "DUPLICATE_ID"), (["x"], "ID_INVALID")],
)
async def test_a_batch_names_each_problem_once(
    inspection: Inspection, ids: list[str], code: str
) -> None:
    answer = await inspection.post("/problems:accept", {"problem_ids": ids}, **HOUS)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == code
