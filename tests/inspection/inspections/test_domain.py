"""The burden of a village in a rolling window, against a count of every window (I-57)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.inspections.domain import (
    InspectionAction,
    InspectionState,
    count_over,
    crowded_days,
    next_state,
)
from shared.errors import IllegalMove

START = date(2019, 9, 1)
offsets = st.lists(st.integers(0, 80), max_size=8)


def day(offset: int) -> date:
    """The day so many days after the start."""
    return START + timedelta(days=offset)


def test_a_third_inspection_within_thirty_days_is_too_many() -> None:
    days = [day(0), day(10)]
    assert crowded_days(days, day(29), limit=2, window_days=30) == days
    assert crowded_days(days, day(30), limit=2, window_days=30) == []
    assert crowded_days(days, day(5), limit=3, window_days=30) == []


def test_the_window_rolls_over_days_before_and_after() -> None:
    around = [day(0), day(40)]
    assert crowded_days(around, day(20), limit=2, window_days=30) == []
    assert crowded_days([day(0), day(25)], day(10), limit=2, window_days=30) == [day(0), day(25)]
    assert crowded_days([day(20), day(25)], day(0), limit=2, window_days=30) == [day(20), day(25)]


def test_two_inspections_of_one_day_are_two() -> None:
    assert crowded_days([day(3), day(3)], day(3), limit=2, window_days=1) == [day(3), day(3)]
    assert crowded_days([day(2), day(3)], day(3), limit=2, window_days=1) == []


def test_a_window_crowded_elsewhere_does_not_stand_in_the_way() -> None:
    days = [day(0), day(1), day(2)]
    assert crowded_days(days, day(40), limit=2, window_days=30) == []


@given(offsets, st.integers(0, 80), st.integers(1, 4), st.integers(1, 40))
def test_every_window_that_contains_the_day_is_looked_at(
    others: list[int], planned: int, limit: int, window: int
) -> None:
    days = [day(other) for other in others]
    fullest = max(
        sum(first <= other < first + window for other in others)
        for first in range(planned - window + 1, planned + 1)
    )
    crowded = crowded_days(days, day(planned), limit=limit, window_days=window)
    assert bool(crowded) == (fullest >= limit)
    assert len(crowded) in (0, fullest)
    assert crowded == sorted(crowded)


@given(offsets, st.integers(1, 4), st.integers(1, 40))
def test_what_was_let_in_one_by_one_is_never_over_the_limit(
    asked: list[int], limit: int, window: int
) -> None:
    days: list[date] = []
    for offset in asked:
        if not crowded_days(days, day(offset), limit=limit, window_days=window):
            days.append(day(offset))
    assert count_over(days, START, limit=limit, window_days=window) == 0


def test_those_over_the_limit_are_the_later_ones_of_the_period() -> None:
    days = [day(0), day(5), day(10), day(12), day(45)]
    assert count_over(days, START, limit=2, window_days=30) == 2
    assert count_over(days, day(11), limit=2, window_days=30) == 1
    assert count_over(days, day(13), limit=2, window_days=30) == 0
    assert count_over([day(0)] * 3, START, limit=2, window_days=30) == 1
    assert count_over([day(0), day(29), day(30)], START, limit=2, window_days=30) == 0


def test_an_inspection_is_cancelled_once() -> None:
    cancelled = next_state(InspectionState.PLANNED, InspectionAction.CANCEL)
    assert cancelled is InspectionState.CANCELLED
    with pytest.raises(IllegalMove):
        next_state(cancelled, InspectionAction.CANCEL)
