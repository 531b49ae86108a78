"""Periods, tables that add up, and the classes of ages and deadlines (I-55)."""

from bisect import bisect_right
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.analysis import domain
from services.inspection.analysis.domain import (
    AGE_CLASSES,
    AGE_CODES,
    DUE_CLASSES,
    DUE_CODES,
    Ageing,
    Period,
    Place,
    RangeEmpty,
    Span,
    TableTooLarge,
    TooManyPeriods,
    ageing_of,
    amounts,
    levels,
    spans_between,
    whole_ageing,
)

SINCE, UNTIL = date(2019, 9, 18), date(2019, 10, 3)


@pytest.mark.parametrize(
    ("period", "starts"),
    [
        (None, ["2019-09-18"]),
        (Period.MONTH, ["2019-09-18", "2019-10-01"]),
        (Period.TEN_DAY, ["2019-09-18", "2019-09-21", "2019-10-01"]),
        (Period.WEEK, ["2019-09-18", "2019-09-23", "2019-09-30"]),
        (
            Period.DAY,
            [f"2019-09-{day}" for day in range(18, 31)] + [f"2019-10-0{day}" for day in (1, 2, 3)],
        ),
    ],
)
def test_periods_begin_as_offices_count_them(period: Period | None, starts: list[str]) -> None:
    spans = spans_between(period, SINCE, UNTIL)
    assert [span.start.isoformat() for span in spans] == starts
    assert spans[-1].end == UNTIL


def test_the_last_ten_days_of_a_month_are_as_long_as_the_month() -> None:
    spans = spans_between(Period.TEN_DAY, date(2020, 2, 1), date(2020, 3, 1))
    assert [(span.start.day, span.end.day) for span in spans] == [
        (1, 10),
        (11, 20),
        (21, 29),
        (1, 1),
    ]


@given(
    st.sampled_from([None, *Period]),
    st.dates(date(2019, 1, 1), date(2026, 12, 31)),
    st.integers(0, 399),
)
def test_periods_cover_a_range_without_gap_or_overlap(
    period: Period | None, since: date, days: int
) -> None:
    until = since + timedelta(days=days)
    spans = spans_between(period, since, until)
    assert spans[0].start == since
    assert spans[-1].end == until
    assert all(span.start <= span.end for span in spans)
    assert all(later.start == earlier.end + timedelta(days=1) for earlier, later in pairwise(spans))


def test_an_empty_or_too_long_range_is_refused() -> None:
    with pytest.raises(RangeEmpty):
        spans_between(None, UNTIL, SINCE)
    with pytest.raises(TooManyPeriods):
        spans_between(Period.DAY, SINCE, SINCE + timedelta(days=400))
    assert len(spans_between(Period.DAY, SINCE, SINCE + timedelta(days=399))) == 400


SPANS = [Span(SINCE, SINCE), Span(UNTIL, UNTIL)]
PLACES = st.builds(Place, st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 1))
CELLS = st.dictionaries(PLACES, st.integers(-3, 9))


@given(CELLS)
def test_amounts_add_up_in_every_direction(cells: dict[Place, int]) -> None:
    table = amounts(SPANS, cells)
    total = sum(cells.values())
    assert table.total == total
    assert sum(table.of_rows().values()) == total
    assert sum(table.of_columns().values()) == total
    assert sum(table.of_periods()) == total


@given(
    st.dictionaries(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), st.integers(0, 9)),
    CELLS,
)
def test_levels_are_what_stood_and_what_has_happened_since(
    before: dict[tuple[str, str], int], cells: dict[Place, int]
) -> None:
    table = levels(SPANS, before, cells)
    total = sum(before.values()) + sum(cells.values())
    assert table.total == total
    assert sum(table.of_rows().values()) == total
    assert sum(table.of_columns().values()) == total
    assert table.of_periods()[-1] == total
    first = sum(number for place, number in cells.items() if place.period == 0)
    assert table.of_periods()[0] == sum(before.values()) + first


def test_a_table_of_levels_has_no_more_cells_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domain, "MAXIMUM_CELLS", 3)
    with pytest.raises(TableTooLarge):
        levels(SPANS, {("a", "x"): 1, ("b", "x"): 1}, {})


@pytest.mark.parametrize(
    ("days", "code"),
    [
        *((0, "0-7"), (7, "0-7"), (8, "8-15"), (15, "8-15"), (16, "16-30"), (30, "16-30")),
        *((31, "31-60"), (60, "31-60"), (61, "61-90"), (90, "61-90"), (91, ">90")),
    ],
)
def test_ages_fall_into_their_classes(days: int, code: str) -> None:
    assert AGE_CODES[bisect_right(AGE_CLASSES, days)] == code


@pytest.mark.parametrize(
    ("left", "code"),
    [
        *((-91, "over>90"), (-90, "over61-90"), (-60, "over31-60"), (-30, "over16-30")),
        *((-15, "over8-15"), (-8, "over8-15"), (-7, "over1-7"), (-1, "over1-7"), (0, "left0-7")),
        *((7, "left0-7"), (8, "left8-15"), (16, "left16-30"), (31, "left31-60")),
        *((61, "left61-90"), (90, "left61-90"), (91, "left>90")),
    ],
)
def test_days_left_fall_into_their_classes(left: int, code: str) -> None:
    assert DUE_CODES[bisect_right(DUE_CLASSES, left)] == code


def test_groups_of_ages_add_up_to_the_whole() -> None:
    groups = ageing_of([("b", 0, 12, 2), ("a", 5, 0, 1), ("b", 1, 6, 3)])
    assert [(group.key, group.open) for group in groups] == [("a", 1), ("b", 5)]
    whole = whole_ageing(groups)
    assert whole == Ageing("", (2, 3, 0, 0, 0, 1), (1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 2))
    assert whole.open == sum(whole.dues) == 6
