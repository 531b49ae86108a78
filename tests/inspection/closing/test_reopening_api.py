"""Reopening closed problems, defects that come back, and the cases that follow (I-43, I-44)."""

from tests.inspection.closing.verdicts import CRACKS, FALSE, INSPECTOR, figures
from tests.inspection.conftest import VERIFIERS, Inspection


async def test_a_closed_problem_is_reopened_and_counts_as_open_at_once(
    inspection: Inspection,
) -> None:
    campaign = await inspection.campaign()
    problem_id = (await inspection.log(campaign_id=campaign))["id"]
    await inspection.close(problem_id)
    reopened = await inspection.move(problem_id, "reopen", CRACKS, **INSPECTOR)
    assert (reopened["state"], reopened["recurrence"]) == ("RECTIFYING", 1)
    assert (reopened["closed_on"], reopened["due_on"]) == (None, "2019-09-19")
    assert await figures(inspection) == (1, 0, 1)
    assert await figures(inspection, "REPORTED") == (1, 0, 1)
    assert (await inspection.happened(problem_id))[-1] == "reopened"
    (case,) = (await inspection.get("/accountability", {"campaign_id": campaign})).json()["items"]
    assert (case["cause"], case["proposal"]) == ("RECURRENCE", "REMOVE_PRINCIPAL_PROPOSED")
    await inspection.rectify(problem_id, again=True)
    for level in VERIFIERS:
        await inspection.verify(problem_id, level)
    assert await figures(inspection) == (1, 1, 0)


async def test_a_reopened_problem_whose_deadline_has_passed_gets_a_week(
    inspection: Inspection,
) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.close(problem_id)
    inspection.now = "2019-11-01T10:00:00+08:00"
    reopened = await inspection.move(problem_id, "reopen", CRACKS, **INSPECTOR)
    assert (reopened["due_on"], reopened["due_rules"]) == ("2019-11-08", ["REOPENED"])
    assert reopened["flags"]["overdue"] is False
    timers = await inspection.fetch(
        "SELECT kind FROM timer WHERE state = 'armed' AND starts_with(kind, 'overdue')"
    )
    assert [row["kind"] for row in timers] == ["overdue_1"]


async def test_of_several_houses_only_those_found_wanting_are_reopened(
    inspection: Inspection,
) -> None:
    houses = [(await inspection.log())["id"] for _ in range(4)]
    for house in houses[:3]:
        await inspection.close(house)
    body = {**CRACKS, "false": True, "problem_ids": [houses[0], houses[1], houses[3]]}
    view = (await inspection.post("/problems:reopen", body, **INSPECTOR)).json()
    assert (view["moved"], view["refused"]) == (2, 1)
    assert view["results"][2]["code"] == "STATE_CONFLICT"
    assert await figures(inspection) == (4, 1, 3)
    flags = [(await inspection.problem(one))["flags"]["false_rectification"] for one in houses]
    assert flags == [True, True, False, False]
    assert len((await inspection.get("/accountability")).json()["items"]) == 2


async def test_reopening_needs_evidence_and_no_open_twin(inspection: Inspection) -> None:
    view = await inspection.log()
    await inspection.close(view["id"])
    answer = await inspection.post(f"/problems/{view['id']}/reopen", {"text": "裂缝"}, **INSPECTOR)
    assert answer.json()["errors"][0]["code"] == "EVIDENCE_REQUIRED"
    problem = await inspection.problem(view["id"])
    again = await inspection.log(object={"type": "HOUSEHOLD", "id": problem["object"]["ref"]})
    assert again["id"] != view["id"]
    answer = await inspection.post(f"/problems/{view['id']}/reopen", CRACKS, **INSPECTOR)
    assert (answer.status_code, answer.json()["code"]) == (409, "TWIN_OPEN")
    assert answer.json()["problem_id"] == again["id"]


async def test_a_new_finding_of_a_closed_defect_is_a_recurrence(inspection: Inspection) -> None:
    view = await inspection.log()
    await inspection.close(view["id"])
    ref = (await inspection.problem(view["id"]))["object"]["ref"]
    house = {"type": "HOUSEHOLD", "id": ref}
    again = await inspection.log(object=house, found_on="2019-09-16")
    problem = await inspection.problem(again["id"])
    assert (problem["recurrence"], problem["recurs"]) == (1, view["id"])
    (case,) = (await inspection.get("/accountability")).json()["items"]
    assert (case["cause"], case["problem_ids"]) == ("RECURRENCE", [again["id"]])
    assert await figures(inspection) == (2, 1, 1)


async def test_what_was_found_before_the_closing_is_no_recurrence(inspection: Inspection) -> None:
    view = await inspection.log()
    await inspection.close(view["id"])
    ref = (await inspection.problem(view["id"]))["object"]["ref"]
    late = await inspection.log(object={"type": "HOUSEHOLD", "id": ref}, found_on="2019-09-15")
    problem = await inspection.problem(late["id"])
    assert (problem["recurrence"], problem["recurs"]) == (0, None)
    assert (await inspection.get("/accountability")).json()["items"] == []


async def test_who_may_not_see_cases(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.submit(problem_id)
    await inspection.verify(problem_id, 1, **FALSE)
    (case,) = (await inspection.get("/accountability")).json()["items"]
    path = f"/accountability/{case['id']}"
    for org, roles, status in (
        ("HOUS@511132", ("dept_head",), 403),
        ("TOWN@511132201", ("township_reviewer",), 403),
        ("POV@511133", ("poverty_office",), 404),
        ("DISC@511132", ("discipline",), 200),
    ):
        assert (await inspection.get(path, org=org, roles=roles)).status_code == status, org
    neighbour = await inspection.get("/accountability", org="POV@511133", roles=("poverty_office",))
    assert neighbour.json()["items"] == []
