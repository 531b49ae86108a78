"""Whose people work on what a department leads, and who reads what it needs (B.6, C.4, I-36)."""

from typing import Any

import pytest

from tests.inspection.conftest import Inspection
from tests.inspection.work.conftest import CHECK, DONE, PLAN, accepted, move, refusal

OFFICE: dict[str, Any] = {"org": "POV@511132", "roles": ("poverty_office",)}
NO_POLICY = {"need": "非建档户危房无补助政策", "amount": "25000.00"}
STEPS: tuple[tuple[str, Any, str], ...] = (
    ("accept", None, "ACCEPTED"),
    ("plan", PLAN, "PLANNED"),
    ("start", None, "RECTIFYING"),
    ("own-check", CHECK, "RECTIFYING"),
    ("submit", DONE, "SUBMITTED"),
)


@pytest.mark.parametrize(
    ("kind", "unit", "role"),
    [
        ("HOUSING_UNSAFE", "HOUS", "dept_handler"),
        ("HOUSING_UNSAFE", "HOUS", "dept_head"),
        ("EXIT_WRONG", "POV", "poverty_office"),
        ("STYLE", "POV", "poverty_office"),
        ("SOMETHING_NEW", "POV", "poverty_office"),
        ("CORRUPTION_WASTE", "DISC", "discipline"),
    ],
)
async def test_each_lead_works_through_its_own_people(
    inspection: Inspection, kind: str, unit: str, role: str
) -> None:
    problem_id = (await inspection.log(kind=kind))["id"]
    lead = {"org": f"{unit}@511132", "roles": (role,)}
    for verb, body, state in STEPS:
        neighbour = {"org": f"{unit}@511133", "roles": (role,)}
        assert await refusal(inspection, problem_id, verb, body, **neighbour) == (404, "NOT_FOUND")
        assert (await move(inspection, problem_id, verb, body, **lead))["state"] == state


@pytest.mark.parametrize(("verb", "body", "state"), STEPS)
async def test_the_poverty_office_does_not_work_on_what_others_lead(
    inspection: Inspection, verb: str, body: Any, state: str
) -> None:
    problem_id = (await inspection.log())["id"]
    assert await refusal(inspection, problem_id, verb, body, **OFFICE) == (403, "FORBIDDEN")


async def test_what_came_unrouted_is_passed_on_by_the_poverty_office(
    inspection: Inspection,
) -> None:
    problem_id = (await inspection.log(kind="SOMETHING_NEW"))["id"]
    claim = {"proposed_dept": "HOUS", "clause": "职责清单第三条"}
    await move(inspection, problem_id, "dispute", claim, **OFFICE)
    ruled = await move(inspection, problem_id, "rule", {"dept": "HOUS"}, **OFFICE)
    assert (ruled["state"], ruled["lead_dept"]) == ("DISPATCHED", "HOUS")


@pytest.mark.parametrize(
    ("org", "role", "before", "after"),
    [
        ("FIN@511132", "finance", 404, 200),
        ("FIN@511132", "dept_handler", 404, 200),
        ("FIN@511133", "finance", 404, 404),
        ("EDU@511132", "dept_head", 404, 404),
        ("POV@511132", "poverty_office", 200, 200),
        ("HOUS@511132", "dept_handler", 200, 200),
    ],
)
async def test_finance_reads_what_it_is_asked_to_pay_for(
    inspection: Inspection, org: str, role: str, before: int, after: int
) -> None:
    problem_id = await accepted(inspection)
    who: dict[str, Any] = {"org": org, "roles": (role,)}
    assert (await inspection.get(f"/problems/{problem_id}", **who)).status_code == before
    await move(inspection, problem_id, "no-policy", NO_POLICY)
    assert (await inspection.get(f"/problems/{problem_id}", **who)).status_code == after


async def test_what_finance_reads_it_neither_leads_nor_hears_of_in_confidence(
    inspection: Inspection,
) -> None:
    finance: dict[str, Any] = {"org": "FIN@511132", "roles": ("dept_head",)}
    asked = await accepted(inspection)
    await move(inspection, asked, "no-policy", NO_POLICY)
    assert await refusal(inspection, asked, "plan", PLAN, **finance) == (403, "FORBIDDEN")
    assert (await inspection.get("/problems", **finance)).json()["items"] == []
    for kind, org, role in (
        ("STYLE", "POV@511132", "poverty_office"),
        ("CORRUPTION_WASTE", "DISC@511132", "discipline"),
    ):
        confined = (await inspection.log(kind=kind))["id"]
        await move(inspection, confined, "no-policy", NO_POLICY, org=org, roles=(role,))
        assert (await inspection.get(f"/problems/{confined}", **finance)).status_code == 404
