"""The gate of a state machine that is one table."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from shared.errors import IllegalMove

StateT = TypeVar("StateT", bound=StrEnum)
ActionT = TypeVar("ActionT", bound=StrEnum)


def after(moves: Mapping[tuple[StateT, ActionT], StateT], state: StateT, action: ActionT) -> StateT:
    """The state to which `action` leads from `state`; raises `IllegalMove` with what is allowed."""
    try:
        return moves[state, action]
    except KeyError:
        allowed = [one for origin, one in moves if origin is state]
        raise IllegalMove(state=state, allowed=allowed) from None
