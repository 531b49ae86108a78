"""POST /problems:plan, :start, :submit: up to 1,000 at once, each on its own (X-10)."""

from typing import Any

import pytest

from tests.inspection.conftest import Inspection, finding
from tests.inspection.work.conftest import (
    DONE,
    HOUS,
    PLAN,
    TOWN,
    VILLAGE,
    accepted,
    counted_statements,
    move,
    planned,
    started,
)

BATCHES: list[tuple[str, dict[str, Any]]] = [("plan", PLAN), ("start", {}), ("submit", DONE)]


async def several(
    inspection: Inspection, verb: str, ids: list[str], body: dict[str, Any], **who: Any
) -> dict[str, Any]:
    """What became of a batch, which must be answered."""
    answer = await inspection.post(f"/problems:{verb}", {"problem_ids": ids, **body}, **who)
    assert answer.status_code == 200, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def test_a_thousand_problems_are_worked_on_with_a_handful_of_statements(
    inspection: Inspection,
) -> None:
    rows = {"rows": [finding() for _ in range(1000)]}
    logged = (await inspection.post("/problems:batch", rows)).json()
    ids = [row["id"] for row in logged["results"]]
    await several(inspection, "accept", ids, {}, **HOUS)
    steps: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("plan", PLAN, HOUS),
        ("start", {}, TOWN),
        ("submit", DONE, VILLAGE),
    ]
    for verb, body, who in steps:
        with counted_statements(inspection.runtime.database) as sent:
            view = await several(inspection, verb, ids, body, **who)
        assert (view["moved"], view["refused"]) == (1000, 0)
        # The lock is among them: nothing is sent unseen.
        assert sum("FROM problems" in one and "FOR UPDATE" in one for one in sent) == 1
        assert len(sent) < 40, sent
    for table in ("rectification_plans", "submissions"):
        assert await inspection.count(table) == 1000
    (submitted,) = await inspection.fetch("SELECT count(*) FROM problems WHERE state = 'SUBMITTED'")
    assert submitted[0] == 1000
    (watched,) = await inspection.fetch(
        "SELECT count(*), min(state) AS state FROM timer WHERE kind = 'stalled'"
    )
    assert (watched["count"], watched["state"]) == (1000, "cancelled")


async def test_each_problem_is_planned_or_refused_on_its_own(inspection: Inspection) -> None:
    good = await accepted(inspection)
    late = await accepted(inspection, requested_due_on="2019-09-17")
    dispatched = str((await inspection.log())["id"])
    foreign = str((await inspection.log(kind="WATER_UNSAFE"))["id"])
    view = await several(inspection, "plan", [late, good, dispatched, foreign], PLAN, **HOUS)
    assert [row["code"] for row in view["results"]] == [
        *("PLAN_AFTER_DUE", None, "STATE_CONFLICT", "NOT_FOUND")
    ]
    assert [row["status"] for row in view["results"]] == [422, 200, 409, 404]
    assert (view["moved"], view["results"][1]["state"]) == (1, "PLANNED")
    assert await inspection.count("rectification_plans") == 1


async def test_each_problem_is_started_or_submitted_on_its_own(inspection: Inspection) -> None:
    ready, waiting = await planned(inspection), await accepted(inspection)
    view = await several(inspection, "start", [waiting, ready], {}, **TOWN)
    assert [row["code"] for row in view["results"]] == ["STATE_CONFLICT", None]
    bare = await started(inspection, evidence=[])
    view = await several(inspection, "submit", [ready, bare, waiting], DONE, **VILLAGE)
    assert [row["code"] for row in view["results"]] == [
        *(None, "EVIDENCE_REQUIRED", "STATE_CONFLICT")
    ]
    view = await several(inspection, "submit", [bare], DONE, **TOWN)
    assert [row["code"] for row in view["results"]] == ["HANDOFF_ONLY"]


@pytest.mark.parametrize(("verb", "body"), BATCHES)
async def test_a_neighbour_s_batch_moves_nothing(
    inspection: Inspection, verb: str, body: dict[str, Any]
) -> None:
    problem_id = await planned(inspection)
    before = await inspection.problem(problem_id)
    roles = ("dept_handler", "township_reviewer")
    for org in ("HOUS@511133", "TOWN@511132202"):
        view = await several(inspection, verb, [problem_id], body, org=org, roles=roles)
        assert [row["code"] for row in view["results"]] == ["NOT_FOUND"]
    office = await several(inspection, verb, [problem_id], body, org="POV@511132", roles=roles)
    assert [row["code"] for row in office["results"]] == ["FORBIDDEN"]
    assert await inspection.problem(problem_id) == before
    wrong = await inspection.post(
        f"/problems:{verb}", {"problem_ids": [problem_id], **body}, roles=("leading_group",)
    )
    assert (wrong.status_code, wrong.json()["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize(("verb", "body"), BATCHES)
async def test_a_problem_is_listed_once(
    inspection: Inspection, verb: str, body: dict[str, Any]
) -> None:
    problem_id = await accepted(inspection)
    twice = {"problem_ids": [problem_id, problem_id], **body}
    answer = await inspection.post(f"/problems:{verb}", twice, **HOUS)
    assert (answer.status_code, answer.json()["code"]) == (422, "DUPLICATE_ID")


async def test_evidence_that_is_not_the_uploaded_file_refuses_the_whole_batch(
    inspection: Inspection,
) -> None:
    first, second = await started(inspection), await started(inspection)
    ref = "01990000-0000-7000-8000-000000000001"
    await inspection.fetch(
        "INSERT INTO evidence_files (id, sha256, size, content_type, file_name, village_code,"
        " organisation, uploaded_by, scan, created_at)"
        " VALUES ($1, $2, 1, 'image/jpeg', 'a.jpg', '511132201205', 'o', 'p', 'CLEAN', now())",
        ref,
        "1" * 64,
    )
    wrong = DONE["evidence"][0] | {"ref": ref}
    body = {"problem_ids": [first, second], **DONE, "evidence": [wrong]}
    answer = await inspection.post("/problems:submit", body, **VILLAGE)
    assert (answer.status_code, answer.json()["code"]) == (422, "EVIDENCE_MISMATCH")
    for problem_id in (first, second):
        assert (await inspection.problem(problem_id))["state"] == "RECTIFYING"
    progress = {"pct": 10, "text": "已动工", "evidence": [wrong]}
    answer = await inspection.post(f"/problems/{first}/progress", progress, **VILLAGE)
    assert (answer.status_code, answer.json()["code"]) == (422, "EVIDENCE_MISMATCH")
    await move(inspection, first, "submit", DONE, **VILLAGE)
