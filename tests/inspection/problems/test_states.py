"""Every state with every action, against the table of B.6; the limits of an extension."""

from datetime import date

import pytest

from services.inspection.problems.domain.states import (
    FINISHED,
    IN_WORK,
    MOVES,
    REPORTED,
    WHO,
    Action,
    DueNotLater,
    ExtensionForbidden,
    State,
    allowed_actions,
    decide_extension,
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
    ("SUBMITTED", "VERIFY_L1"): "DEPT_VERIFIED",
    ("DEPT_VERIFIED", "VERIFY_L2"): "TOWN_CHECKED",
    ("TOWN_CHECKED", "VERIFY_L3"): "OFFICE_CHECKED",
    ("OFFICE_CHECKED", "VERIFY_L4"): "CLOSED",
    ("CLOSED", "REOPEN"): "RECTIFYING",
    **{(state, "RETURN"): "RECTIFYING" for state in CHECKS},
    **{(state, "WITHDRAW"): "WITHDRAWN" for state in WORK},
    **{(state, "EXTEND"): state for state in WORK},
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
        assert refused.value.members["allowed"] == sorted(allowed_actions(state))
    else:
        assert next_state(state, action) is State(expected)


def test_what_is_finished_reported_and_in_work_does_not_overlap_wrongly() -> None:
    assert {State.CLOSED, State.WITHDRAWN} == FINISHED
    assert {State(name) for name in [*CHECKS, "CLOSED"]} == REPORTED
    assert {State(name) for name in WORK} == IN_WORK
    assert not IN_WORK & REPORTED


def test_only_a_department_accepts_only_the_leading_group_extends_and_closes() -> None:
    assert set(WHO[Action.ACCEPT]) == {"dept_handler", "dept_head"}
    assert WHO[Action.EXTEND] == WHO[Action.VERIFY_L4] == ("leading_group",)
    assert WHO[Action.WITHDRAW] == ("poverty_office",)
    assert WHO[Action.FALL_OVERDUE] == WHO[Action.DISPATCH] == ()


def test_every_role_of_the_table_exists() -> None:
    assert {role for move in MOVES for role in move.who} <= set(Role)


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
