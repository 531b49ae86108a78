"""What becomes of a policy gap, and which problems make none (I-36)."""

from collections.abc import Mapping
from enum import StrEnum

from shared.moves import after


class State(StrEnum):
    """Where a policy gap stands."""

    OPEN = "OPEN"  # the county has to arrange money
    ARRANGED = "ARRANGED"
    ENDED = "ENDED"  # the problem was closed or withdrawn before that


class Action(StrEnum):
    """What can happen to a policy gap."""

    ARRANGE = "ARRANGE"
    END = "END"
    RESUME = "RESUME"  # the problem was reopened
    NEED_AGAIN = "NEED_AGAIN"


MOVES: Mapping[tuple[State, Action], State] = {
    (State.OPEN, Action.ARRANGE): State.ARRANGED,
    (State.OPEN, Action.END): State.ENDED,
    (State.ENDED, Action.RESUME): State.OPEN,
    # Another need of the same problem: what was arranged for the former one is in the audit rows.
    (State.OPEN, Action.NEED_AGAIN): State.OPEN,
    (State.ARRANGED, Action.NEED_AGAIN): State.OPEN,
    (State.ENDED, Action.NEED_AGAIN): State.OPEN,
}


def next_state(state: State, action: Action) -> State:
    """The state after `action`; raises `IllegalMove`."""
    return after(MOVES, state, action)


# States of a problem (B.6) in which nothing has to be paid any more.
_FINISHED = frozenset({"CLOSED", "WITHDRAWN"})


def action_after(state: State, problem_state: str) -> Action | None:
    """What a problem's state means for its gap: None where nothing changes. Money that has been
    arranged stays arranged."""
    if state is State.OPEN and problem_state in _FINISHED:
        return Action.END
    if state is State.ENDED and problem_state not in _FINISHED:
        return Action.RESUME
    return None


def is_confined(kind: str) -> bool:
    """Whether problems of a kind are kept from everybody but their department (I-13)."""
    return kind == "STYLE" or kind.startswith("CORRUPTION_")
