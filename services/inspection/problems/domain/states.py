"""The life of a problem: its states and moves (B.6), and the limits of single moves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache

from services.inspection.problems.domain.levels import DEFAULT_ORDER, Body, Path
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
    DEPT_VERIFIED = "DEPT_VERIFIED"  # passed by the lead department
    TOWN_CHECKED = "TOWN_CHECKED"  # passed by the township
    OFFICE_CHECKED = "OFFICE_CHECKED"  # passed by the poverty office
    CLOSED = "CLOSED"  # approved by the leading group: 销号
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
    VERIFY_DEPARTMENT = "VERIFY_DEPARTMENT"
    VERIFY_TOWNSHIP = "VERIFY_TOWNSHIP"
    VERIFY_OFFICE = "VERIFY_OFFICE"
    VERIFY_GROUP = "VERIFY_GROUP"
    RETURN = "RETURN"
    REOPEN = "REOPEN"
    EXTEND = "EXTEND"
    SET_PARTNERS = "SET_PARTNERS"
    WITHDRAW = "WITHDRAW"
    FALL_OVERDUE = "FALL_OVERDUE"


# Actions that have one call in common; the others are called by their own name.
_CALLS: Mapping[Action, str] = {
    Action.REROUTE: "RULE",
    Action.REJECT_DISPUTE: "RULE",
    Action.VERIFY_DEPARTMENT: "VERIFY",
    Action.VERIFY_TOWNSHIP: "VERIFY",
    Action.VERIFY_OFFICE: "VERIFY",
    Action.VERIFY_GROUP: "VERIFY",
    Action.RETURN: "VERIFY",
}
# These happen with a finding or by themselves, not by a call on the problem.
_UNCALLED = frozenset(
    {
        Action.SUSPECT,
        Action.LOG,
        Action.IMPORT_CLOSED,
        Action.ADD_SOURCE,
        Action.DISPATCH,
        Action.FALL_OVERDUE,
    }
)


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
# The poverty office and the discipline commission lead problems too (C.4), and their own people
# work on them; whoever calls must be of the department that leads.
_LEAD = (*_DEPARTMENT, "poverty_office", "discipline")
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
_EXECUTORS = (*_LEAD, "township_reviewer", "village_cadre", "resident_team")


# Who verifies for each body (I-40), and the state its passing leads to; the last one closes.
VERIFIERS: Mapping[Body, tuple[str, ...]] = {
    Body.DEPARTMENT: ("dept_head", "discipline"),
    Body.TOWNSHIP: ("township_reviewer",),
    Body.OFFICE: ("poverty_office",),
    Body.GROUP: ("leading_group",),
}
VERIFY: Mapping[Body, Action] = {body: Action[f"VERIFY_{body}"] for body in Body}
_VERIFIED: Mapping[Body, State] = {
    Body.DEPARTMENT: State.DEPT_VERIFIED,
    Body.TOWNSHIP: State.TOWN_CHECKED,
    Body.OFFICE: State.OFFICE_CHECKED,
}


def _move(
    sources: Iterable[State | None],
    action: Action,
    who: tuple[str, ...],
    event: str | None,
    target: State | None,
) -> Move:
    return Move(frozenset(sources), action, who, event, target)


# B.6 without the passing of levels, which depends on their order. "who" holds role names; an empty
# one is the system itself.
MOVES: tuple[Move, ...] = (
    _move({None}, Action.LOG, _FINDERS, "logged", State.LOGGED),
    _move({None}, Action.SUSPECT, _FINDERS, "logged", State.SUSPECTED),
    _move({State.LOGGED}, Action.IMPORT_CLOSED, ("ops",), "closed", State.CLOSED),
    _move(_OPEN, Action.ADD_SOURCE, _FINDERS, "source_added", None),
    _move(
        {State.SUSPECTED},
        Action.CONFIRM,
        _LEAD,  # the poverty office also what others lead
        "confirmed",
        State.LOGGED,
    ),
    _move(
        {State.SUSPECTED},
        Action.REFUTE,
        _LEAD,
        "withdrawn",
        State.WITHDRAWN,
    ),
    _move({State.LOGGED}, Action.DISPATCH, (), "dispatched", State.DISPATCHED),
    _move({State.DISPATCHED}, Action.ACCEPT, _LEAD, "accepted", State.ACCEPTED),
    _move({State.DISPATCHED}, Action.DISPUTE, _LEAD, "disputed", State.DISPUTED),
    _move({State.DISPUTED}, Action.REROUTE, ("poverty_office",), "rerouted", State.DISPATCHED),
    _move(
        {State.DISPUTED},
        Action.REJECT_DISPUTE,
        ("poverty_office",),
        "dispute_rejected",
        State.ACCEPTED,
    ),
    _move({State.ACCEPTED, State.PLANNED}, Action.PLAN, _LEAD, "planned", State.PLANNED),
    _move({State.PLANNED}, Action.START, _EXECUTORS, None, State.RECTIFYING),
    _move({State.RECTIFYING}, Action.PROGRESS, _EXECUTORS, "progressed", None),
    _move({State.RECTIFYING}, Action.SUBMIT, _EXECUTORS, "submitted", State.SUBMITTED),
    _move(
        _IN_VERIFICATION,
        Action.RETURN,
        tuple(role for roles in VERIFIERS.values() for role in roles),
        "returned",
        State.RECTIFYING,
    ),
    _move(
        {State.CLOSED}, Action.REOPEN, ("inspector", "poverty_office"), "reopened", State.RECTIFYING
    ),
    _move(IN_WORK, Action.EXTEND, ("leading_group",), "due_changed", None),
    _move(
        IN_WORK,
        Action.SET_PARTNERS,
        ("dept_head", "discipline", "poverty_office", "leading_group"),
        "partners_changed",
        None,
    ),
    _move(IN_WORK, Action.WITHDRAW, ("poverty_office",), "withdrawn", State.WITHDRAWN),
    _move(IN_WORK, Action.FALL_OVERDUE, (), "overdue", None),
)

WHO: Mapping[Action, tuple[str, ...]] = {
    **{move.action: move.who for move in MOVES},
    **{VERIFY[body]: who for body, who in VERIFIERS.items()},
}


def _states_of(path: Path) -> tuple[State, ...]:
    """The states a problem passes on `path`, the first before any verification."""
    return (State.SUBMITTED, *(_VERIFIED[body] for body in path[:-1]), State.CLOSED)


@cache
def _table(path: Path) -> Mapping[tuple[State | None, Action], Move]:
    states = _states_of(path)
    passing = [
        _move(
            {before},
            VERIFY[body],
            VERIFIERS[body],
            "closed" if after is State.CLOSED else "verified",
            after,
        )
        for body, before, after in zip(path, states[:-1], states[1:], strict=True)
    ]
    return {(source, move.action): move for move in (*MOVES, *passing) for source in move.sources}


def next_body(state: State, path: Path) -> Body | None:
    """Who verifies a problem in `state` next; None for one that is not under verification."""
    states = _states_of(path)[:-1]
    return path[states.index(state)] if state in states else None


def next_state(state: State | None, action: Action, path: Path = DEFAULT_ORDER) -> State:
    """The state after `action` where `path` leads to closing; raises `IllegalMove` naming the
    calls that `state` allows."""
    move = _table(path).get((state, action))
    if move is None:
        raise IllegalMove(state=state or "", allowed=allowed_calls(state, path))
    if move.target is not None:
        return move.target
    assert state is not None
    return state


def allowed_calls(state: State | None, path: Path = DEFAULT_ORDER) -> frozenset[str]:
    """The calls possible on a problem in `state`."""
    return frozenset(
        _CALLS.get(action, action)
        for source, action in _table(path)
        if source is state and action not in _UNCALLED
    )


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


class PartnerLeads(Invalid):
    """The lead department is no partner of itself."""

    code = "PARTNER_LEADS"
    zh = "配合部门不能包含牵头部门。"
    en = "The lead department is not among the departments that help it."


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
