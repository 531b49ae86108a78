"""The moves of one problem: accept, decline, confirm, refute, withdraw, extend, name partners."""

from typing import Any

import pytest

from shared.ids import new_id
from tests.inspection.conftest import PHOTO, SHA256, VILLAGE, Inspection, finding

HOUS: dict[str, Any] = {"org": "HOUS@511132", "roles": ("dept_handler",)}
LG: dict[str, Any] = {"org": "LG@511132", "roles": ("leading_group",)}
REASON = {"reason": "登记有误"}
EXTENSION = {"due_on": "2019-10-31", "reason": "连续降雨，无法施工"}
EVIDENCE = {"evidence": [PHOTO]}


async def suspected(inspection: Inspection) -> str:
    view = await inspection.log(suspected=True)
    assert view["state"] == "SUSPECTED"
    return str(view["id"])


async def test_the_lead_department_accepts(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    answer = await inspection.post(f"/problems/{problem_id}/accept", **HOUS)
    assert (answer.status_code, answer.json()["state"]) == (200, "ACCEPTED")
    assert await inspection.happened(problem_id) == ["logged", "dispatched", "accepted"]
    trail = (await inspection.problem(problem_id))["audit"][-1]
    assert (trail["action"], trail["change"]) == (
        "ACCEPT",
        {"state": ["DISPATCHED", "ACCEPTED"]},
    )


async def test_what_was_accepted_is_not_accepted_again(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.post(f"/problems/{problem_id}/accept", **HOUS)
    answer = await inspection.post(f"/problems/{problem_id}/accept", **HOUS)
    assert (answer.status_code, answer.json()["code"]) == (409, "STATE_CONFLICT")
    assert answer.json()["state"] == "ACCEPTED"
    assert "PLAN" in answer.json()["allowed"]


async def test_a_department_cannot_decline(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    answer = await inspection.post(f"/problems/{problem_id}/decline", **HOUS)
    assert (answer.status_code, answer.json()["code"]) == (409, "CANNOT_DECLINE")
    assert (await inspection.problem(problem_id))["state"] == "DISPATCHED"


async def test_another_department_sees_nothing_to_accept_or_decline(
    inspection: Inspection,
) -> None:
    problem_id = (await inspection.log())["id"]
    for verb in ("accept", "decline"):
        for org in ("CIVIL@511132", "HOUS@511133"):
            answer = await inspection.post(
                f"/problems/{problem_id}/{verb}", org=org, roles=("dept_head",)
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


async def test_a_handler_of_another_body_of_the_place_may_not_accept(
    inspection: Inspection,
) -> None:
    problem_id = (await inspection.log())["id"]
    answer = await inspection.post(
        f"/problems/{problem_id}/accept", org="POV@511132", roles=("dept_handler",)
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("accept", None),
        ("decline", None),
        ("confirm", EVIDENCE),
        ("refute", EVIDENCE | REASON),
        ("withdraw", REASON),
        ("extend", EXTENSION),
    ],
)
async def test_a_move_needs_its_role_and_a_problem_in_sight(
    inspection: Inspection, verb: str, body: Any
) -> None:
    problem_id = (await inspection.log())["id"]
    wrong = await inspection.post(f"/problems/{problem_id}/{verb}", body, roles=("helper",))
    assert (wrong.status_code, wrong.json()["code"]) == (403, "FORBIDDEN")
    roles = ("dept_head", "poverty_office", "leading_group")
    path = f"/problems/{problem_id}/{verb}"
    foreign = await inspection.post(path, body, org="POV@511133", roles=roles)
    assert (foreign.status_code, foreign.json()["code"]) == (404, "NOT_FOUND")


# -- suspected problems (I-03) ---------------------------------------------------------------------


async def test_a_suspicion_waits_outside_queues_figures_and_deadlines(
    inspection: Inspection,
) -> None:
    problem_id = await suspected(inspection)
    assert await inspection.happened(problem_id) == ["logged"]
    assert await inspection.count("timer") == 0
    assert (await inspection.get("/stats/problems")).json()["found"] == 0
    # 20 August 2019 was a Tuesday.
    assert (await inspection.problem(problem_id))["confirm_by"] == "2019-08-23"


async def test_a_confirmed_suspicion_is_dispatched_and_counted(inspection: Inspection) -> None:
    problem_id = await suspected(inspection)
    answer = await inspection.post(f"/problems/{problem_id}/confirm", EVIDENCE, **HOUS)
    assert (answer.status_code, answer.json()["state"]) == (200, "DISPATCHED")
    assert await inspection.happened(problem_id) == ["logged", "confirmed", "dispatched"]
    assert await inspection.count("timer") == 1
    assert (await inspection.get("/stats/problems")).json()["found"] == 1
    again = await inspection.post(f"/problems/{problem_id}/confirm", EVIDENCE, **HOUS)
    assert again.json()["code"] == "STATE_CONFLICT"


async def test_a_suspicion_confirmed_after_its_deadline_is_overdue_once_dispatched(
    inspection: Inspection,
) -> None:
    problem_id = await suspected(inspection)  # due 2019-09-19
    inspection.now = "2019-09-20T10:00:00+08:00"
    view = await inspection.move(problem_id, "confirm", EVIDENCE, **HOUS)
    assert (view["state"], view["flags"]["overdue"]) == ("DISPATCHED", True)
    happened = await inspection.happened(problem_id)
    assert happened == ["logged", "confirmed", "dispatched", "overdue"]
    timers = await inspection.fetch("SELECT kind FROM timer WHERE state = 'armed'")
    assert [timer["kind"] for timer in timers] == ["overdue_2"]


async def test_a_refuted_suspicion_is_withdrawn_and_counts_for_nothing(
    inspection: Inspection,
) -> None:
    problem_id = await suspected(inspection)
    answer = await inspection.post(f"/problems/{problem_id}/refute", EVIDENCE | REASON)
    assert (answer.status_code, answer.json()["state"]) == (200, "WITHDRAWN")
    assert await inspection.happened(problem_id) == ["logged", "withdrawn"]
    assert (await inspection.get("/stats/problems")).json()["found"] == 0
    trail = (await inspection.problem(problem_id))["audit"][-1]
    assert (trail["remark"], trail["change"]["evidence"]) == ("登记有误", [PHOTO])


@pytest.mark.parametrize(("verb", "body"), [("confirm", {}), ("refute", REASON)])
async def test_a_suspicion_is_settled_with_evidence_only(
    inspection: Inspection, verb: str, body: dict[str, str]
) -> None:
    problem_id = await suspected(inspection)
    answer = await inspection.post(f"/problems/{problem_id}/{verb}", {"evidence": [], **body})
    assert (answer.status_code, answer.json()["code"]) == (422, "EVIDENCE_REQUIRED")


@pytest.mark.parametrize(("verb", "body"), [("confirm", EVIDENCE), ("refute", EVIDENCE | REASON)])
async def test_a_suspicion_is_settled_by_its_department_or_the_poverty_office(
    inspection: Inspection, verb: str, body: dict[str, Any]
) -> None:
    style = (await inspection.log(suspected=True, kind="STYLE"))["id"]
    housing = await suspected(inspection)
    for problem_id, org, roles in (
        (style, "DISC@511132", ("discipline",)),  # it watches style matters, POV leads them
        (housing, "TOWN@511132201", ("dept_handler",)),
    ):
        answer = await inspection.post(f"/problems/{problem_id}/{verb}", body, org=org, roles=roles)
        assert answer.status_code == 403, org
    assert (await inspection.post(f"/problems/{style}/{verb}", body)).status_code == 200


async def test_another_finder_without_doubt_confirms_a_suspicion(inspection: Inspection) -> None:
    object_ = {"type": "HOUSEHOLD", "id": "01990000-0000-7000-8000-000000000001"}
    first = await inspection.log(object=object_, suspected=True)
    second = await inspection.log(object=object_, source="AUDIT")
    assert (second["id"], second["state"]) == (first["id"], "DISPATCHED")
    assert await inspection.happened() == ["logged", "source_added", "confirmed", "dispatched"]
    assert (await inspection.get("/stats/problems")).json()["found"] == 1
    assert await inspection.count("timer") == 1


# -- withdraw ------------------------------------------------------------------------------------


async def test_a_withdrawn_problem_leaves_the_figures_and_has_no_timer(
    inspection: Inspection,
) -> None:
    problem_id = (await inspection.log())["id"]
    answer = await inspection.post(f"/problems/{problem_id}/withdraw", REASON)
    assert (answer.status_code, answer.json()["state"]) == (200, "WITHDRAWN")
    assert await inspection.happened(problem_id) == ["logged", "dispatched", "withdrawn"]
    assert (await inspection.get("/stats/problems")).json()["found"] == 0
    assert (await inspection.get("/stats/problems", {"as_of": "2019-09-15"})).json()["found"] == 1
    (timer,) = await inspection.fetch("SELECT state FROM timer")
    assert timer["state"] == "cancelled"
    again = await inspection.post(f"/problems/{problem_id}/withdraw", REASON)
    assert again.json()["code"] == "STATE_CONFLICT"


async def test_a_withdrawal_gives_a_reason(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    for body in ({}, {"reason": " "}):
        answer = await inspection.post(f"/problems/{problem_id}/withdraw", body)
        assert answer.status_code == 422


# -- extend (I-25, I-26) -------------------------------------------------------------------------


async def test_an_extension_moves_deadline_and_timer_and_keeps_the_history(
    inspection: Inspection,
) -> None:
    problem_id = (await inspection.log())["id"]
    answer = await inspection.post(f"/problems/{problem_id}/extend", EXTENSION, **LG)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["due_on"], answer.json()["due_rules"]) == ("2019-10-31", ["EXTENDED"])
    problem = await inspection.problem(problem_id)
    (change,) = problem["due_history"]
    assert (change["previous_due_on"], change["due_on"]) == ("2019-09-19", "2019-10-31")
    assert (change["reason"], change["by"]) == (EXTENSION["reason"], "tester")
    assert await inspection.happened(problem_id) == ["logged", "dispatched", "due_changed"]
    timers = await inspection.fetch("SELECT generation, state FROM timer ORDER BY 1")
    assert [(row["generation"], row["state"]) for row in timers] == [
        (1, "cancelled"),
        (2, "armed"),
    ]


async def test_a_deadline_is_extended_once(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.post(f"/problems/{problem_id}/extend", EXTENSION, **LG)
    later = EXTENSION | {"due_on": "2019-11-30"}
    answer = await inspection.post(f"/problems/{problem_id}/extend", later, **LG)
    assert (answer.status_code, answer.json()["code"]) == (409, "EXTENSION_FORBIDDEN")


@pytest.mark.parametrize("changes", [{"tier": "IMMEDIATE"}, {"scope": "SYSTEMIC"}])
async def test_immediate_and_undated_problems_are_never_extended(
    inspection: Inspection, changes: dict[str, str]
) -> None:
    problem_id = (await inspection.log(**changes))["id"]
    answer = await inspection.post(f"/problems/{problem_id}/extend", EXTENSION, **LG)
    assert (answer.status_code, answer.json()["code"]) == (409, "EXTENSION_FORBIDDEN")


@pytest.mark.parametrize(
    ("due_on", "code"),
    [
        ("2019-09-19", "DUE_NOT_LATER"),
        ("2019-09-01", "DUE_NOT_LATER"),
        ("2019-02-29", "DATE_INVALID"),
        (None, "DATE_INVALID"),
        ("9999-12-31", "DATE_OUT_OF_RANGE"),
    ],
)
async def test_an_extension_leads_to_a_later_day(
    inspection: Inspection, due_on: str | None, code: str
) -> None:
    problem_id = (await inspection.log())["id"]
    body = EXTENSION | {"due_on": due_on}
    answer = await inspection.post(f"/problems/{problem_id}/extend", body, **LG)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_finished_problem_is_not_extended(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.post(f"/problems/{problem_id}/withdraw", REASON)
    answer = await inspection.post(f"/problems/{problem_id}/extend", EXTENSION, **LG)
    assert (answer.status_code, answer.json()["code"]) == (409, "STATE_CONFLICT")


# -- who helps, and who answers (I-12) -----------------------------------------------------------


async def test_departments_that_help_are_told_and_see_the_problem(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    path = f"/problems/{problem_id}/co-departments"
    partner: dict[str, Any] = {"org": "CIVIL@511132", "roles": ("dept_head",)}
    assert (await inspection.get(f"/problems/{problem_id}", **partner)).status_code == 404
    answer = await inspection.put(path, {"departments": ["FIN", "CIVIL"]})
    assert answer.json()["co_depts"] == ["CIVIL", "FIN"]
    assert (await inspection.happened(problem_id))[-1] == "partners_changed"
    assert (await inspection.get(f"/problems/{problem_id}", **partner)).status_code == 200
    neighbour: dict[str, Any] = {"org": "CIVIL@511133", "roles": ("dept_head",)}
    assert (await inspection.get(f"/problems/{problem_id}", **neighbour)).status_code == 404
    accepted = await inspection.post(f"/problems/{problem_id}/accept", **partner)
    assert accepted.status_code == 403
    assert (await inspection.get("/problems", **partner)).json()["items"] == []
    refused = await inspection.put(path, {"departments": ["HOUS"]})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "PARTNER_LEADS")


async def test_only_the_lead_and_the_county_name_partners(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    body = {"departments": ["CIVIL"]}
    for org, roles, status in (
        ("HOUS@511132", ("dept_head",), 200),
        ("LG@511132", ("leading_group",), 200),
        ("HOUS@511132", ("dept_handler",), 403),
        ("TOWN@511132201", ("dept_head",), 403),
        ("FIN@511132", ("dept_head",), 404),
        ("POV@511133", ("poverty_office",), 404),
    ):
        answer = await inspection.put(
            f"/problems/{problem_id}/co-departments", body, org=org, roles=roles
        )
        assert answer.status_code == status, org


async def test_a_problem_names_who_answers_for_its_lead(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    assert (await inspection.problem(problem_id))["responsible"] is None
    names = {"unit_head": "赵局长", "deputy": "钱副局长", "county_leader": "孙副县长"}
    answer = await inspection.put(
        "/responsibles/HOUS@511132", {**names, "effective_from": "2019-01-01"}
    )
    assert answer.status_code == 200, answer.text
    assert (await inspection.problem(problem_id))["responsible"] == names


# -- evidence kept here --------------------------------------------------------------------------


async def test_evidence_that_was_uploaded_has_the_hash_of_the_upload(
    inspection: Inspection,
) -> None:
    ref = str(new_id())
    await inspection.fetch(
        """
        INSERT INTO evidence_files (id, sha256, size, content_type, village_code, organisation,
                                    uploaded_by, file_name, scan, created_at)
        VALUES ($1, $2, 3, 'image/jpeg', $3, 'POV@511132', 't', 'a.jpg', 'NOT_SCANNED', now())
        """,
        ref,
        SHA256,
        VILLAGE,
    )
    right = {"ref": ref, "sha256": SHA256, "phase": "BEFORE"}
    wrong = {**right, "sha256": "f" * 64}
    problem_id = (await inspection.log(evidence=[right]))["id"]
    assert (await inspection.problem(problem_id))["sources"][0]["evidence"] == [right]
    suspected = (await inspection.log(suspected=True))["id"]
    for path, body in (
        ("/problems", finding(evidence=[PHOTO, wrong])),
        (f"/problems/{suspected}/confirm", {"evidence": [PHOTO, wrong]}),
        (f"/problems/{suspected}/refute", {"evidence": [PHOTO, wrong], "reason": "无"}),
    ):
        answer = await inspection.post(path, body)
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert (error["field"], error["code"]) == ("evidence.1.sha256", "EVIDENCE_MISMATCH")
