"""The life of a problem: its states and moves (B.6), and the limits of single moves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.errors import Conflict, FieldError, IllegalMove, Invalid


class State(StrEnum):
    """Where a problem stands."""

    SUSPECTED = "SUSPECTED"  # logged with a photo, to be confirmed or refuted (I-03)
    LOGGED = "LOGGED"  # passed through on the way to DISPATCHED
    DISPATCHED = "DISPATCHED"  # in the lead department's queue
    ACCEPTED = "ACCEPTED"
    DISPUTED = "DISPUTED"  # the department proposes another one; the clock runs on (I-11)
    PLANNED = "PLANNED"
    RECTIFYING = "RECTIFYING"
    SUBMITTED = "SUBMITTED"  # reported done; overdue notices stop
    DEPT_VERIFIED = "DEPT_VERIFIED"  # level 1
    TOWN_CHECKED = "TOWN_CHECKED"  # level 2
    OFFICE_CHECKED = "OFFICE_CHECKED"  # level 3
    CLOSED = "CLOSED"  # level 4: 销号
    WITHDRAWN = "WITHDRAWN"  # logged in error, or refuted


FINISHED = frozenset({State.CLOSED, State.WITHDRAWN})
REPORTED = frozenset(
    {
        State.SUBMITTED,
        State.DEPT_VERIFIED,
        State.TOWN_CHECKED,
        State.OFFICE_CHECKED,
        State.CLOSED,
    }
)
IN_WORK = frozenset(
    {
        State.LOGGED,
        State.DISPATCHED,
        State.ACCEPTED,
        State.DISPUTED,
        State.PLANNED,
        State.RECTIFYING,
    }
)
_IN_VERIFICATION = REPORTED - {State.CLOSED}
_OPEN = frozenset(State) - FINISHED


class Action(StrEnum):
    """What can be done to a problem."""

    SUSPECT = "SUSPECT"
    LOG = "LOG"
    IMPORT_CLOSED = "IMPORT_CLOSED"
    ADD_SOURCE = "ADD_SOURCE"
    CONFIRM = "CONFIRM"
    REFUTE = "REFUTE"
    DISPATCH = "DISPATCH"
    ACCEPT = "ACCEPT"
    DISPUTE = "DISPUTE"
    REROUTE = "REROUTE"
    REJECT_DISPUTE = "REJECT_DISPUTE"
    PLAN = "PLAN"
    START = "START"
    PROGRESS = "PROGRESS"
    SUBMIT = "SUBMIT"
    VERIFY_L1 = "VERIFY_L1"
    VERIFY_L2 = "VERIFY_L2"
    VERIFY_L3 = "VERIFY_L3"
    VERIFY_L4 = "VERIFY_L4"
    RETURN = "RETURN"
    REOPEN = "REOPEN"
    EXTEND = "EXTEND"
    WITHDRAW = "WITHDRAW"
    FALL_OVERDUE = "FALL_OVERDUE"


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table: who may take `action` in the states `sources` (None: before there is a
    problem), the event it makes, and the state it leads to (None: it stays)."""

    sources: frozenset[State | None]
    action: Action
    who: tuple[str, ...]
    event: str | None
    target: State | None


_DEPARTMENT = ("dept_handler", "dept_head")
_FINDERS = (
    "inspector",
    "helper",
    "resident_team",
    "village_cadre",
    "township_reviewer",
    *_DEPARTMENT,
    "poverty_office",
    "leading_group",
    "discipline",
    "ops",
)
_EXECUTORS = (*_DEPARTMENT, "township_reviewer", "village_cadre", "resident_team")


def _move(
    sources: Iterable[State | None],
    action: Action,
    who: tuple[str, ...],
    event: str | None,
    target: State | None,
) -> Move:
    return Move(frozenset(sources), action, who, event, target)


# B.6. "who" holds role names; an empty one is the system itself.
MOVES: tuple[Move, ...] = (
    _move({None}, Action.LOG, _FINDERS, "logged", State.LOGGED),
    _move({None}, Action.SUSPECT, _FINDERS, "logged", State.SUSPECTED),
    _move({State.LOGGED}, Action.IMPORT_CLOSED, ("ops",), "closed", State.CLOSED),
    _move(_OPEN, Action.ADD_SOURCE, _FINDERS, "source_added", None),
    _move(
        {State.SUSPECTED},
        Action.CONFIRM,
        (*_DEPARTMENT, "poverty_office"),
        "confirmed",
        State.LOGGED,
    ),
    _move(
        {State.SUSPECTED},
        Action.REFUTE,
        (*_DEPARTMENT, "poverty_office"),
        "withdrawn",
        State.WITHDRAWN,
    ),
    _move({State.LOGGED}, Action.DISPATCH, (), "dispatched", State.DISPATCHED),
    _move({State.DISPATCHED}, Action.ACCEPT, _DEPARTMENT, "accepted", State.ACCEPTED),
    _move({State.DISPATCHED}, Action.DISPUTE, _DEPARTMENT, "disputed", State.DISPUTED),
    _move({State.DISPUTED}, Action.REROUTE, ("poverty_office",), "rerouted", State.DISPATCHED),
    _move(
        {State.DISPUTED},
        Action.REJECT_DISPUTE,
        ("poverty_office",),
        "dispute_rejected",
        State.ACCEPTED,
    ),
    _move({State.ACCEPTED, State.PLANNED}, Action.PLAN, _DEPARTMENT, "planned", State.PLANNED),
    _move({State.PLANNED}, Action.START, _EXECUTORS, None, State.RECTIFYING),
    _move({State.RECTIFYING}, Action.PROGRESS, _EXECUTORS, "progressed", None),
    _move({State.RECTIFYING}, Action.SUBMIT, _EXECUTORS, "submitted", State.SUBMITTED),
    _move({State.SUBMITTED}, Action.VERIFY_L1, ("dept_head",), "verified", State.DEPT_VERIFIED),
    _move(
        {State.DEPT_VERIFIED},
        Action.VERIFY_L2,
        ("township_reviewer",),
        "verified",
        State.TOWN_CHECKED,
    ),
    _move(
        {State.TOWN_CHECKED},
        Action.VERIFY_L3,
        ("poverty_office",),
        "verified",
        State.OFFICE_CHECKED,
    ),
    _move({State.OFFICE_CHECKED}, Action.VERIFY_L4, ("leading_group",), "closed", State.CLOSED),
    _move(
        _IN_VERIFICATION,
        Action.RETURN,
        ("dept_head", "township_reviewer", "poverty_office", "leading_group"),
        "returned",
        State.RECTIFYING,
    ),
    _move(
        {State.CLOSED}, Action.REOPEN, ("inspector", "poverty_office"), "reopened", State.RECTIFYING
    ),
    _move(IN_WORK, Action.EXTEND, ("leading_group",), "due_changed", None),
    _move(IN_WORK, Action.WITHDRAW, ("poverty_office",), "withdrawn", State.WITHDRAWN),
    _move(IN_WORK, Action.FALL_OVERDUE, (), "overdue", None),
)

_TABLE: Mapping[tuple[State | None, Action], Move] = {
    (source, move.action): move for move in MOVES for source in move.sources
}
WHO: Mapping[Action, tuple[str, ...]] = {move.action: move.who for move in MOVES}


def next_state(state: State | None, action: Action) -> State:
    """The state after `action`; raises `IllegalMove` naming the actions that `state` allows."""
    move = _TABLE.get((state, action))
    if move is None:
        raise IllegalMove(state=state or "", allowed=allowed_actions(state))
    if move.target is not None:
        return move.target
    assert state is not None
    return state


def allowed_actions(state: State | None) -> frozenset[Action]:
    """The actions possible in `state`."""
    return frozenset(action for source, action in _TABLE if source is state)


class CannotDecline(Conflict):
    """A department cannot decline a problem."""

    code = "CANNOT_DECLINE"
    zh = "牵头部门不得拒收；如有异议，请在规定期限内提出争议并说明依据，整改时限照常计算。"
    en = "A lead department cannot decline; it may raise a dispute while the clock runs on."


class ExtensionForbidden(Conflict):
    """This deadline may not be extended."""

    code = "EXTENSION_FORBIDDEN"
    zh = "不得延期：即知即改的问题、不设时限的问题以及已延期一次的问题均不予延期。"
    en = "Immediate problems, problems without a deadline and those extended once are not extended."


class DueNotLater(Invalid):
    """An extension must be later than the present deadline."""

    code = "DUE_NOT_LATER"
    zh = "延期后的时限须晚于现行时限，且不得早于今天。"
    en = "The new deadline must be later than the present one and not lie in the past."


def decide_extension(
    *, immediate: bool, extended: bool, due_on: date | None, new_due_on: date, today: date
) -> None:
    """Raise unless a deadline may be moved to `new_due_on` (I-25): once, never for IMMEDIATE, to a
    later day that has not passed yet."""
    if immediate or extended or due_on is None:
        raise ExtensionForbidden
    if new_due_on <= due_on or new_due_on < today:
        raise DueNotLater(
            errors=[FieldError("due_on", DueNotLater.code, DueNotLater.zh, DueNotLater.en)]
        )
