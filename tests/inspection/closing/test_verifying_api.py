"""Four levels, false reports and mechanisms, as the bodies of a county see them."""

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
from tests.inspection.closing.verdicts import (
    CRACKS,
    FAIL,
    FALSE,
    figures,
    refusal,
    waiting_for_the_office,
)
from tests.inspection.conftest import PHOTO, VERIFIERS, Inspection

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


async def test_a_changed_order_lets_no_problem_pass_by_a_body(inspection: Inspection) -> None:
    (problem_id,) = await waiting_for_the_office(inspection, 1)
    value = ["DEPARTMENT", "OFFICE", "TOWNSHIP", "GROUP"]
    answer = await inspection.put(
        "/config/511132/close_levels",
        {"value": value, "effective_from": "2019-01-01"},
        org="OPS@511132",
        roles=("ops",),
    )
    assert answer.status_code == 200, answer.text
    status, body = await refusal(inspection, problem_id, 4)  # TOWN_CHECKED is now the last but one
    assert (status, body["code"], body["expected"]) == (409, "CLOSE_ORDER", 2)
    returned = await inspection.verify(problem_id, 4, **FAIL)
    assert returned["state"] == "RECTIFYING"


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


async def test_discipline_records_the_mechanism_of_systemic_corruption(
    inspection: Inspection,
) -> None:
    problem_id = (await inspection.log(kind="CORRUPTION_BRIBERY", scope="SYSTEMIC"))["id"]
    await inspection.fetch(
        "UPDATE problems SET state = 'SUBMITTED', attempt = 1 WHERE id = $1", problem_id
    )
    who: dict[str, Any] = {"org": "DISC@511132", "roles": ("discipline",)}
    verdict = {"level": 1, "result": "PASS"}
    refused = await inspection.post(f"/problems/{problem_id}/verify", verdict, **who)
    assert refused.json()["code"] == "MECHANISM_REQUIRED"
    path = f"/problems/{problem_id}/standing-mechanism"
    group: dict[str, Any] = {"org": "LG@511132", "roles": ("leading_group",)}
    assert (await inspection.put(path, MECHANISM, **group)).status_code == 404
    assert (await inspection.put(path, MECHANISM, **who)).status_code == 200
    assert (await inspection.move(problem_id, "verify", verdict, **who))["state"] == "CLOSED"
    style = (await inspection.log(kind="STYLE", scope="SYSTEMIC"))["id"]
    answer = await inspection.put(f"/problems/{style}/standing-mechanism", MECHANISM, **who)
    assert answer.status_code == 403  # seen, but closed by the leading group


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
