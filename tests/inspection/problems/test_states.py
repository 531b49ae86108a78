"""Every state with every action, against the table of B.6; the limits of an extension."""

from datetime import date
from itertools import permutations

import pytest

from services.inspection.problems.domain.levels import (
    DEFAULT_ORDER,
    Body,
    OrderInvalid,
    Path,
    check_order,
    path_of,
)
from services.inspection.problems.domain.states import (
    FINISHED,
    IN_WORK,
    MOVES,
    REPORTED,
    VERIFY,
    WHO,
    Action,
    DueNotLater,
    ExtensionForbidden,
    State,
    allowed_calls,
    decide_extension,
    next_body,
    next_state,
)
from shared.errors import IllegalMove
from shared.security import Role

# B.6, read off the catalogue: state, action, state after it.
WORK = ["LOGGED", "DISPATCHED", "ACCEPTED", "DISPUTED", "PLANNED", "RECTIFYING"]
CHECKS = ["SUBMITTED", "DEPT_VERIFIED", "TOWN_CHECKED", "OFFICE_CHECKED"]
TABLE: dict[tuple[str | None, str], str] = {
    (None, "LOG"): "LOGGED",
    (None, "SUSPECT"): "SUSPECTED",
    ("LOGGED", "IMPORT_CLOSED"): "CLOSED",
    ("SUSPECTED", "CONFIRM"): "LOGGED",
    ("SUSPECTED", "REFUTE"): "WITHDRAWN",
    ("LOGGED", "DISPATCH"): "DISPATCHED",
    ("DISPATCHED", "ACCEPT"): "ACCEPTED",
    ("DISPATCHED", "DISPUTE"): "DISPUTED",
    ("DISPUTED", "REROUTE"): "DISPATCHED",
    ("DISPUTED", "REJECT_DISPUTE"): "ACCEPTED",
    ("ACCEPTED", "PLAN"): "PLANNED",
    ("PLANNED", "PLAN"): "PLANNED",
    ("PLANNED", "START"): "RECTIFYING",
    ("RECTIFYING", "PROGRESS"): "RECTIFYING",
    ("RECTIFYING", "SUBMIT"): "SUBMITTED",
    ("SUBMITTED", "VERIFY_DEPARTMENT"): "DEPT_VERIFIED",
    ("DEPT_VERIFIED", "VERIFY_TOWNSHIP"): "TOWN_CHECKED",
    ("TOWN_CHECKED", "VERIFY_OFFICE"): "OFFICE_CHECKED",
    ("OFFICE_CHECKED", "VERIFY_GROUP"): "CLOSED",
    ("CLOSED", "REOPEN"): "RECTIFYING",
    **{(state, "RETURN"): "RECTIFYING" for state in CHECKS},
    **{(state, "WITHDRAW"): "WITHDRAWN" for state in WORK},
    **{(state, "EXTEND"): state for state in WORK},
    **{(state, "SET_PARTNERS"): state for state in WORK},
    **{(state, "FALL_OVERDUE"): state for state in WORK},
    **{(state, "ADD_SOURCE"): state for state in ["SUSPECTED", *WORK, *CHECKS]},
}


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("state", [None, *State])
def test_a_move_leads_where_the_table_says_or_is_refused(
    state: State | None, action: Action
) -> None:
    expected = TABLE.get((state, action))
    if expected is None:
        with pytest.raises(IllegalMove) as refused:
            next_state(state, action)
        assert refused.value.members["allowed"] == sorted(allowed_calls(state))
        assert not {"LOG", "DISPATCH", "FALL_OVERDUE"} & set(refused.value.members["allowed"])
    else:
        assert next_state(state, action) is State(expected)


def test_what_is_finished_reported_and_in_work_does_not_overlap_wrongly() -> None:
    assert {State.CLOSED, State.WITHDRAWN} == FINISHED
    assert {State(name) for name in [*CHECKS, "CLOSED"]} == REPORTED
    assert {State(name) for name in WORK} == IN_WORK
    assert not IN_WORK & REPORTED


def test_only_a_lead_accepts_only_the_leading_group_extends_and_closes() -> None:
    leads = {"dept_handler", "dept_head", "poverty_office", "discipline"}
    assert set(WHO[Action.ACCEPT]) == leads
    assert WHO[Action.EXTEND] == WHO[Action.VERIFY_GROUP] == ("leading_group",)
    assert WHO[Action.WITHDRAW] == ("poverty_office",)
    assert WHO[Action.FALL_OVERDUE] == WHO[Action.DISPATCH] == ()


def test_every_role_of_the_table_exists() -> None:
    assert {role for move in MOVES for role in move.who} <= set(Role)


def test_every_order_of_the_levels_closes_after_each_body_once() -> None:
    for order in permutations(DEFAULT_ORDER[:-1]):
        path = check_order((*order, Body.GROUP))
        state, passed = State.SUBMITTED, []
        while (body := next_body(state, path)) is not None:
            for other in set(Body) - {body}:
                with pytest.raises(IllegalMove):
                    next_state(state, VERIFY[other], path)
            state = next_state(state, VERIFY[body], path)
            passed.append(body)
        assert (state, tuple(passed)) == (State.CLOSED, path)


@pytest.mark.parametrize(
    "order",
    [
        DEFAULT_ORDER[:-1],
        (Body.GROUP, *DEFAULT_ORDER[:-1]),
        (*DEFAULT_ORDER[:2], Body.TOWNSHIP, Body.GROUP),
    ],
)
def test_an_order_names_each_body_once_and_the_leading_group_last(order: Path) -> None:
    with pytest.raises(OrderInvalid):
        check_order(order)


@pytest.mark.parametrize(
    ("kind", "place", "expected"),
    [
        ("HOUSING_UNSAFE", "511132201205", DEFAULT_ORDER),
        ("CLINIC_SUBSTANDARD", "511132201", DEFAULT_ORDER),
        ("FUND_SLOW", "511132", (Body.DEPARTMENT, Body.OFFICE, Body.GROUP)),
        ("STYLE", "511132201205", (Body.DEPARTMENT, Body.GROUP)),
        ("CORRUPTION_BRIBERY", "511132201205", (Body.DEPARTMENT,)),
    ],
)
def test_who_verifies_depends_on_place_and_kind(kind: str, place: str, expected: Path) -> None:
    assert path_of(DEFAULT_ORDER, kind=kind, place=place) == expected


def test_a_deadline_is_extended_once_and_never_for_immediate_or_undated_problems() -> None:
    due, today, later = date(2019, 9, 30), date(2019, 9, 16), date(2019, 10, 31)

    def extend(
        *,
        immediate: bool = False,
        extended: bool = False,
        due_on: date | None = due,
        new_due_on: date = later,
    ) -> None:
        decide_extension(
            immediate=immediate,
            extended=extended,
            due_on=due_on,
            new_due_on=new_due_on,
            today=today,
        )

    extend()
    for forbidden in ({"immediate": True}, {"extended": True}, {"due_on": None}):
        with pytest.raises(ExtensionForbidden):
            extend(**forbidden)
    with pytest.raises(DueNotLater):
        extend(new_due_on=due)
    with pytest.raises(DueNotLater):
        extend(due_on=date(2019, 8, 1), new_due_on=date(2019, 9, 15))
