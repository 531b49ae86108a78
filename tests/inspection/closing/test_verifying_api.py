"""Four levels, spot checks, false reports and reopening, as the bodies of a county see them."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from asyncpg.connection import LoggedQuery
from sqlalchemy import event

from services.inspection.closing.commands.verifying import verify_problems
from services.inspection.closing.domain import Result, Verdict
from services.inspection.problems.tables import Problem
from shared.clock import simulate
from shared.security import Actor, Role
from tests.inspection.conftest import PHOTO, PHOTO_AFTER, VERIFIERS, Inspection

FAIL = {"result": "FAIL", "text": "裂缝仍在，只刷了外墙", "evidence": [PHOTO_AFTER]}
FALSE = {**FAIL, "false": True}
INSPECTOR: dict[str, Any] = {"org": "DPC@511132", "roles": ("inspector",), "person": "吴督查"}
CRACKS = {"text": "复查发现新的裂缝", "evidence": [PHOTO_AFTER]}


async def figures(inspection: Inspection, basis: str = "CLOSED") -> tuple[int, int, int]:
    """Found, done and open."""
    answer = await inspection.get("/stats/problems", {"done_basis": basis})
    view = answer.json()
    return view["found"], view["done"], view["open"]


async def refusal(
    inspection: Inspection, problem_id: str, level: int, **changes: Any
) -> tuple[int, dict[str, Any]]:
    """The refusal of a verdict by the level's own body."""
    body = {"level": level, "result": "PASS", **changes}
    answer = await inspection.post(f"/problems/{problem_id}/verify", body, **VERIFIERS[level])
    return answer.status_code, answer.json()


# -- the four levels (I-40) ----------------------------------------------------------------------


async def test_four_bodies_close_a_problem_one_after_the_other(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.submit(problem_id)
    states = [(await inspection.verify(problem_id, level))["state"] for level in VERIFIERS]
    assert states == ["DEPT_VERIFIED", "TOWN_CHECKED", "OFFICE_CHECKED", "CLOSED"]
    closed = await inspection.problem(problem_id)
    assert closed["closed_on"] == "2019-09-16"
    assert await figures(inspection) == (1, 1, 0)
    happened = await inspection.happened(problem_id)
    assert happened[-5:] == ["submitted", "verified", "verified", "verified", "closed"]
    verdicts = (await inspection.get(f"/problems/{problem_id}/verifications")).json()["items"]
    assert [(one["level"], one["person"]) for one in verdicts] == [
        (1, "赵局长"),
        (2, "钱乡长"),
        (3, "孙主任"),
        (4, "周组长"),
    ]


async def test_a_level_out_of_its_turn_is_refused(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    status, body = await refusal(inspection, problem_id, 1)
    assert (status, body["code"], body["state"]) == (409, "STATE_CONFLICT", "DISPATCHED")
    assert "ACCEPT" in body["allowed"]
    await inspection.submit(problem_id)
    for level in (2, 3, 4):
        status, body = await refusal(inspection, problem_id, level)
        assert (status, body["code"], body["expected"]) == (409, "CLOSE_ORDER", 1)


async def test_each_level_belongs_to_one_body(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.submit(problem_id)
    for level in VERIFIERS:
        body = {"level": level, "result": "PASS"}
        for other, who in VERIFIERS.items():
            if other != level:
                answer = await inspection.post(f"/problems/{problem_id}/verify", body, **who)
                assert answer.status_code == 403, (level, other)
        await inspection.verify(problem_id, level)


async def test_a_neighbour_verifies_nothing(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.submit(problem_id)
    for org, roles in (
        ("HOUS@511133", ("dept_head",)),
        ("EDU@511132", ("dept_head",)),
        ("TOWN@511132202", ("township_reviewer",)),
        ("POV@511133", ("poverty_office",)),
        ("LG@511133", ("leading_group",)),
    ):
        for call, body in (
            ("verify", {"level": 1, "result": "PASS"}),
            ("reopen", CRACKS),
        ):
            path = f"/problems/{problem_id}/{call}"
            answer = await inspection.post(path, body, org=org, roles=roles)
            assert answer.status_code in (403, 404), (org, call)
            assert call == "reopen" or answer.status_code == 404, org
        verdicts = await inspection.get(
            f"/problems/{problem_id}/verifications", org=org, roles=roles
        )
        assert verdicts.status_code == 404, org


async def test_one_person_does_not_verify_at_two_levels(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.submit(problem_id)
    await inspection.verify(problem_id, 1)
    body = {"level": 2, "result": "PASS"}
    same: dict[str, Any] = {**VERIFIERS[2], "person": VERIFIERS[1]["person"]}
    answer = await inspection.post(f"/problems/{problem_id}/verify", body, **same)
    assert (answer.status_code, answer.json()["code"]) == (409, "SAME_VERIFIER")


async def test_a_county_may_order_the_levels_otherwise(inspection: Inspection) -> None:
    value = ["TOWNSHIP", "DEPARTMENT", "OFFICE", "GROUP"]
    answer = await inspection.put(
        "/config/511132/close_levels",
        {"value": value, "effective_from": "2019-01-01"},
        org="OPS@511132",
        roles=("ops",),
    )
    assert answer.status_code == 200, answer.text
    problem_id = (await inspection.log())["id"]
    await inspection.submit(problem_id)
    for level, owner in ((1, 2), (2, 1), (3, 3), (4, 4)):
        body = {"level": level, "result": "PASS"}
        answer = await inspection.post(f"/problems/{problem_id}/verify", body, **VERIFIERS[owner])
        assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "CLOSED"
    wrong = {"value": value[:3], "effective_from": "2019-01-01"}
    refused = await inspection.put(
        "/config/511132/close_levels", wrong, org="OPS@511132", roles=("ops",)
    )
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"result": "FAIL", "evidence": [PHOTO]}, "REASON_REQUIRED", "text"),
        ({"result": "FAIL", "text": "未完成"}, "EVIDENCE_REQUIRED", "evidence"),
        ({"false": True}, "FALSE_WITH_PASS", "false"),
    ],
)
async def test_an_incomplete_verdict_is_refused(
    inspection: Inspection, changes: dict[str, Any], code: str, field: str
) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.submit(problem_id)
    status, body = await refusal(inspection, problem_id, 1, **changes)
    assert status == 422
    assert [(one["field"], one["code"]) for one in body["errors"]] == [(field, code)]


# -- failing, and false reports (I-43) -----------------------------------------------------------


@pytest.mark.parametrize("level", [1, 2, 3, 4])
async def test_each_level_may_return_a_problem(inspection: Inspection, level: int) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.submit(problem_id)
    for passed in range(1, level):
        await inspection.verify(problem_id, passed)
    assert await figures(inspection, "REPORTED") == (1, 1, 0)
    returned = await inspection.verify(problem_id, level, **FAIL)
    assert (returned["state"], returned["flags"]["false_rectification"]) == ("RECTIFYING", False)
    assert await figures(inspection, "REPORTED") == (1, 0, 1)
    assert (await inspection.happened(problem_id))[-1] == "returned"
    await inspection.rectify(problem_id, again=True)
    for again in VERIFIERS:  # whoever verified the first submission may verify the second
        await inspection.verify(problem_id, again)
    assert (await inspection.problem(problem_id))["state"] == "CLOSED"


async def test_a_false_report_opens_a_case_against_the_chain(inspection: Inspection) -> None:
    campaign = await inspection.campaign()
    problem_id = (await inspection.log(campaign_id=campaign))["id"]
    await inspection.submit(problem_id)
    await inspection.verify(problem_id, 1)
    returned = await inspection.verify(problem_id, 2, **FALSE)
    assert returned["flags"]["false_rectification"] is True
    assert (await inspection.happened(problem_id))[-2:] == ["returned", "false_rectification"]
    answer = await inspection.get("/accountability", {"campaign_id": campaign})
    (case,) = answer.json()["items"]
    assert (case["cause"], case["proposal"]) == ("FALSE_RECTIFICATION", "DISCIPLINE")
    assert case["problem_ids"] == [problem_id]
    parts = {(one["part"], one["person"]) for one in case["subjects"]}
    assert {("SUBMITTED", "tester"), ("OWN_CHECK", "李检查"), ("VERIFIED", "赵局长")} <= parts
    assert await inspection.happened(case["id"]) == ["opened"]
    assert (await inspection.get(f"/accountability/{case['id']}")).json() == case


async def test_the_houses_of_tonghua_village(inspection: Inspection) -> None:
    campaign = await inspection.campaign()
    houses = [(await inspection.log(campaign_id=campaign))["id"] for _ in range(10)]
    for house in houses[:8]:
        await inspection.submit(house)
    for house in houses[8:]:
        await inspection.plan(house)
        await inspection.move(house, "start", org="HOUS@511132", roles=("dept_handler",))
    assert await figures(inspection, "REPORTED") == (10, 8, 2)
    body = {"problem_ids": houses[:3], "level": 1, **FALSE}
    answer = await inspection.post("/problems:verify", body, **VERIFIERS[1])
    assert (answer.json()["moved"], answer.json()["refused"]) == (3, 0)
    assert await figures(inspection, "REPORTED") == (10, 5, 5)
    assert await figures(inspection) == (10, 0, 10)
    cases = (await inspection.get("/accountability", {"campaign_id": campaign})).json()["items"]
    assert sorted(one for case in cases for one in case["problem_ids"]) == sorted(houses[:3])


async def test_a_problem_returned_after_its_deadline_is_overdue_at_once(
    inspection: Inspection,
) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.submit(problem_id)  # due 2019-09-19
    inspection.now = "2019-09-25T10:00:00+08:00"
    returned = await inspection.verify(problem_id, 1, **FAIL)
    assert returned["flags"]["overdue"] is True
    assert (await inspection.happened(problem_id))[-2:] == ["returned", "overdue"]
    timers = await inspection.fetch(
        "SELECT kind FROM timer WHERE state = 'armed' AND starts_with(kind, 'overdue')"
    )
    assert [row["kind"] for row in timers] == ["overdue_2"]


# -- spot checks (I-41) --------------------------------------------------------------------------


async def waiting_for_the_office(inspection: Inspection, number: int) -> list[str]:
    """Problems of one department in one township that two levels have passed."""
    ids = [(await inspection.log())["id"] for _ in range(number)]
    for problem_id in ids:
        await inspection.submit(problem_id)
    for level in (1, 2):
        body = {"problem_ids": ids, "level": level, "result": "PASS"}
        answer = await inspection.post("/problems:verify", body, **VERIFIERS[level])
        assert answer.json()["moved"] == number, answer.text
    return ids


async def draw(inspection: Inspection, **changes: Any) -> dict[str, Any]:
    """A spot check of housing in the township."""
    body = {"township_code": "511132201", "lead_dept": "HOUS", "seed": "s1", **changes}
    answer = await inspection.post("/verification-batches", body)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def test_unsampled_problems_pass_with_a_sample_without_failures(
    inspection: Inspection,
) -> None:
    ids = await waiting_for_the_office(inspection, 12)
    batch = await draw(inspection)
    assert (batch["problems"], len(batch["sampled"]), batch["seed"]) == (12, 2, "s1")
    await inspection.verify(batch["sampled"][0], 3)
    states = {(await inspection.problem(one))["state"] for one in ids}
    assert states == {"TOWN_CHECKED", "OFFICE_CHECKED"}
    status, body = await refusal(inspection, batch["sampled"][0], 4)
    assert (status, body["code"]) == (409, "SPOT_CHECK_OPEN")
    await inspection.verify(batch["sampled"][1], 3)
    assert {(await inspection.problem(one))["state"] for one in ids} == {"OFFICE_CHECKED"}
    settled = (await inspection.get(f"/verification-batches/{batch['id']}")).json()
    assert settled["state"] == "PASSED"
    assert set(settled["results"]) == set(batch["sampled"])
    listed = (await inspection.get("/verification-batches")).json()["items"]
    assert [one["id"] for one in listed] == [batch["id"]]


async def test_one_failure_in_the_sample_returns_the_whole_batch(inspection: Inspection) -> None:
    ids = await waiting_for_the_office(inspection, 11)
    first, second = (await draw(inspection))["sampled"]
    await inspection.verify(first, 3)
    await inspection.verify(second, 3, **FALSE)
    views = {one: await inspection.problem(one) for one in ids}
    assert {view["state"] for view in views.values()} == {"RECTIFYING"}
    false = {one for one, view in views.items() if view["flags"]["false_rectification"]}
    assert false == {second}
    assert await figures(inspection, "REPORTED") == (11, 0, 11)


async def test_a_spot_check_holds_each_problem_once(inspection: Inspection) -> None:
    await waiting_for_the_office(inspection, 2)
    await draw(inspection)
    body = {"township_code": "511132201", "lead_dept": "HOUS"}
    answer = await inspection.post("/verification-batches", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "SPOT_CHECK_EMPTY")


async def test_a_spot_check_is_drawn_and_seen_within_the_county(inspection: Inspection) -> None:
    await waiting_for_the_office(inspection, 1)
    body = {"township_code": "511132201", "lead_dept": "HOUS"}
    neighbour: dict[str, Any] = {"org": "POV@511133", "roles": ("poverty_office",)}
    refused = await inspection.post("/verification-batches", body, **neighbour)
    assert refused.status_code == 404
    wrong = await inspection.post(
        "/verification-batches", body, org="HOUS@511132", roles=("dept_head",)
    )
    assert wrong.status_code == 403
    batch = await draw(inspection)
    path = f"/verification-batches/{batch['id']}"
    for org in ("POV@511133", "EDU@511132", "TOWN@511132202"):
        who: dict[str, Any] = {"org": org, "roles": ("dept_head", "poverty_office")}
        assert (await inspection.get(path, **who)).status_code == 404
        assert (await inspection.get("/verification-batches", **who)).json()["items"] == []
    seen = await inspection.get(path, org="TOWN@511132201", roles=("township_reviewer",))
    assert seen.status_code == 200


# -- reopening (I-44) ----------------------------------------------------------------------------


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
    again = await inspection.log(object={"type": "HOUSEHOLD", "id": ref})
    problem = await inspection.problem(again["id"])
    assert (problem["recurrence"], problem["recurs"]) == (1, view["id"])
    (case,) = (await inspection.get("/accountability")).json()["items"]
    assert (case["cause"], case["problem_ids"]) == ("RECURRENCE", [again["id"]])
    assert await figures(inspection) == (2, 1, 1)


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


# -- systemic problems (I-21) --------------------------------------------------------------------

MECHANISM = {
    "root_cause": "农房建设缺少质量监管",
    "measures": "建立农房质量巡查制度",
    "mechanism": "每季度由住建部门巡查并公示",
    "review_dates": ["2019-12-31"],
}


async def test_a_systemic_problem_closes_with_a_standing_mechanism_only(
    inspection: Inspection,
) -> None:
    problem_id = (await inspection.log(scope="SYSTEMIC"))["id"]
    await inspection.submit(problem_id)
    for level in (1, 2, 3):
        await inspection.verify(problem_id, level)
    status, body = await refusal(inspection, problem_id, 4)
    assert (status, body["code"]) == (409, "MECHANISM_REQUIRED")
    path = f"/problems/{problem_id}/standing-mechanism"
    group: dict[str, Any] = {"org": "LG@511132", "roles": ("leading_group",)}
    for who, expected in (
        ({"org": "HOUS@511132", "roles": ("dept_head",)}, 403),
        ({"org": "LG@511133", "roles": ("leading_group",)}, 404),
        (group, 200),
        (group, 200),
    ):
        answer = await inspection.put(path, MECHANISM, **who)
        assert answer.status_code == expected
    await inspection.verify(problem_id, 4)
    verdicts = (await inspection.get(f"/problems/{problem_id}/verifications")).json()
    assert verdicts["mechanism"]["mechanism"] == MECHANISM["mechanism"]


async def test_a_single_case_has_no_standing_mechanism(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    answer = await inspection.put(
        f"/problems/{problem_id}/standing-mechanism",
        MECHANISM,
        org="LG@511132",
        roles=("leading_group",),
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_SYSTEMIC")


# -- sensitive kinds (I-13) ----------------------------------------------------------------------


async def test_corruption_is_worked_on_and_closed_by_discipline_alone(
    inspection: Inspection,
) -> None:
    problem_id = (await inspection.log(kind="CORRUPTION_BRIBERY"))["id"]
    who: dict[str, Any] = {"org": "DISC@511132", "roles": ("discipline",)}
    await inspection.fetch(
        "UPDATE problems SET state = 'SUBMITTED', attempt = 1 WHERE id = $1", problem_id
    )
    for level, other in VERIFIERS.items():
        body = {"level": level, "result": "PASS"}
        answer = await inspection.post(f"/problems/{problem_id}/verify", body, **other)
        assert answer.status_code == 404
    view = await inspection.move(problem_id, "verify", {"level": 1, "result": "PASS"}, **who)
    assert view["state"] == "CLOSED"


# -- a thousand at once --------------------------------------------------------------------------


async def test_six_problems_move_in_as_many_statements_as_two(inspection: Inspection) -> None:
    ids = await waiting_for_the_office(inspection, 9)
    await statements_of(inspection, ids[:1])  # the driver asks once what its types are
    two, many = await statements_of(inspection, ids[1:3]), await statements_of(inspection, ids[3:])
    assert len(two) == len(many)


async def statements_of(inspection: Inspection, ids: list[str]) -> list[str]:
    """What the office's passing of `ids` sends to the database."""
    office = Actor("孙主任", "POV@511132", frozenset({Role.POVERTY_OFFICE}))
    sent: list[str] = []

    def by_driver(query: LoggedQuery) -> None:
        sent.append(query.query)

    def by_session(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        sent.append(statement)

    database = inspection.runtime.database
    with simulate(datetime.fromisoformat(inspection.now)):
        async with database.transaction() as session:
            driver = await session.driver()
            driver.add_query_logger(by_driver)
            event.listen(database.engine.sync_engine, "before_cursor_execute", by_session)
            verdict = Verdict(3, Result.PASS)
            moved = await verify_problems(session, office, [UUID(one) for one in ids], verdict)
            event.remove(database.engine.sync_engine, "before_cursor_execute", by_session)
            driver.remove_query_logger(by_driver)
    assert all(isinstance(outcome, Problem) for outcome in moved)
    return sent
