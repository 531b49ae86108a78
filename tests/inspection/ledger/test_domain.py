"""Changes of a problem's entry, and rates (I-54)."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.ledger.domain import (
    Delta,
    Dimensions,
    Entry,
    Figures,
    deltas_between,
    whole,
)

DAY = date(2019, 9, 1)
HERE = Dimensions(
    None, "511132201205", "HOUSING_UNSAFE", "HOUS", "EXITED", "PROMINENT", "AUDIT", "HOUSEHOLD"
)
THERE = HERE._replace(lead_dept="CIVIL")
OPEN = Entry(HERE, reported=False, closed=False)
REPORTED = Entry(HERE, reported=True, closed=False)
CLOSED = Entry(HERE, reported=True, closed=True)


@pytest.mark.parametrize(
    ("before", "after", "deltas"),
    [
        (None, None, []),
        (OPEN, OPEN, []),
        (None, OPEN, [Delta(DAY, HERE, 1, 0, 0)]),
        (None, CLOSED, [Delta(DAY, HERE, 1, 1, 1)]),
        (OPEN, None, [Delta(DAY, HERE, -1, 0, 0)]),
        (OPEN, REPORTED, [Delta(DAY, HERE, 0, 1, 0)]),
        (REPORTED, CLOSED, [Delta(DAY, HERE, 0, 0, 1)]),
        (CLOSED, OPEN, [Delta(DAY, HERE, 0, -1, -1)]),
        (
            OPEN,
            Entry(THERE, reported=False, closed=False),
            [Delta(DAY, HERE, -1, 0, 0), Delta(DAY, THERE, 1, 0, 0)],
        ),
    ],
)
def test_a_change_of_state_or_class_moves_the_sums_by_the_difference(
    before: Entry | None, after: Entry | None, deltas: list[Delta]
) -> None:
    assert deltas_between(before, after, DAY) == deltas


ENTRIES = st.none() | st.builds(Entry, st.sampled_from([HERE, THERE]), st.booleans(), st.booleans())


@given(st.lists(ENTRIES, max_size=20))
def test_however_a_problem_changes_the_sums_end_at_its_present_entry(
    history: list[Entry | None],
) -> None:
    totals: dict[Dimensions, tuple[int, int, int]] = {}
    present: Entry | None = None
    for entry in history:
        for delta in deltas_between(present, entry, DAY):
            found, reported, closed = totals.get(delta.dimensions, (0, 0, 0))
            totals[delta.dimensions] = (
                found + delta.found,
                reported + delta.reported,
                closed + delta.closed,
            )
        present = entry
    left = {place: sums for place, sums in totals.items() if sums != (0, 0, 0)}
    expected = (
        {}
        if present is None
        else {present.dimensions: (1, int(present.reported), int(present.closed))}
    )
    assert left == expected


@pytest.mark.parametrize(
    ("found", "done", "rate"),
    [
        (5873, 5536, "94.26"),
        (335, 115, "34.33"),
        (116, 51, "43.97"),
        (5422, 5370, "99.04"),
        (0, 0, "0.00"),
        (8, 1, "12.50"),
        (800, 1, "0.13"),  # 0.125 rounds half up
    ],
)
def test_the_rate_has_two_decimals_rounded_half_up(found: int, done: int, rate: str) -> None:
    figures = Figures("", found, done)
    assert figures.rate == Decimal(rate)
    assert str(figures.rate) == rate
    assert figures.open == found - done


def test_the_whole_is_the_sum_of_its_groups() -> None:
    assert whole([Figures("a", 3, 1), Figures("b", 4, 4)]) == Figures("", 7, 5)
    assert whole([]) == Figures("", 0, 0)
