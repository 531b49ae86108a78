"""POST /problems/{id}/plan: the refusals a department sees, and the plans that are kept."""

from typing import Any

import pytest

from tests.inspection.conftest import Inspection
from tests.inspection.work.conftest import HOUS, PLAN, accepted, move, planned, set_value

MEASURE = PLAN["measures"][0]
AGRI: dict[str, Any] = {"org": "AGRI@511132", "roles": ("dept_handler",)}


async def refused(inspection: Inspection, problem_id: str, body: Any, **who: Any) -> dict[str, Any]:
    """The refusal of a plan, which must leave the problem as it was."""
    before = await inspection.problem(problem_id)
    answer = await inspection.post(f"/problems/{problem_id}/plan", body, **(who or HOUS))
    assert answer.status_code == 422, answer.text
    assert await inspection.problem(problem_id) == before
    assert await inspection.count("rectification_plans") == 0
    view: dict[str, Any] = answer.json()
    return view


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"target": None}, ["target"]),
        ({"target": "  "}, ["target"]),
        ({"responsible_person": ""}, ["responsible_person"]),
        ({"measures": []}, ["measures"]),
        ({"measures": None}, ["measures"]),
        ({"measures": [{"object": "东墙"}]}, ["measures"]),
        ({"progress_steps": []}, ["progress_steps"]),
        ({"progress_steps": [{"text": "完工"}]}, ["progress_steps"]),
        ({"progress_steps": [{"text": "完工", "on": ""}]}, ["progress_steps"]),
        ({"deadline": ""}, ["deadline"]),
        ({"measures": [], "target": "", "deadline": None}, ["target", "measures", "deadline"]),
    ],
)
async def test_a_plan_names_exactly_what_it_does_not_say(
    inspection: Inspection, changes: dict[str, Any], missing: list[str]
) -> None:
    view = await refused(inspection, await accepted(inspection), PLAN | changes)
    assert (view["code"], view["missing"]) == ("PLAN_INCOMPLETE", missing)
    assert [error["field"] for error in view["errors"]] == missing


async def test_an_empty_plan_says_nothing_at_all(inspection: Inspection) -> None:
    view = await refused(inspection, await accepted(inspection), {})
    assert view["missing"] == list(PLAN)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"deadline": "2019-09-20"}, "PLAN_AFTER_DUE", "deadline"),
        (
            {"progress_steps": [{"text": "完工", "on": "2019-08-19"}]},
            *("STEP_OUT_OF_RANGE", "progress_steps.0.on"),
        ),
        ({"deadline": "2019-09-18"}, "STEP_OUT_OF_RANGE", "progress_steps.1.on"),
        (
            {"measures": [MEASURE, {"text": "进一步加强管理", "object": "危房"}]},
            *("MEASURE_TOO_GENERAL", "measures.1"),
        ),
        ({"deadline": "2019-02-29"}, "DATE_INVALID", "deadline"),
        ({"responsible_person": "\u0007"}, "NAME_INVALID", "responsible_person"),
        (
            {"measures": [MEASURE | {"quantity": True}]},
            *("TYPE_INVALID", "measures.0.quantity"),
        ),
        ({"note": "x"}, "UNKNOWN_FIELD", "note"),
    ],
)
async def test_a_plan_is_refused_where_it_breaks_a_rule(
    inspection: Inspection, changes: dict[str, Any], code: str, field: str
) -> None:
    view = await refused(inspection, await accepted(inspection), PLAN | changes)
    assert (view["code"], view["errors"][0]["field"]) == (code, field)
    if code == "MEASURE_TOO_GENERAL":
        assert view["phrase"] == "进一步加强"
    if code == "PLAN_AFTER_DUE":
        assert view["due_on"] == "2019-09-19"


async def test_a_systemic_problem_has_no_deadline_to_keep(inspection: Inspection) -> None:
    problem_id = await accepted(inspection, scope="SYSTEMIC")
    view = await move(inspection, problem_id, "plan", PLAN | {"deadline": "2020-12-31"})
    assert (view["state"], view["due_on"]) == ("PLANNED", None)


async def test_for_a_problem_of_income_a_safety_net_alone_is_no_measure(
    inspection: Inspection,
) -> None:
    problem_id = str((await inspection.log(kind="INCOME_BELOW_LINE"))["id"])
    await move(inspection, problem_id, "accept", **AGRI)
    alone = PLAN | {"measures": [{"text": "申请低保"}]}
    view = await refused(inspection, problem_id, alone, **AGRI)
    assert (view["code"], view["phrase"]) == ("MEASURE_TOO_GENERAL", "申请低保")
    body = PLAN | {"measures": [{"text": "申请低保，发放鸡苗并签订回收合同"}]}
    assert (await move(inspection, problem_id, "plan", body, **AGRI))["state"] == "PLANNED"


async def test_for_other_problems_a_safety_net_may_be_the_measure(inspection: Inspection) -> None:
    problem_id = await accepted(inspection)
    await move(inspection, problem_id, "plan", PLAN | {"measures": [{"text": "申请低保"}]})


async def test_a_county_may_ban_other_phrases(inspection: Inspection) -> None:
    await set_value(inspection, "generic_phrases", ["拆除重砌"])
    general = PLAN | {"measures": [MEASURE | {"due": None}]}
    view = await refused(inspection, await accepted(inspection), general)
    assert view["phrase"] == "拆除重砌"
    await move(inspection, await accepted(inspection), "plan", PLAN)


async def test_a_replaced_plan_is_kept_and_told(inspection: Inspection) -> None:
    problem_id = await planned(inspection)
    steps = [{"text": "完工", "on": "2019-09-18"}]
    later = PLAN | {"deadline": "2019-09-18", "progress_steps": steps, "responsible_person": "沙马"}
    assert (await move(inspection, problem_id, "plan", later))["state"] == "PLANNED"
    assert (await inspection.happened(problem_id))[-2:] == ["planned", "planned"]
    rows = await inspection.fetch("SELECT number, deadline FROM rectification_plans ORDER BY 1")
    assert [(row["number"], str(row["deadline"])) for row in rows] == [
        *((1, "2019-09-19"), (2, "2019-09-18")),
    ]
    (row,) = await inspection.fetch("SELECT responsible_person, plan_deadline FROM problems")
    assert (row["responsible_person"], str(row["plan_deadline"])) == ("沙马", "2019-09-18")


async def test_a_quantity_may_be_given_as_a_number(inspection: Inspection) -> None:
    problem_id = await accepted(inspection)
    body = PLAN | {"measures": [MEASURE | {"text": "加强管护", "quantity": 3}]}
    await move(inspection, problem_id, "plan", body)
    view = (await inspection.get(f"/problems/{problem_id}/work")).json()
    assert view["plan"]["measures"][0]["quantity"] == "3"
