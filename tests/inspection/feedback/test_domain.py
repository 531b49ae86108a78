"""The tree of a feedback: what closes an item, whom it counts, how it is numbered (I-05)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.feedback.domain import (
    Count,
    CountyRequired,
    Item,
    ItemState,
    NumberRepeated,
    PlannedAspect,
    PlannedItem,
    check_feedback,
    totals_of,
)
from shared.ids import new_id

FEEDBACK = new_id()
UNITS = st.lists(st.sampled_from(["HOUS", "EDU", "WATER"]), unique=True).map(tuple)
COUNTS = st.tuples(st.integers(0, 9), st.integers(0, 9)).map(lambda n: Count(max(n), min(n)))
ITEMS = st.lists(
    st.builds(
        Item,
        st.just(FEEDBACK),
        st.just(FEEDBACK),
        st.integers(1, 4),
        st.integers(1, 9),
        st.just("条目"),
        UNITS,
        UNITS,
        COUNTS,
        st.sampled_from(ItemState),
    )
)


@pytest.mark.parametrize(
    ("problems", "closed", "state"),
    [
        (0, 0, ItemState.OPEN),
        (1, 0, ItemState.OPEN),
        (3, 2, ItemState.OPEN),
        (1, 1, ItemState.CLOSED),
        (3, 3, ItemState.CLOSED),
    ],
)
def test_an_item_is_closed_when_it_has_problems_and_all_are(
    problems: int, closed: int, state: ItemState
) -> None:
    assert Count(problems, closed).state is state


@given(ITEMS)
def test_the_aspects_add_up_to_the_feedback(items: list[Item]) -> None:
    whole = totals_of(items)
    parts = [
        totals_of([item for item in items if item.aspect_no == no])
        for no in {item.aspect_no for item in items}
    ]
    assert whole.aspects == len(parts)
    for name in ("items", "claimed_items", "closed_items", "problems", "closed", "open"):
        assert getattr(whole, name) == sum(getattr(part, name) for part in parts)
    assert whole.problems == whole.closed + whole.open
    assert whole.claimed_units <= whole.units <= 3


@given(ITEMS.filter(bool))
def test_units_named_that_have_not_claimed_are_awaited(items: list[Item]) -> None:
    item = items[0]
    assert set(item.awaited) == set(item.units) - set(item.claimed_by)
    assert replace(item, claimed_by=item.units).awaited == ()


def aspect(no: int, *numbers: int) -> PlannedAspect:
    return PlannedAspect(no, "方面", tuple(PlannedItem(number, "条目", ()) for number in numbers))


def test_aspects_and_the_items_of_one_aspect_are_numbered_once_each() -> None:
    check_feedback("620523", [aspect(1, 1, 2), aspect(2, 1, 2)])
    with pytest.raises(NumberRepeated) as refused:
        check_feedback("620523", [aspect(1, 1, 2, 1), aspect(1, 3, 3)])
    places = [error.field for error in refused.value.errors]
    assert places == ["aspects.1.no", "aspects.0.items.2.no", "aspects.1.items.1.no"]


@pytest.mark.parametrize("region", ["62", "6205", "620523100", "620523100001"])
def test_feedback_is_broken_down_in_a_county(region: str) -> None:
    with pytest.raises(CountyRequired):
        check_feedback(region, [aspect(1, 1)])
