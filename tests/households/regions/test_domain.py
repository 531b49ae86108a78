"""How a wish about a region becomes periods of validity."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.households.regions.domain import (
    Kind,
    Period,
    RegionFacts,
    Step,
    check_place,
    step_for,
)
from shared.errors import Invalid

FACTS = RegionFacts("桐花村", Kind.POOR_VILLAGE)
SINCE = date(2014, 1, 1)
TODAY = date(2019, 9, 16)
OPEN = Period(FACTS, SINCE, None)


@pytest.mark.parametrize(
    ("newest", "wanted", "since", "step"),
    [
        (None, FACTS, TODAY, Step.OPEN),
        (OPEN, FACTS, TODAY, Step.NOTHING),
        (OPEN, FACTS, date(2000, 1, 1), Step.NOTHING),
        (OPEN, replace(FACTS, name="新村"), TODAY, Step.SUCCEED),
        (OPEN, replace(FACTS, kind=Kind.NON_POOR), TODAY, Step.SUCCEED),
        (OPEN, replace(FACTS, admin_zone=True), TODAY, Step.SUCCEED),
        (OPEN, replace(FACTS, rural_population=900), TODAY, Step.AMEND),
        (OPEN, replace(FACTS, longitude=103.2, latitude=29.2), TODAY, Step.AMEND),
        (OPEN, replace(FACTS, name="新村"), SINCE, Step.AMEND),
        (Period(FACTS, SINCE, date(2018, 1, 1)), FACTS, TODAY, Step.OPEN),
        (Period(FACTS, SINCE, date(2018, 1, 1)), FACTS, date(2018, 1, 1), Step.OPEN),
    ],
)
def test_what_storing_a_region_does(
    newest: Period | None, wanted: RegionFacts, since: date, step: Step
) -> None:
    assert step_for(newest, wanted, since) is step


@pytest.mark.parametrize(
    ("newest", "since"),
    [
        (OPEN, SINCE - timedelta(days=1)),
        (Period(FACTS, SINCE, date(2018, 1, 1)), date(2017, 12, 31)),
    ],
)
def test_a_change_before_the_newest_period_is_refused(newest: Period, since: date) -> None:
    with pytest.raises(Invalid) as refused:
        step_for(newest, replace(FACTS, name="新村"), since)
    assert [error.code for error in refused.value.errors] == ["VALID_FROM_TOO_EARLY"]


@given(st.text(min_size=1, max_size=5), st.integers(1, 3000))
def test_a_new_name_never_overwrites_a_past_period(name: str, days: int) -> None:
    step = step_for(OPEN, replace(FACTS, name=name), SINCE + timedelta(days=days))
    assert step is (Step.NOTHING if name == FACTS.name else Step.SUCCEED)


@pytest.mark.parametrize(
    ("code", "parent", "level", "errors"),
    [
        ("511132201205", "511132201", "VILLAGE", {}),
        ("511132201205", None, None, {}),
        ("51", None, "PROVINCE", {}),
        ("511132201205", "511132202", "VILLAGE", {"parent": "PARENT_MISMATCH"}),
        ("511132201205", "511132201", "COUNTY", {"level": "LEVEL_MISMATCH"}),
        ("51", "5", "CITY", {"parent": "PARENT_MISMATCH", "level": "LEVEL_MISMATCH"}),
    ],
)
def test_parent_and_level_follow_from_the_code(
    code: str, parent: str | None, level: str | None, errors: dict[str, str]
) -> None:
    if not errors:
        check_place(code, parent, level)
        return
    with pytest.raises(Invalid) as refused:
        check_place(code, parent, level)
    assert {error.field: error.code for error in refused.value.errors} == errors
