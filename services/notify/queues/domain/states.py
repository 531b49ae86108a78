"""The life of a message (B.9)."""

from collections.abc import Mapping
from enum import StrEnum

from shared.moves import after


class State(StrEnum):
    """The states of a message (B.9). A lease that has run out counts as QUEUED again."""

    QUEUED = "QUEUED"  # waits to be handed out
    LEASED = "LEASED"  # handed out, not acknowledged yet
    ACKED = "ACKED"  # taken over by the organisation
    DEAD = "DEAD"  # handed out too often without an acknowledgement (N-11)
    CANCELLED = "CANCELLED"  # overtaken by events before it was acknowledged


class Action(StrEnum):
    """What can be done to a message."""

    LEASE = "LEASE"
    ACK = "ACK"
    BURY = "BURY"
    REPLAY = "REPLAY"
    CANCEL = "CANCEL"


MOVES: Mapping[tuple[State, Action], State] = {
    (State.QUEUED, Action.LEASE): State.LEASED,
    (State.LEASED, Action.LEASE): State.LEASED,  # again, after the lease has run out
    (State.LEASED, Action.ACK): State.ACKED,
    (State.ACKED, Action.ACK): State.ACKED,  # idempotent
    (State.LEASED, Action.BURY): State.DEAD,
    (State.DEAD, Action.REPLAY): State.QUEUED,
    (State.QUEUED, Action.CANCEL): State.CANCELLED,
    (State.LEASED, Action.CANCEL): State.CANCELLED,
    (State.CANCELLED, Action.ACK): State.ACKED,  # it had been handed out, and was done with
}


def next_state(state: State, action: Action) -> State:
    """The state after `action`; raises `IllegalMove`."""
    return after(MOVES, state, action)
