"""The states of an allocation (B.5) and when it may have been made public (F-22)."""

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.funds.allocations.domain import (
    Action,
    PublishedBeforeReceived,
    State,
    check_publication,
    next_state,
)
from shared.errors import IllegalMove

TABLE = {
    (State.RECEIVED, Action.PUBLISH): State.PUBLISHED,
    (State.PUBLISHED, Action.OPEN): State.OPEN,
    (State.OPEN, Action.EXHAUST): State.EXHAUSTED,
    (State.OPEN, Action.CLOSE): State.CLOSED,
}


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
def test_an_allocation_moves_as_its_table_says_and_in_no_other_way(
    state: State, action: Action
) -> None:
    if (state, action) in TABLE:
        assert next_state(state, action) is TABLE[state, action]
        return
    with pytest.raises(IllegalMove) as refused:
        next_state(state, action)
    assert refused.value.members == {
        "state": state,
        "allowed": sorted(move for start, move in TABLE if start is state),
    }


@given(st.lists(st.sampled_from(Action), max_size=12))
def test_no_order_of_actions_reaches_spending_without_publication(actions: list[Action]) -> None:
    state, published = State.RECEIVED, False
    for action in actions:
        try:
            state = next_state(state, action)
        except IllegalMove:
            continue
        published = published or action is Action.PUBLISH
        assert published


@given(st.dates(), st.integers(-400, 400))
def test_publication_is_on_the_day_of_receipt_or_later(received_on: date, days: int) -> None:
    try:
        published_on = received_on + timedelta(days=days)
    except OverflowError:
        return
    if days >= 0:
        check_publication(received_on, published_on)
    else:
        with pytest.raises(PublishedBeforeReceived):
            check_publication(received_on, published_on)
