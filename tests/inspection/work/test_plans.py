"""What a plan must say: complete, in time, in order, specific (I-30…I-33)."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.work.domain.plans import (
    AuthorNotHead,
    Coverage,
    CoverageIncomplete,
    Draft,
    Measure,
    MeasureTooGeneral,
    Phrases,
    Plan,
    PlanAfterDue,
    PlanIncomplete,
    Step,
    StepOutOfRange,
    check_author,
    check_coverage,
    decide_plan,
    generic_phrase,
)
from services.inspection.work.settings import GENERIC_PHRASES, GENERIC_PHRASES_INCOME

FOUND, DUE = date(2019, 8, 20), date(2019, 9, 19)
PHRASES = Phrases(GENERIC_PHRASES.default)
INCOME = Phrases(GENERIC_PHRASES.default, GENERIC_PHRASES_INCOME.default)
DRAFT = Draft(
    target="东墙加固至 B 级",
    responsible_person="阿尔木果",
    measures=(Measure("拆除重砌东墙"),),
    progress_steps=(Step("完工", date(2019, 9, 10)),),
    deadline=DUE,
)
LEFT_OUT: dict[str, Any] = {
    "target": None,
    "responsible_person": "",
    "measures": (),
    "progress_steps": (),
    "deadline": None,
}


def decide(draft: Draft, due_on: date | None = DUE, phrases: Phrases = PHRASES) -> Plan:
    return decide_plan(draft, found_on=FOUND, due_on=due_on, phrases=phrases)


def test_a_whole_plan_stands_as_it_is() -> None:
    plan = decide(DRAFT)
    assert (plan.target, plan.deadline) == (DRAFT.target, DUE)
    assert (plan.measures, plan.progress_steps) == (DRAFT.measures, DRAFT.progress_steps)


# -- I-30 ------------------------------------------------------------------------------------------


@given(st.sets(st.sampled_from(sorted(LEFT_OUT)), min_size=1))
def test_exactly_the_missing_names_are_listed(names: set[str]) -> None:
    draft = replace(DRAFT, **{name: LEFT_OUT[name] for name in names})
    with pytest.raises(PlanIncomplete) as refused:
        decide(draft)
    assert set(refused.value.members["missing"]) == names
    assert [error.field for error in refused.value.errors] == refused.value.members["missing"]


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"progress_steps": (Step("完工", None),)}, "progress_steps"),
        ({"progress_steps": (Step(None, DUE),)}, "progress_steps"),
        ({"measures": (Measure("拆除"), Measure(None, object="东墙"))}, "measures"),
    ],
)
def test_steps_without_a_day_and_measures_without_words_say_nothing(
    changes: dict[str, Any], missing: str
) -> None:
    with pytest.raises(PlanIncomplete) as refused:
        decide(replace(DRAFT, **changes))
    assert refused.value.members["missing"] == [missing]


def test_one_step_with_a_day_is_enough() -> None:
    steps = (Step("动工", None), Step("完工", DUE))
    assert decide(replace(DRAFT, progress_steps=steps)).progress_steps == steps


# -- I-31 ------------------------------------------------------------------------------------------

days = st.integers(-30, 60).map(lambda offset: FOUND + timedelta(days=offset))


@given(deadline=days, due_on=st.none() | days, steps=st.lists(days, min_size=1, max_size=4))
def test_a_plan_stands_only_in_time_and_in_order(
    deadline: date, due_on: date | None, steps: list[date]
) -> None:
    draft = replace(
        DRAFT, deadline=deadline, progress_steps=tuple(Step("节点", day) for day in steps)
    )
    too_late = due_on is not None and deadline > due_on
    in_order = [FOUND, *steps, deadline] == sorted([FOUND, *steps, deadline])
    if too_late:
        with pytest.raises(PlanAfterDue):
            decide(draft, due_on)
    elif not in_order:
        with pytest.raises(StepOutOfRange):
            decide(draft, due_on)
    else:
        assert decide(draft, due_on).deadline == deadline


def test_every_step_out_of_range_is_named() -> None:
    offsets = (5, 3, 6, 40)
    steps = tuple(Step("节点", FOUND + timedelta(days=offset)) for offset in offsets)
    with pytest.raises(StepOutOfRange) as refused:
        decide(replace(DRAFT, progress_steps=steps))
    fields = [error.field for error in refused.value.errors]
    assert fields == ["progress_steps.1.on", "progress_steps.3.on"]


def test_the_due_day_itself_is_in_time_and_without_one_the_deadline_is_free() -> None:
    assert decide(DRAFT, DUE).deadline == DUE
    with pytest.raises(PlanAfterDue) as refused:
        decide(DRAFT, DUE - timedelta(days=1))
    assert refused.value.members == {"due_on": "2019-09-18"}
    assert decide(replace(DRAFT, deadline=date(2025, 12, 31)), None).deadline.year == 2025


# -- I-32 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("加强监管", "加强监管"),
        ("对在建项目加强监管，确保质量", "加强监管"),
        ("加 强 管 护", "加强管护"),
        ("做好日常管护。", "做好日常管护"),
        ("进一步加强政策宣传", "进一步加强"),
        ("申请低保", None),
        ("拆除重砌东墙", None),
        ("加强，监管", None),
    ],
)
def test_generic_phrases_are_found_wherever_they_stand(text: str, phrase: str | None) -> None:
    assert generic_phrase(text, PHRASES) == phrase


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("申请低保", "申请低保"),
        ("为该户申请低保。", "申请低保"),
        ("申请低保，继续申请低保", "申请低保"),
        ("申请低保，并介绍到扶贫车间务工", None),
        ("加强监管", "加强监管"),
        ("……", None),
    ],
)
def test_for_income_a_safety_net_alone_is_no_measure(text: str, phrase: str | None) -> None:
    assert generic_phrase(text, INCOME) == phrase


SPECIFIC: dict[str, Any] = {"object": "通村路", "quantity": "3 公里", "due": date(2019, 9, 1)}


def test_a_generic_phrase_with_object_quantity_and_date_is_specific() -> None:
    plan = decide(replace(DRAFT, measures=(Measure("加强管护", **SPECIFIC),)))
    assert plan.measures[0].is_specific


@pytest.mark.parametrize("left_out", sorted(SPECIFIC))
def test_a_generic_phrase_with_one_of_the_three_left_out_is_too_general(left_out: str) -> None:
    general = Measure("加强管护", **{**SPECIFIC, left_out: None})
    with pytest.raises(MeasureTooGeneral) as refused:
        decide(replace(DRAFT, measures=(Measure("拆除"), general, Measure("进一步加强宣传"))))
    assert [error.field for error in refused.value.errors] == ["measures.1", "measures.2"]
    assert refused.value.members == {"phrase": "加强管护"}


# -- I-33 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("open_", "planned"), [(0, 0), (3, 3)])
def test_a_plan_for_everything_covers_all(open_: int, planned: int) -> None:
    check_coverage(Coverage(open_, planned))
    assert Coverage(open_, planned).pct == 100


@pytest.mark.parametrize(
    ("open_", "planned", "pct"), [(3, 2, "66.67"), (3, 0, "0.00"), (100_000, 99_999, "99.99")]
)
def test_what_is_left_out_is_counted_and_never_rounded_away(
    open_: int, planned: int, pct: str
) -> None:
    with pytest.raises(CoverageIncomplete) as refused:
        check_coverage(Coverage(open_, planned, (UUID(int=1),)))
    assert refused.value.members == {
        "coverage_pct": pct,
        "missing": open_ - planned,
        "missing_ids": [str(UUID(int=1))],
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"is_head": False}, "author_role"),
        ({"author_role": "HANDLER"}, "author_role"),
        ({"head": "吉克阿牛"}, "author"),
    ],
)
def test_a_consolidated_plan_is_its_head_s(changes: dict[str, Any], field: str) -> None:
    facts: dict[str, Any] = {
        "is_head": True,
        "author": "阿尔木果",
        "author_role": "HEAD",
        "head": None,
    }
    check_author(**facts)
    check_author(**{**facts, "head": "阿尔木果"})
    with pytest.raises(AuthorNotHead) as refused:
        check_author(**{**facts, **changes})
    assert [error.field for error in refused.value.errors] == [field]
