"""Disputes as departments and the poverty office see them; the clock runs on."""

from typing import Any

import pytest

from tests.inspection.conftest import Inspection

LEAD: dict[str, Any] = {"org": "HOUS@511132", "roles": ("dept_handler",)}
CLAUSE = {"proposed_dept": "CIVIL", "clause": "职责清单第七条：特困户住房由民政部门牵头"}


async def disputed(inspection: Inspection) -> str:
    """A problem that housing wants civil affairs to lead."""
    problem_id = str((await inspection.log())["id"])
    await inspection.move(problem_id, "dispute", CLAUSE, **LEAD)
    return problem_id


async def by_department(inspection: Inspection) -> dict[str, int]:
    """Found problems by lead department."""
    view = (await inspection.get("/stats/problems", {"group_by": "lead_dept"})).json()
    return {group["key"]: group["found"] for group in view["groups"]}


async def test_a_ruling_for_another_department_reroutes_and_keeps_the_deadline(
    inspection: Inspection,
) -> None:
    problem_id = await disputed(inspection)
    due_on = (await inspection.problem(problem_id))["due_on"]
    ruled = await inspection.move(problem_id, "rule", {"dept": "CIVIL"})
    assert (ruled["state"], ruled["lead_dept"], ruled["due_on"]) == ("DISPATCHED", "CIVIL", due_on)
    assert (await inspection.happened(problem_id))[-2:] == ["disputed", "rerouted"]
    assert await by_department(inspection) == {"CIVIL": 1}
    old = await inspection.get(f"/problems/{problem_id}", org="HOUS@511132", roles=("dept_head",))
    assert old.status_code == 404
    new: dict[str, Any] = {"org": "CIVIL@511132", "roles": ("dept_head",)}
    (dispute,) = (await inspection.get(f"/problems/{problem_id}/disputes", **new)).json()["items"]
    assert (dispute["department"], dispute["ruled_dept"]) == ("HOUS", "CIVIL")
    assert dispute["clause"] == CLAUSE["clause"]
    # The new department has two workdays of its own.
    assert (
        await inspection.move(problem_id, "dispute", {**CLAUSE, "proposed_dept": "HOUS"}, **new)
    )["state"] == "DISPUTED"


async def test_a_partner_that_is_to_lead_is_no_partner_any_more(inspection: Inspection) -> None:
    problem_id = await disputed(inspection)
    partners = {"departments": ["CIVIL", "FIN"]}
    await inspection.put(f"/problems/{problem_id}/co-departments", partners)
    ruled = await inspection.move(problem_id, "rule", {"dept": "CIVIL"})
    assert (ruled["lead_dept"], ruled["co_depts"]) == ("CIVIL", ["FIN"])


async def test_a_rejected_dispute_counts_as_acceptance(inspection: Inspection) -> None:
    problem_id = await disputed(inspection)
    ruled = await inspection.move(problem_id, "rule", {"dept": "HOUS"})
    assert (ruled["state"], ruled["lead_dept"]) == ("ACCEPTED", "HOUS")
    assert (await inspection.happened(problem_id))[-1] == "dispute_rejected"
    assert await by_department(inspection) == {"HOUS": 1}


async def test_the_clock_runs_on_while_a_dispute_is_open(inspection: Inspection) -> None:
    problem_id = await disputed(inspection)  # due 2019-09-19
    await inspection.post(
        "/ops/run",
        {"job": "overdue_scan", "as_of": "2019-09-20T00:00:00+08:00"},
        org="OPS@511132",
        roles=("ops",),
    )
    view = await inspection.problem(problem_id)
    assert (view["state"], view["flags"]["overdue"]) == ("DISPUTED", True)


async def test_income_shortfalls_stay_with_agriculture(inspection: Inspection) -> None:
    problem_id = (await inspection.log(kind="INCOME_BELOW_LINE"))["id"]
    who: dict[str, Any] = {"org": "AGRI@511132", "roles": ("dept_head",)}
    await inspection.move(problem_id, "dispute", CLAUSE, **who)
    answer = await inspection.post(f"/problems/{problem_id}/rule", {"dept": "CIVIL"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "ROUTE_FIXED")
    assert (await inspection.move(problem_id, "rule", {"dept": "AGRI"}))["lead_dept"] == "AGRI"


@pytest.mark.parametrize(
    ("kind", "org", "role"),
    [
        ("STYLE", "POV@511132", "poverty_office"),
        ("STYLE", "POV@511132", "dept_head"),
        ("CORRUPTION_WASTE", "DISC@511132", "discipline"),
    ],
)
async def test_a_lead_that_is_fixed_is_not_disputed(
    inspection: Inspection, kind: str, org: str, role: str
) -> None:
    problem_id = (await inspection.log(kind=kind))["id"]
    lead: dict[str, Any] = {"org": org, "roles": (role,)}
    refused = await inspection.post(f"/problems/{problem_id}/dispute", CLAUSE, **lead)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "ROUTE_FIXED")
    # Whoever rules does not see corruption: a dispute of it would stand for ever.
    assert (await inspection.move(problem_id, "accept", **lead))["state"] == "ACCEPTED"


async def test_the_window_closes_after_two_workdays(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]  # Monday
    inspection.now = "2019-09-19T00:00:01+08:00"
    answer = await inspection.post(f"/problems/{problem_id}/dispute", CLAUSE, **LEAD)
    assert (answer.status_code, answer.json()["code"]) == (409, "DISPUTE_WINDOW_CLOSED")
    assert answer.json()["until"] == "2019-09-18"
    inspection.now = "2019-09-18T23:59:59+08:00"
    await inspection.move(problem_id, "dispute", CLAUSE, **LEAD)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"proposed_dept": "HOUS"}, "proposed_dept", "SAME_DEPARTMENT"),
        ({"proposed_dept": "X"}, "proposed_dept", None),
        ({"clause": " "}, "clause", None),
    ],
)
async def test_an_incomplete_dispute_is_refused(
    inspection: Inspection, changes: dict[str, str], field: str, code: str | None
) -> None:
    problem_id = (await inspection.log())["id"]
    answer = await inspection.post(f"/problems/{problem_id}/dispute", {**CLAUSE, **changes}, **LEAD)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert code in (None, error["code"])


async def test_a_state_that_allows_neither_is_a_conflict(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    refused = await inspection.post(f"/problems/{problem_id}/rule", {"dept": "CIVIL"})
    assert (refused.status_code, refused.json()["code"]) == (409, "STATE_CONFLICT")
    await inspection.move(problem_id, "accept", **LEAD)
    refused = await inspection.post(f"/problems/{problem_id}/dispute", CLAUSE, **LEAD)
    assert (refused.json()["code"], refused.json()["state"]) == ("STATE_CONFLICT", "ACCEPTED")
    assert "PLAN" in refused.json()["allowed"]


async def test_only_the_lead_disputes_and_only_the_county_rules(inspection: Inspection) -> None:
    problem_id = await disputed(inspection)
    for path, body, org, roles, status in (
        ("dispute", CLAUSE, "EDU@511132", ("dept_head",), 404),
        ("dispute", CLAUSE, "HOUS@511133", ("dept_head",), 404),
        ("dispute", CLAUSE, "HOUS@511132", ("inspector",), 403),
        ("dispute", CLAUSE, "POV@511132", ("dept_head",), 403),
        ("rule", {"dept": "CIVIL"}, "HOUS@511132", ("dept_head",), 403),
        ("rule", {"dept": "CIVIL"}, "POV@511133", ("poverty_office",), 404),
    ):
        answer = await inspection.post(f"/problems/{problem_id}/{path}", body, org=org, roles=roles)
        assert answer.status_code == status, (path, org)
    neighbour = await inspection.get(
        f"/problems/{problem_id}/disputes", org="POV@511133", roles=("poverty_office",)
    )
    assert neighbour.status_code == 404
