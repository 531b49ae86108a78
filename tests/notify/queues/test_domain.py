"""Who is told what, in which words, and the life of a message: rules without a database."""

import re
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.mirror.domain import (
    Before,
    Change,
    Problem,
    derived_id,
    kind_name,
    organisation_of,
    short_place,
    township_organisation,
)
from services.notify.queues.domain import (
    MOVES,
    Action,
    Notice,
    Priority,
    Purpose,
    State,
    message_id_of,
    next_state,
    notices_of,
    payload_of,
    recall_of,
)
from shared.errors import IllegalMove
from shared.ids import new_id

VILLAGE = "511132201205"
DUE = date(2086, 4, 1)
BEFORE = Before(lead="HOUS@511132", tier="GENERAL", state="DISPATCHED", due_on=DUE, dispatched=True)


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
    )


def told(notices: list[Notice]) -> dict[str, tuple[Purpose, Priority]]:
    """What each organisation is told."""
    assert len({notice.organisation for notice in notices}) == len(notices)
    return {notice.organisation: (notice.purpose, notice.priority) for notice in notices}


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
        ("due_changed", {"HOUS@511132": Purpose.DUE_CHANGED, "FIN@511132": Purpose.DUE_CHANGED}),
        ("reopened", {"HOUS@511132": Purpose.REOPENED, "FIN@511132": Purpose.REOPENED}),
        ("returned", {"HOUS@511132": Purpose.RETURNED}),
        ("source_added", {"HOUS@511132": Purpose.SOURCE_ADDED}),
    ],
)
def test_each_event_is_told_to_those_it_concerns(
    happened: str, expected: dict[str, Purpose]
) -> None:
    notices = told(notices_of(change(happened)))
    notices.pop("TOWN@511132201", None)
    assert {org: purpose for org, (purpose, _) in notices.items()} == expected


def test_nothing_is_told_of_a_problem_that_was_never_dispatched() -> None:
    for happened in ("logged", "confirmed", "closed", "withdrawn", "due_changed", "source_added"):
        one = change(happened, None, dispatched=False, state="CLOSED")
        assert notices_of(one) == []
        assert recall_of(one) is None


@pytest.mark.parametrize("happened", ["rerouted", "dispatched", "accepted"])
def test_a_rerouted_problem_is_withdrawn_from_the_old_and_dispatched_to_the_new_lead(
    happened: str,
) -> None:
    one = change(happened, lead="WATER@511132")
    notices = told(notices_of(one))
    assert notices["WATER@511132"] == (Purpose.DISPATCH, Priority.NORMAL)
    assert notices["HOUS@511132"] == (Purpose.WITHDRAWAL, Priority.NORMAL)
    recall = recall_of(one)
    assert recall is not None
    assert (recall.organisation, recall.reminders) == ("HOUS@511132", False)


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
    recall = recall_of(change(happened, state=state))
    assert recall is not None
    assert (recall.organisation, recall.reminders, recall.farewell) == (None, False, farewell)


@pytest.mark.parametrize(
    ("happened", "facts"),
    [("submitted", {"state": "SUBMITTED"}), ("due_changed", {"due_on": date(2086, 5, 1)})],
)
def test_reminders_are_recalled_when_the_deadline_no_longer_presses(
    happened: str, facts: dict[str, Any]
) -> None:
    recall = recall_of(change(happened, **facts))
    assert recall is not None
    assert (recall.reminders, recall.farewell) == (True, None)


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
def test_every_pair_of_state_and_action_moves_or_is_refused(state: State, action: Action) -> None:
    if (state, action) in MOVES:
        assert next_state(state, action) is MOVES[state, action]
    else:
        with pytest.raises(IllegalMove) as refusal:
            next_state(state, action)
        assert refusal.value.members["state"] == state


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("information", [False, True])
def test_every_message_has_a_chinese_title_and_text_without_identifiers(
    purpose: Purpose, information: bool
) -> None:
    data = {
        "problem_id": str(new_id()),
        "problem_no": "511132-2086-000001",
        "kind": "HOUSING_UNSAFE",
        "tier": "IMMEDIATE",
        "state": "DISPATCHED",
        "lead_dept": "HOUS@511132",
        "due_on": "2086-04-01",
        "object": {"type": "PERSON", "ref": "511132198001019015"},
        "level": 1,
        "days_left": 3,
    }
    payload = payload_of(
        purpose, information=information, data=data, place="峨边彝族自治县宜坪乡桐花村村民委员会"
    )
    for text in (payload["title"], payload["text"]):
        assert re.search(r"[\u4e00-\u9fff]", text)
        assert "{" not in text
        assert not re.search(r"\d{15,18}|1[3-9]\d{9}", text)
    assert "桐花村“住房安全无保障”" in payload["text"]


def test_a_systemic_problem_without_a_deadline_says_so() -> None:
    data = {
        "problem_id": "x",
        "problem_no": "1",
        "kind": "STYLE",
        "tier": "GENERAL",
        "state": "DISPATCHED",
        "lead_dept": "POV@511132",
        "due_on": None,
    }
    payload = payload_of(Purpose.DISPATCH, information=False, data=data, place="")
    assert "不设单一期限" in payload["text"]


@pytest.mark.parametrize(
    ("department", "organisation"),
    [("HOUS", "HOUS@511132"), ("HOUS@511132", "HOUS@511132"), ("POV@5111", "POV@5111")],
)
def test_a_department_code_becomes_the_countys_organisation(
    department: str, organisation: str
) -> None:
    assert organisation_of(department, VILLAGE) == organisation


@pytest.mark.parametrize(
    ("code", "organisation"),
    [(VILLAGE, "TOWN@511132201"), ("511132201", "TOWN@511132201"), ("511132", None)],
)
def test_the_township_of_a_place(code: str, organisation: str | None) -> None:
    assert township_organisation(code) == organisation


@pytest.mark.parametrize(
    ("official", "short"),
    [
        ("桐花村村民委员会", "桐花村"),
        ("高桥村民委员会", "高桥村"),
        ("桂花村委会", "桂花村"),
        ("城南社区居民委员会", "城南社区"),
        ("龙门社区居委会", "龙门社区"),
        ("王家居民委员会", "王家居民委员会"),
        ("宜坪乡", "宜坪乡"),
    ],
)
def test_a_village_is_named_without_its_committee(official: str, short: str) -> None:
    assert short_place(official) == short


def test_a_kind_without_a_name_is_shown_by_its_code() -> None:
    assert kind_name("NEW_KIND") == "NEW_KIND"
    assert kind_name("CORRUPTION_WASTE") == "腐败问题线索"


@given(st.uuids(), st.text(), st.text())
def test_derived_ids_are_the_same_again_and_differ_by_name(
    origin: Any, one: str, other: str
) -> None:
    derived = derived_id(origin, one)
    assert derived == derived_id(origin, one)
    assert (derived == derived_id(origin, other)) == (one == other)
    assert (derived.version, derived.bytes[:6]) == (8, origin.bytes[:6])


def test_two_organisations_have_different_messages_of_one_event() -> None:
    event_id = new_id()
    assert message_id_of(event_id, "A@51") != message_id_of(event_id, "B@51")
