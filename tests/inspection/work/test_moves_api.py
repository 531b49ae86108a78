"""POST /problems/{id}/…: start, progress, own-check, submit, delegate, no-policy (B.6)."""

import asyncio
from typing import Any

import pytest

from shared.events.inspection import ProblemPlanned, ProblemProgressed
from tests.inspection.conftest import PHOTO, Inspection
from tests.inspection.work.conftest import (
    AFTER,
    CHECK,
    DONE,
    HOUS,
    PLAN,
    PROGRESS,
    TOWN,
    VILLAGE,
    accepted,
    move,
    planned,
    refusal,
    started,
    submitted,
)

TO_TOWN = {"to_org": "TOWN@511132201", "note": "请于本周内入户核实并组织施工"}
NO_POLICY = {"need": "非建档户危房无补助政策", "amount": "25000.00"}
MOVES: list[tuple[str, Any]] = [
    ("plan", PLAN),
    ("start", None),
    ("progress", PROGRESS),
    ("own-check", CHECK),
    ("submit", DONE),
    ("delegate", TO_TOWN),
    ("no-policy", NO_POLICY),
]


async def work(inspection: Inspection, problem_id: str) -> dict[str, Any]:
    """All that is known of the work on a problem."""
    answer = await inspection.get(f"/problems/{problem_id}/work")
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def test_a_problem_goes_from_plan_to_submission(inspection: Inspection) -> None:
    problem_id = await accepted(inspection)
    assert (await move(inspection, problem_id, "plan", PLAN))["state"] == "PLANNED"
    assert (await move(inspection, problem_id, "start"))["state"] == "RECTIFYING"
    assert (await move(inspection, problem_id, "progress", PROGRESS))["state"] == "RECTIFYING"
    assert (await move(inspection, problem_id, "own-check", CHECK))["state"] == "RECTIFYING"
    assert (await move(inspection, problem_id, "submit", DONE))["state"] == "SUBMITTED"
    assert await inspection.happened(problem_id) == [
        *("logged", "dispatched", "accepted", "planned", "progressed", "submitted")
    ]
    (plan,) = await inspection.app.events(ProblemPlanned)
    (progress,) = await inspection.app.events(ProblemProgressed)
    assert str(plan.plan_deadline) == PLAN["deadline"]  # type: ignore[attr-defined]
    assert progress.progress_pct == 40  # type: ignore[attr-defined]
    actions = [row["action"] for row in (await inspection.problem(problem_id))["audit"]]
    assert actions == ["LOG", "ACCEPT", "PLAN", "START", "PROGRESS", "OWN_CHECK", "SUBMIT"]


async def test_the_work_on_a_problem_is_shown_in_full(inspection: Inspection) -> None:
    problem_id = await accepted(inspection)
    empty = await work(inspection, problem_id)
    assert (empty["plan"], empty["older_plans"], empty["submissions"]) == (None, 0, [])
    await move(inspection, problem_id, "plan", PLAN | {"target": "全部拆除"})
    await move(inspection, problem_id, "plan", PLAN)
    await move(inspection, problem_id, "delegate", TO_TOWN)
    await move(inspection, problem_id, "start")
    await move(inspection, problem_id, "progress", PROGRESS | {"evidence": [PHOTO]}, **TOWN)
    await move(inspection, problem_id, "own-check", CHECK, **TOWN)
    await move(inspection, problem_id, "submit", DONE, **TOWN)
    view = await work(inspection, problem_id)
    assert (view["plan"]["number"], view["older_plans"]) == (2, 1)
    assert {name: view["plan"][name] for name in PLAN} == PLAN
    assert (view["executing_org"], view["progress_pct"]) == (TOWN["org"], 40)
    assert (view["progressed_on"], view["attempt"]) == ("2019-09-16", 1)
    (link,) = view["delegations"]
    assert (link["from_org"], link["to_org"]) == (HOUS["org"], TOWN["org"])
    assert (link["person"], link["note"]) == ("tester", TO_TOWN["note"])
    (report,) = view["progress"]
    assert (report["pct"], report["evidence"], report["organisation"]) == (40, [PHOTO], TOWN["org"])
    (check,) = view["own_checks"]
    assert (check["checked_by"], check["checked_on"]) == (CHECK["by"], CHECK["on"])
    assert (check["attempt"], check["organisation"]) == (1, TOWN["org"])
    (submission,) = view["submissions"]
    assert (submission["attempt"], submission["done_text"]) == (1, DONE["done_text"])
    assert (submission["evidence"], submission["organisation"]) == ([AFTER], TOWN["org"])


@pytest.mark.parametrize(("verb", "body"), MOVES)
async def test_a_move_needs_its_role_and_a_problem_in_sight(
    inspection: Inspection, verb: str, body: Any
) -> None:
    problem_id = await accepted(inspection)
    wrong = {"org": "POV@511132", "roles": ("helper", "poverty_office")}
    assert await refusal(inspection, problem_id, verb, body, **wrong) == (403, "FORBIDDEN")
    for org in ("HOUS@511133", "CIVIL@511132", "TOWN@511132202", "VILLAGE@511132201206"):
        roles = ("dept_handler", "township_reviewer", "village_cadre")
        foreign = await refusal(inspection, problem_id, verb, body, org=org, roles=roles)
        assert foreign == (404, "NOT_FOUND")


@pytest.mark.parametrize(("verb", "body"), MOVES)
async def test_an_office_that_sees_a_problem_does_not_work_on_it(
    inspection: Inspection, verb: str, body: Any
) -> None:
    problem_id = await accepted(inspection)
    office = {"org": "POV@511132", "roles": ("dept_handler",)}
    assert await refusal(inspection, problem_id, verb, body, **office) == (403, "FORBIDDEN")


@pytest.mark.parametrize("verb", ["plan", "no-policy"])
async def test_only_the_lead_department_plans_and_asks_for_funds(
    inspection: Inspection, verb: str
) -> None:
    problem_id = await accepted(inspection)
    body = dict(MOVES)[verb]
    assert await refusal(inspection, problem_id, verb, body, **TOWN) == (403, "FORBIDDEN")
    disguised = {"org": "TOWN@511132201", "roles": ("dept_head",)}
    assert await refusal(inspection, problem_id, verb, body, **disguised) == (403, "FORBIDDEN")


@pytest.mark.parametrize("who", [HOUS, TOWN, VILLAGE])
async def test_department_township_and_village_may_do_the_work(
    inspection: Inspection, who: dict[str, Any]
) -> None:
    problem_id = await planned(inspection)
    for verb in ("start", "progress", "own-check", "submit"):
        await move(inspection, problem_id, verb, dict(MOVES)[verb], **who)


async def test_a_neighbour_does_not_see_the_work(inspection: Inspection) -> None:
    problem_id = await started(inspection)
    for org in ("HOUS@511133", "CIVIL@511132", "TOWN@511132202"):
        answer = await inspection.get(
            f"/problems/{problem_id}/work", org=org, roles=("dept_head", "township_reviewer")
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    wrong = await inspection.get(f"/problems/{problem_id}/work", roles=("household",))
    assert wrong.status_code == 403


# -- states ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{}, PLAN])
async def test_what_is_not_accepted_is_not_planned_however_bad_the_plan(
    inspection: Inspection, body: dict[str, Any]
) -> None:
    dispatched = str((await inspection.log())["id"])
    assert await refusal(inspection, dispatched, "plan", body) == (409, "STATE_CONFLICT")
    in_work = await started(inspection)
    assert await refusal(inspection, in_work, "plan", body) == (409, "STATE_CONFLICT")


@pytest.mark.parametrize("verb", ["progress", "own-check", "submit"])
async def test_what_is_not_in_work_is_not_reported_on(inspection: Inspection, verb: str) -> None:
    body = dict(MOVES)[verb]
    for problem_id in (await planned(inspection), await submitted(inspection)):
        assert await refusal(inspection, problem_id, verb, body) == (409, "STATE_CONFLICT")


@pytest.mark.parametrize("changes", [{}, {"suspected": True}])
async def test_what_is_not_planned_is_not_started(
    inspection: Inspection, changes: dict[str, Any]
) -> None:
    problem_id = str((await inspection.log(**changes))["id"])
    assert await refusal(inspection, problem_id, "start") == (409, "STATE_CONFLICT")


async def test_what_is_not_accepted_or_is_reported_done_is_not_handed_on(
    inspection: Inspection,
) -> None:
    dispatched = str((await inspection.log())["id"])
    for problem_id in (dispatched, await submitted(inspection)):
        code = await refusal(inspection, problem_id, "delegate", TO_TOWN)
        assert code == (409, "STATE_CONFLICT")


async def test_of_two_submissions_at_once_one_counts(inspection: Inspection) -> None:
    problem_id = await started(inspection)
    path = f"/problems/{problem_id}/submit"
    answers = await asyncio.gather(*(inspection.post(path, DONE, **VILLAGE) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await inspection.count("submissions") == 1


async def test_two_plans_at_once_are_both_kept(inspection: Inspection) -> None:
    problem_id = await accepted(inspection)
    path = f"/problems/{problem_id}/plan"
    answers = await asyncio.gather(*(inspection.post(path, PLAN, **HOUS) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert (await work(inspection, problem_id))["older_plans"] == 1


# -- progress (I-34) -------------------------------------------------------------------------------


async def test_progress_does_not_go_backwards(inspection: Inspection) -> None:
    problem_id = await started(inspection)
    await move(inspection, problem_id, "progress", PROGRESS)
    await move(inspection, problem_id, "progress", PROGRESS)
    answer = await inspection.post(
        f"/problems/{problem_id}/progress", PROGRESS | {"pct": 39}, **HOUS
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "PROGRESS_BACKWARDS")
    assert (answer.json()["progress_pct"], answer.json()["errors"][0]["field"]) == (40, "pct")
    await move(inspection, problem_id, "progress", PROGRESS | {"pct": 100})


async def test_progress_begins_anew_when_a_problem_comes_back(inspection: Inspection) -> None:
    problem_id = await started(inspection)
    await move(inspection, problem_id, "progress", PROGRESS | {"pct": 100})
    await move(inspection, problem_id, "submit", DONE, **VILLAGE)
    await inspection.fetch("UPDATE problems SET state = 'RECTIFYING' WHERE id = $1", problem_id)
    await move(inspection, problem_id, "progress", PROGRESS)
    reports = (await work(inspection, problem_id))["progress"]
    assert [(one["attempt"], one["pct"]) for one in reports] == [(1, 100), (2, 40)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pct": -1}, "OUT_OF_RANGE"),
        ({"pct": 101}, "OUT_OF_RANGE"),
        ({"pct": 33.5}, "NUMBER_INVALID"),
        ({"pct": True}, "NUMBER_INVALID"),
        ({"text": " "}, "TOO_SHORT"),
        ({"on": "2019-09-16"}, "UNKNOWN_FIELD"),
    ],
)
async def test_progress_is_a_whole_percentage_with_a_text(
    inspection: Inspection, changes: dict[str, Any], code: str
) -> None:
    problem_id = await started(inspection)
    assert await refusal(inspection, problem_id, "progress", PROGRESS | changes) == (422, code)


@pytest.mark.parametrize(
    ("verb", "table"),
    [("progress", "progress_reports"), ("own-check", "own_checks"), ("delegate", "delegations")],
)
async def test_a_report_sent_again_with_its_key_is_kept_once(
    inspection: Inspection, verb: str, table: str
) -> None:
    problem_id = await started(inspection)
    path = f"/problems/{problem_id}/{verb}"
    first = await inspection.post(path, dict(MOVES)[verb], key="k", **HOUS)
    again = await inspection.post(path, dict(MOVES)[verb], key="k", **HOUS)
    assert (again.status_code, again.json()) == (200, first.json())
    assert await inspection.count(table) == 1


# -- own checks and delegation (I-14) --------------------------------------------------------------


@pytest.mark.parametrize("who", [HOUS, TOWN])
async def test_who_only_passed_the_task_on_cannot_submit(
    inspection: Inspection, who: dict[str, Any]
) -> None:
    problem_id = await started(inspection)
    assert await refusal(inspection, problem_id, "submit", DONE, **who) == (409, "HANDOFF_ONLY")
    other = TOWN if who is HOUS else HOUS
    await move(inspection, problem_id, "own-check", CHECK, **other)
    assert await refusal(inspection, problem_id, "submit", DONE, **who) == (409, "HANDOFF_ONLY")
    await move(inspection, problem_id, "own-check", CHECK, **who)
    assert (await move(inspection, problem_id, "submit", DONE, **who))["state"] == "SUBMITTED"


async def test_the_village_does_the_work_itself_and_needs_no_own_check(
    inspection: Inspection,
) -> None:
    problem_id = await started(inspection)
    assert (await move(inspection, problem_id, "submit", DONE, **VILLAGE))["state"] == "SUBMITTED"


async def test_an_own_check_counts_for_one_submission_only(inspection: Inspection) -> None:
    problem_id = await submitted(inspection)
    await inspection.fetch("UPDATE problems SET state = 'RECTIFYING' WHERE id = $1", problem_id)
    assert await refusal(inspection, problem_id, "submit", DONE) == (409, "HANDOFF_ONLY")
    await move(inspection, problem_id, "own-check", CHECK)
    await move(inspection, problem_id, "submit", DONE)
    assert [one["attempt"] for one in (await work(inspection, problem_id))["submissions"]] == [1, 2]


@pytest.mark.parametrize("on", ["2019-08-19", "2019-09-17"])
async def test_an_own_check_lies_between_the_finding_and_today(
    inspection: Inspection, on: str
) -> None:
    problem_id = await started(inspection)
    code = await refusal(inspection, problem_id, "own-check", CHECK | {"on": on})
    assert code == (422, "CHECK_OUT_OF_TIME")


async def test_a_task_goes_down_to_township_and_village_and_the_chain_is_kept(
    inspection: Inspection,
) -> None:
    problem_id = await accepted(inspection)
    to_village = {"to_org": VILLAGE["org"], "note": "请村两委落实"}
    assert await refusal(inspection, problem_id, "delegate", to_village, **TOWN) == (
        *(403, "FORBIDDEN"),
    )
    await move(inspection, problem_id, "delegate", TO_TOWN)
    await move(inspection, problem_id, "delegate", to_village, **TOWN)
    view = await work(inspection, problem_id)
    assert view["executing_org"] == VILLAGE["org"]
    chain = [(one["from_org"], one["to_org"]) for one in view["delegations"]]
    assert chain == [(HOUS["org"], TOWN["org"]), (TOWN["org"], VILLAGE["org"])]
    assert await inspection.happened(problem_id) == ["logged", "dispatched", "accepted"]
    # The township has handed it on; the lead department still leads.
    assert await refusal(inspection, problem_id, "delegate", to_village, **TOWN) == (
        *(403, "FORBIDDEN"),
    )
    assert await refusal(inspection, problem_id, "delegate", TO_TOWN, **VILLAGE) == (
        *(422, "DELEGATE_INVALID"),
    )
    await move(inspection, problem_id, "delegate", TO_TOWN)


async def test_another_department_becomes_a_co_department_and_does_the_work(
    inspection: Inspection,
) -> None:
    problem_id = await accepted(inspection)
    to_finance = {"to_org": "FIN@511132", "note": "请安排危改资金"}
    for _ in range(2):
        view = await move(inspection, problem_id, "delegate", to_finance)
        assert view["co_depts"] == ["FIN"]
    assert (await inspection.happened(problem_id)).count("partners_changed") == 1
    await move(inspection, problem_id, "plan", PLAN)
    finance: dict[str, Any] = {"org": "FIN@511132", "roles": ("dept_handler",)}
    assert (await move(inspection, problem_id, "start", **finance))["state"] == "RECTIFYING"


@pytest.mark.parametrize(
    ("to_org", "code"),
    [
        ("TOWN@511132202", "DELEGATE_INVALID"),
        ("VILLAGE@511132201206", "DELEGATE_INVALID"),
        ("TOWN@511132", "DELEGATE_INVALID"),
        ("HOUS@511132", "DELEGATE_INVALID"),
        ("FIN@511133", "DELEGATE_INVALID"),
        ("FIN@5111", "DELEGATE_INVALID"),
        ("LG@511132", "DELEGATE_INVALID"),
        ("village", "FORMAT"),
        ("TOWN@51113220", "FORMAT"),
    ],
)
async def test_a_task_is_not_handed_to_just_anybody(
    inspection: Inspection, to_org: str, code: str
) -> None:
    problem_id = await accepted(inspection)
    body = {"to_org": to_org, "note": "请办理"}
    assert await refusal(inspection, problem_id, "delegate", body) == (422, code)


async def test_style_matters_are_not_handed_on(inspection: Inspection) -> None:
    problem_id = str((await inspection.log(kind="STYLE"))["id"])
    office = {"org": "POV@511132", "roles": ("dept_head",)}
    await move(inspection, problem_id, "accept", **office)
    code = await refusal(inspection, problem_id, "delegate", TO_TOWN, **office)
    assert code == (422, "DELEGATE_INVALID")
