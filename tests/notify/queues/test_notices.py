"""Who is told of a problem, and which messages are recalled: rules without a database."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.notify.mirror.domain import Before, Change, Problem
from services.notify.queues.domain.notices import (
    Notice,
    Priority,
    Purpose,
    Recall,
    message_id_of,
    notices_of,
    notices_of_case,
    recalls_of,
)
from shared.ids import new_id
from tests.notify.conftest import LEAD, TOWNSHIP, VILLAGE
from tests.notify.queues.purposes import PURPOSES

DUE = date(2086, 4, 1)
BEFORE = Before(
    lead="HOUS@511132",
    partners=("FIN@511132",),
    tier="GENERAL",
    state="DISPATCHED",
    due_on=DUE,
    dispatched=True,
)


def change(happened: str, before: Before | None = BEFORE, **facts: Any) -> Change:
    """An event of a dispatched problem."""
    problem = Problem(
        **{
            "problem_id": new_id(),
            "problem_no": "511132-2086-000001",
            "kind": "HOUSING_UNSAFE",
            "tier": "GENERAL",
            "severity": "GENERAL",
            "state": "DISPATCHED",
            "lead": "HOUS@511132",
            "partners": ("FIN@511132",),
            "village_code": VILLAGE,
            "due_on": DUE,
            "dispatched": True,
            **facts,
        }
    )
    return Change(
        happened=happened,
        event_id=new_id(),
        event_type=f"inspection.problem.{happened}.v1",
        at=datetime(2086, 3, 2, 2, tzinfo=UTC),
        data="{}",
        problem=problem,
        before=before,
        version=1,
    )


def told(notices: list[Notice]) -> dict[str, tuple[Purpose, Priority]]:
    """What each organisation is told."""
    assert len({notice.organisation for notice in notices}) == len(notices)
    return {notice.organisation: (notice.purpose, notice.priority) for notice in notices}


ACT = Priority.NORMAL
COPY = Priority.INFORMATION


def test_a_dispatch_goes_to_the_lead_and_copies_to_partners_and_township() -> None:
    assert told(notices_of(change("dispatched", None))) == {
        "HOUS@511132": (Purpose.DISPATCH, Priority.NORMAL),
        "FIN@511132": (Purpose.DISPATCH, COPY),
        "TOWN@511132201": (Purpose.DISPATCH, COPY),
    }


@pytest.mark.parametrize("kind", ["STYLE", "CORRUPTION_BRIBERY"])
def test_style_and_corruption_are_told_to_the_lead_alone(kind: str) -> None:
    notices = notices_of(change("dispatched", None, kind=kind, lead="DISC@511132"))
    assert list(told(notices)) == ["DISC@511132"]


@pytest.mark.parametrize(
    ("happened", "verifier"),
    [("submitted", LEAD), ("verified", TOWNSHIP), ("verified", "LG@511132")],
)
def test_whose_turn_it_is_to_verify_is_told(happened: str, verifier: str) -> None:
    one = replace(change(happened, state="SUBMITTED"), verifier=verifier)
    assert told(notices_of(one)) == {verifier: (Purpose.VERIFICATION, ACT)}
    hidden = replace(change(happened, kind="CORRUPTION_WASTE"), verifier="TOWN@511132201")
    assert notices_of(hidden) == []


def test_a_suspicion_is_told_to_who_may_confirm_it_and_to_nobody_else() -> None:
    suspected = change("logged", None, state="SUSPECTED", dispatched=False)
    assert told(notices_of(suspected)) == {
        LEAD: (Purpose.SUSPICION, ACT),
        "POV@511132": (Purpose.SUSPICION, ACT),
    }
    assert notices_of(change("logged", None, state="LOGGED", dispatched=False)) == []


@pytest.mark.parametrize(
    ("happened", "state"), [("confirmed", "LOGGED"), ("withdrawn", "WITHDRAWN")]
)
def test_a_suspicion_that_is_settled_is_recalled(happened: str, state: str) -> None:
    one = change(happened, state=state, dispatched=False)
    assert one.before is not None
    settled = replace(one, before=replace(one.before, state="SUSPECTED", dispatched=False))
    assert recalls_of(settled) == [Recall(settled, purposes=frozenset({Purpose.SUSPICION}))]
    again = replace(
        settled, happened="source_added", problem=replace(one.problem, state="SUSPECTED")
    )
    assert recalls_of(again) == []


def test_a_county_matter_has_no_township() -> None:
    notices = notices_of(change("dispatched", None, village_code="511132", partners=()))
    assert list(told(notices)) == ["HOUS@511132"]


def test_a_lead_that_is_also_a_partner_is_told_once_as_the_lead() -> None:
    notices = told(notices_of(change("dispatched", None, partners=("HOUS@511132",))))
    assert notices["HOUS@511132"] == (Purpose.DISPATCH, Priority.NORMAL)


@pytest.mark.parametrize(
    ("tier", "severity", "priority"),
    [
        ("GENERAL", "GENERAL", Priority.NORMAL),
        ("COMPLEX", "GENERAL", Priority.NORMAL),
        ("IMMEDIATE", "GENERAL", Priority.URGENT),
        ("GENERAL", "PROMINENT", Priority.URGENT),
    ],
)
def test_immediate_and_prominent_problems_are_urgent(
    tier: str, severity: str, priority: Priority
) -> None:
    notices = told(notices_of(change("dispatched", None, tier=tier, severity=severity)))
    assert notices["HOUS@511132"][1] is priority


@pytest.mark.parametrize(
    ("happened", "expected"),
    [
        ("logged", {}),
        ("accepted", {}),
        ("planned", {}),
        ("submitted", {}),
        ("verified", {}),
        ("overdue", {}),  # told by the reminders, once per level
        ("withdrawn", {}),  # told to those who had been handed something
        ("closed", {}),
        ("progressed", {}),
        ("due_changed", {LEAD: ACT, "FIN@511132": COPY, TOWNSHIP: COPY}),
        ("reopened", {LEAD: ACT, "FIN@511132": COPY, TOWNSHIP: COPY}),
        ("source_added", {LEAD: COPY}),
        ("disputed", {"POV@511132": ACT}),  # I-11
        ("dispute_rejected", {LEAD: ACT}),
        ("stalled", {LEAD: ACT, TOWNSHIP: ACT}),  # I-34
        ("no_policy_found", {"POV@511132": ACT, "FIN@511132": ACT}),  # I-36
        ("returned", {LEAD: ACT, TOWNSHIP: ACT}),
        ("false_rectification", {LEAD: ACT, "POV@511132": ACT, "LG@511132": ACT}),  # I-43
    ],
)
def test_each_event_is_told_to_those_it_concerns(
    happened: str, expected: dict[str, Priority]
) -> None:
    notices = notices_of(change(happened))
    assert {org: priority for org, (_, priority) in told(notices).items()} == expected
    assert {notice.purpose for notice in notices} <= {PURPOSES.get(happened)}


def test_departments_that_join_and_leave_are_told_for_information() -> None:
    one = change("partners_changed", partners=("WATER@511132",))
    assert told(notices_of(one)) == {
        "WATER@511132": (Purpose.DISPATCH, COPY),
        "FIN@511132": (Purpose.WITHDRAWAL, COPY),
    }
    copied = frozenset({Purpose.DISPATCH, Purpose.DUE_CHANGED, Purpose.REOPENED})
    assert recalls_of(one) == [Recall(one, "FIN@511132", copied)]


def test_a_co_department_that_becomes_the_lead_is_told_as_the_lead_alone() -> None:
    one = change("rerouted", lead="FIN@511132", partners=())
    assert told(notices_of(one))["FIN@511132"] == (Purpose.DISPATCH, ACT)
    assert recalls_of(one)[0] == Recall(one, "HOUS@511132")
    assert len(recalls_of(one)) == 2  # and the dispute


@pytest.mark.parametrize("happened", [*PURPOSES, "partners_changed"])
@pytest.mark.parametrize(
    ("kind", "lead", "hearing"),
    [
        ("STYLE", "POV@511132", {"POV@511132", "LG@511132", "DISC@511132"}),
        ("CORRUPTION_BRIBERY", "DISC@511132", {"DISC@511132"}),
    ],
)
def test_no_event_of_style_or_corruption_reaches_anybody_else(
    happened: str, kind: str, lead: str, hearing: set[str]
) -> None:
    partners = ("FIN@511132", "DISC@511132")
    before = replace(BEFORE, lead=lead)
    notices = notices_of(change(happened, before, kind=kind, lead=lead, partners=partners))
    assert set(told(notices)) <= hearing


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("HOUSING_UNSAFE", ["DISC@511132", "LG@511132"]),
        ("STYLE", ["DISC@511132", "LG@511132"]),
        ("CORRUPTION_WASTE", ["DISC@511132"]),
    ],
)
def test_a_case_is_told_to_discipline_and_where_it_may_hear_to_the_leading_group(
    kind: str, expected: list[str]
) -> None:
    notices = notices_of_case(new_id(), kind, VILLAGE)
    assert [notice.organisation for notice in notices] == expected
    # No order with the problem's own messages, and no recall when it is closed.
    assert {notice.problem_id for notice in notices} == {None}


def test_nothing_is_told_of_a_problem_that_was_never_dispatched() -> None:
    for happened in ("logged", "confirmed", "closed", "withdrawn", "due_changed", "source_added"):
        one = change(happened, None, dispatched=False, state="CLOSED")
        assert notices_of(one) == []
        assert recalls_of(one) == []


@pytest.mark.parametrize("happened", ["rerouted", "dispatched", "accepted"])
def test_a_rerouted_problem_is_withdrawn_from_the_old_and_dispatched_to_the_new_lead(
    happened: str,
) -> None:
    one = change(happened, lead="WATER@511132")
    notices = told(notices_of(one))
    assert notices["WATER@511132"] == (Purpose.DISPATCH, Priority.NORMAL)
    assert notices["HOUS@511132"] == (Purpose.WITHDRAWAL, Priority.NORMAL)
    assert recalls_of(one)[0] == Recall(one, "HOUS@511132")


def test_an_old_lead_that_becomes_a_partner_hears_of_the_withdrawal() -> None:
    one = change("rerouted", lead="WATER@511132", partners=("HOUS@511132",))
    assert told(notices_of(one))["HOUS@511132"][0] is Purpose.WITHDRAWAL


@pytest.mark.parametrize(
    ("happened", "state", "farewell"),
    [
        ("closed", "CLOSED", Purpose.CLOSED),
        ("withdrawn", "WITHDRAWN", Purpose.WITHDRAWAL),
    ],
)
def test_the_end_of_a_problem_recalls_everything_of_it(
    happened: str, state: str, farewell: Purpose
) -> None:
    one = change(happened, state=state)
    assert recalls_of(one) == [Recall(one, farewell=farewell)]


@pytest.mark.parametrize(
    ("happened", "facts", "pointless"),
    [
        ("submitted", {"state": "SUBMITTED"}, {Purpose.REMINDER, Purpose.STALLED}),
        ("due_changed", {"due_on": date(2086, 5, 1)}, {Purpose.REMINDER}),
        ("progressed", {"state": "RECTIFYING"}, {Purpose.STALLED}),
        ("verified", {"state": "DEPT_VERIFIED"}, {Purpose.VERIFICATION, Purpose.REMINDER}),
        ("returned", {"state": "RECTIFYING"}, {Purpose.VERIFICATION}),
        ("rerouted", {}, {Purpose.DISPUTED}),
        ("dispute_rejected", {"state": "ACCEPTED"}, {Purpose.DISPUTED}),
    ],
)
def test_what_was_asked_for_is_recalled_when_it_has_been_done(
    happened: str, facts: dict[str, Any], pointless: set[Purpose]
) -> None:
    one = change(happened, **facts)
    assert recalls_of(one) == [Recall(one, purposes=frozenset(pointless))]


@pytest.mark.parametrize("happened", ["accepted", "planned", "reopened", "overdue"])
def test_other_events_recall_nothing(happened: str) -> None:
    assert recalls_of(change(happened, state="RECTIFYING")) == []


def test_two_organisations_have_different_messages_of_one_event() -> None:
    event_id = new_id()
    assert message_id_of(event_id, "A@51") != message_id_of(event_id, "B@51")
