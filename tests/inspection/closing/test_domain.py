"""Turns and bodies of verification, verdicts, samples."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.closing.domain import (
    CloseOrder,
    FalseWithPass,
    ReasonRequired,
    Result,
    Verdict,
    check_body,
    check_turn,
    check_verdict,
    draw,
    sample_size,
)
from services.inspection.problems.domain.findings import EvidenceRequired
from services.inspection.problems.domain.levels import DEFAULT_ORDER, Body, path_of
from services.inspection.problems.domain.states import State
from shared.errors import DomainError, Forbidden, IllegalMove

PROOF = ({"ref": "1.jpg"},)
TURNS = {"SUBMITTED": 1, "DEPT_VERIFIED": 2, "TOWN_CHECKED": 3, "OFFICE_CHECKED": 4}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_each_level_has_its_turn(state: State, level: int) -> None:
    expected = TURNS.get(state)
    if expected is None:
        with pytest.raises(IllegalMove):
            check_turn(DEFAULT_ORDER, DEFAULT_ORDER, state, level)
    elif expected == level:
        assert check_turn(DEFAULT_ORDER, DEFAULT_ORDER, state, level) is DEFAULT_ORDER[level - 1]
    else:
        with pytest.raises(CloseOrder) as refused:
            check_turn(DEFAULT_ORDER, DEFAULT_ORDER, state, level)
        assert refused.value.members == {"level": level, "expected": expected}


def test_a_place_without_a_township_goes_from_the_first_level_to_the_third() -> None:
    path = path_of(DEFAULT_ORDER, kind="FUND_SLOW", place="511132")
    assert check_turn(DEFAULT_ORDER, path, State.DEPT_VERIFIED, 3) is Body.OFFICE
    with pytest.raises(CloseOrder):
        check_turn(DEFAULT_ORDER, path, State.DEPT_VERIFIED, 2)


@pytest.mark.parametrize(
    ("body", "unit", "role"),
    [
        (Body.DEPARTMENT, "HOUS", "dept_head"),
        (Body.TOWNSHIP, "TOWN", "township_reviewer"),
        (Body.OFFICE, "POV", "poverty_office"),
        (Body.GROUP, "LG", "leading_group"),
    ],
)
def test_each_body_verifies_by_its_own_people(body: Body, unit: str, role: str) -> None:
    check_body(body, unit=unit, roles=[role], lead_dept="HOUS")
    for other_unit, other_role in (("EDU", role), (unit, "dept_handler"), (unit, "inspector")):
        with pytest.raises(Forbidden):
            check_body(body, unit=other_unit, roles=[other_role], lead_dept="HOUS")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"false": True}, FalseWithPass),
        ({"result": Result.FAIL}, ReasonRequired),
        ({"result": Result.FAIL, "text": "裂缝仍在"}, EvidenceRequired),
        ({"result": Result.FAIL, "text": "裂缝仍在", "evidence": PROOF}, None),
        ({"result": Result.FAIL, "text": "假", "evidence": PROOF, "false": True}, None),
    ],
)
def test_a_failure_needs_reason_and_evidence(
    changes: dict[str, Any], refusal: type[DomainError] | None
) -> None:
    verdict = Verdict(**{"level": 1, "result": Result.PASS, **changes})
    if refusal is None:
        check_verdict(verdict)
    else:
        with pytest.raises(refusal):
            check_verdict(verdict)


@pytest.mark.parametrize(
    ("problems", "share", "expected"),
    [(1, 10, 1), (9, 10, 1), (10, 10, 1), (11, 10, 2), (100, 10, 10), (3, 100, 3), (5, 0, 1)],
)
def test_the_sample_is_the_share_rounded_up_and_at_least_one(
    problems: int, share: int, expected: int
) -> None:
    assert sample_size(problems, Decimal(share)) == expected


@given(st.lists(st.uuids(), unique=True, min_size=1), st.text(min_size=1), st.data())
def test_a_draw_depends_on_the_seed_and_the_problems_alone(
    ids: list[Any], seed: str, data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, len(ids)))
    drawn = draw(seed, ids, size)
    assert len(drawn) == size
    assert drawn <= set(ids)
    assert draw(seed, data.draw(st.permutations(ids)), size) == drawn
