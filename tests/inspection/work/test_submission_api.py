"""POST /problems/{id}/submit and /no-policy: what proves the work, and what nobody pays for."""

from typing import Any

import pytest

from shared.events.inspection import ProblemNoPolicyFound
from tests.inspection.conftest import PHOTO, Inspection
from tests.inspection.work.conftest import (
    AFTER,
    CHECK,
    DONE,
    HEAD,
    HOUS,
    PLAN,
    VILLAGE,
    accepted,
    move,
    refusal,
    set_value,
    started,
    submitted,
)

NO_POLICY = {"need": "非建档户危房无补助政策", "amount": "25000.00"}


# -- submission (I-42) -----------------------------------------------------------------------------


@pytest.mark.parametrize("body", [DONE | {"evidence": []}, {"done_text": DONE["done_text"]}])
async def test_a_submission_needs_evidence(inspection: Inspection, body: Any) -> None:
    problem_id = await started(inspection)
    await move(inspection, problem_id, "own-check", CHECK)
    answer = await inspection.post(f"/problems/{problem_id}/submit", body, **HOUS)
    assert (answer.status_code, answer.json()["code"]) == (422, "EVIDENCE_REQUIRED")
    assert answer.json()["errors"][0]["field"] == "evidence"


@pytest.mark.parametrize("body", [{"evidence": [AFTER]}, DONE | {"done_text": " "}])
async def test_a_submission_says_what_was_done(inspection: Inspection, body: Any) -> None:
    problem_id = await started(inspection)
    answer = await inspection.post(f"/problems/{problem_id}/submit", body, **HOUS)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "done_text"


@pytest.mark.parametrize(
    ("found", "shown", "missing"),
    [
        ([PHOTO], [AFTER], None),
        ([], [PHOTO, AFTER], None),
        ([PHOTO], [PHOTO], ["AFTER"]),
        ([], [AFTER], ["BEFORE"]),
        ([], [PHOTO | {"phase": None}], ["BEFORE", "AFTER"]),
        ([AFTER], [PHOTO], ["AFTER"]),
    ],
)
async def test_housing_is_shown_before_and_after(
    inspection: Inspection, found: Any, shown: Any, missing: Any
) -> None:
    problem_id = await started(inspection, evidence=found)
    body = DONE | {"evidence": shown}
    answer = await inspection.post(f"/problems/{problem_id}/submit", body, **VILLAGE)
    if missing is None:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["code"]) == (422, "EVIDENCE_REQUIRED")
        assert answer.json()["phases"] == missing


async def test_other_kinds_need_no_photos_of_both_phases(inspection: Inspection) -> None:
    view = await inspection.log(kind="WORKSHOP", evidence=[])
    hrss = {"org": "HRSS@511132", "roles": ("dept_handler",)}
    for verb, body in (("accept", None), ("plan", PLAN), ("start", None)):
        await move(inspection, view["id"], verb, body, **hrss)
    await move(inspection, view["id"], "submit", DONE, **VILLAGE)


async def test_a_county_may_ask_photos_of_other_kinds(inspection: Inspection) -> None:
    problem_id = await started(inspection, evidence=[])
    await set_value(inspection, "photo_kinds", ["CULTURE_"])
    await move(inspection, problem_id, "submit", DONE, **VILLAGE)


# -- no policy (I-36) ------------------------------------------------------------------------------


async def test_a_problem_no_policy_pays_for_is_told_to_the_county_once(
    inspection: Inspection,
) -> None:
    problem_id = await accepted(inspection)
    view = await move(inspection, problem_id, "no-policy", NO_POLICY)
    assert (view["flags"]["no_policy"], view["state"]) == (True, "ACCEPTED")
    (event,) = await inspection.app.events(ProblemNoPolicyFound)
    assert (event.need, event.amount) == (NO_POLICY["need"], "25000.00")  # type: ignore[attr-defined]
    assert event.flags.no_policy is True  # type: ignore[attr-defined]
    code = await refusal(inspection, problem_id, "no-policy", NO_POLICY)
    assert code == (409, "NO_POLICY_SET")


async def test_the_amount_may_be_unknown(inspection: Inspection) -> None:
    problem_id = await started(inspection)
    await move(inspection, problem_id, "no-policy", {"need": "路灯电费无资金渠道"})
    (event,) = await inspection.app.events(ProblemNoPolicyFound)
    assert event.amount is None  # type: ignore[attr-defined]


@pytest.mark.parametrize("changes", [{"amount": "1e9"}, {"amount": "-1"}, {"need": ""}])
async def test_a_need_is_said_in_words_and_yuan(
    inspection: Inspection, changes: dict[str, str]
) -> None:
    problem_id = await accepted(inspection)
    answer = await inspection.post(f"/problems/{problem_id}/no-policy", NO_POLICY | changes, **HEAD)
    assert answer.status_code == 422


async def test_what_is_reported_done_needs_no_funds(inspection: Inspection) -> None:
    problem_id = await submitted(inspection)
    code = await refusal(inspection, problem_id, "no-policy", NO_POLICY)
    assert code == (409, "STATE_CONFLICT")
