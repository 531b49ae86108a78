"""The life of a message: every move there is, and no other."""

from itertools import product

import pytest

from services.notify.queues.domain.states import MOVES, Action, State, next_state
from shared.errors import IllegalMove


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
def test_every_pair_of_state_and_action_moves_or_is_refused(state: State, action: Action) -> None:
    if (state, action) in MOVES:
        assert next_state(state, action) is MOVES[state, action]
    else:
        with pytest.raises(IllegalMove) as refusal:
            next_state(state, action)
        assert refusal.value.members["state"] == state
