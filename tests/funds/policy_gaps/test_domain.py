"""What becomes of a policy gap: the table, and every pair outside it."""

from itertools import product

import pytest

from services.funds.policy_gaps.domain import (
    MOVES,
    Action,
    State,
    action_after,
    is_confined,
    next_state,
)
from shared.errors import IllegalMove


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
def test_every_pair_of_state_and_action_moves_or_is_refused(state: State, action: Action) -> None:
    if (state, action) in MOVES:
        assert next_state(state, action) is MOVES[state, action]
    else:
        with pytest.raises(IllegalMove) as refusal:
            next_state(state, action)
        assert refusal.value.members["state"] == state


@pytest.mark.parametrize(
    ("state", "problem_state", "action"),
    [
        (State.OPEN, "RECTIFYING", None),
        (State.OPEN, "SUBMITTED", None),
        (State.OPEN, "CLOSED", Action.END),
        (State.OPEN, "WITHDRAWN", Action.END),
        (State.ENDED, "CLOSED", None),
        (State.ENDED, "RECTIFYING", Action.RESUME),
        (State.ARRANGED, "CLOSED", None),
        (State.ARRANGED, "RECTIFYING", None),
    ],
)
def test_a_gap_ends_and_resumes_with_its_problem(
    state: State, problem_state: str, action: Action | None
) -> None:
    assert action_after(state, problem_state) is action
    assert action is None or (state, action) in MOVES


@pytest.mark.parametrize(
    ("kind", "confined"),
    [("WATER_UNSAFE", False), ("STYLE", True), ("CORRUPTION_WASTE", True)],
)
def test_style_and_corruption_are_confined(kind: str, confined: bool) -> None:
    assert is_confined(kind) is confined
