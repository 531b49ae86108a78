"""Who is told what, in which words, and the life of a message: rules without a database."""

import re
from dataclasses import replace
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
    may_hear,
    organisation_of,
    short_place,
    township_organisation,
)
from services.notify.queues.domain import problem_words
from services.notify.queues.domain.alert_words import SAMPLES
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
from services.notify.queues.domain.states import MOVES, Action, State, next_state
from services.notify.queues.domain.words import kind_name, payload_of
from shared.errors import IllegalMove
from shared.ids import new_id

VILLAGE = "511132201205"
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


LEAD = "HOUS@511132"
TOWNSHIP = "TOWN@511132201"
ACT = Priority.NORMAL
COPY = Priority.INFORMATION
PURPOSES = {
    "dispatched": Purpose.DISPATCH,
    "due_changed": Purpose.DUE_CHANGED,
    "reopened": Purpose.REOPENED,
    "source_added": Purpose.SOURCE_ADDED,
    "disputed": Purpose.DISPUTED,
    "dispute_rejected": Purpose.DISPUTE_REJECTED,
    "stalled": Purpose.STALLED,
    "no_policy_found": Purpose.NO_POLICY,
    "returned": Purpose.RETURNED,
    "false_rectification": Purpose.FALSE_RECTIFICATION,
}


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


@pytest.mark.parametrize(
    ("organisation", "style", "corruption"),
    [
        ("POV@511132", True, False),
        ("LG@511132", True, False),
        ("DISC@511132", True, True),
        ("HOUS@511132", False, False),
        ("GOV@511132", False, False),
        (TOWNSHIP, False, False),
    ],
)
def test_who_may_hear_of_style_and_corruption(
    organisation: str, style: bool, corruption: bool
) -> None:
    assert may_hear(organisation, "STYLE") is style
    assert may_hear(organisation, "CORRUPTION_NEPOTISM") is corruption
    assert may_hear(organisation, "HOUSING_UNSAFE") is True


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
        "days": 7,
        "proposed_dept": "WATER",
        "clause": "联系人19900000001",
        "need": "户主511132198001019015",
        "amount": "12000.00",
        "case_id": str(new_id()),
        "cause": "FALSE_RECTIFICATION",
        "proposal": "DISCIPLINE",
        "title": "通知",
        "text": "请联系19900000001",
        **SAMPLES.get(purpose, [{}])[0],
    }
    payload = payload_of(
        purpose, information=information, data=data, place="峨边彝族自治县宜坪乡桐花村村民委员会"
    )
    for text in (payload["title"], payload["text"]):
        assert re.search(r"[\u4e00-\u9fff]", text)
        assert "{" not in text
        assert not re.search(r"\d{15,18}|1[3-9]\d{9}", text)
    if purpose in problem_words.TEMPLATES:
        assert "桐花村“住房安全无保障”" in payload["text"]


@pytest.mark.parametrize(
    ("purpose", "data", "words"),
    [
        (
            Purpose.DISPUTED,
            {"proposed_dept": "WATER"},
            ["住建部门对", "建议由水利部门牵头", "请裁定"],
        ),
        (Purpose.DISPUTE_REJECTED, {}, ["异议未获采纳", "仍由你单位牵头", "2086-04-01"]),
        (Purpose.STALLED, {"days": 7}, ["已7天没有报告整改进展", "请推进整改"]),
        (Purpose.NO_POLICY, {"amount": "12000.00"}, ["没有对应的政策资金渠道", "需资金12000.00元"]),
        (Purpose.NO_POLICY, {"amount": None}, ["所需资金数额待核定", "请县级统筹安排资金"]),
        (Purpose.FALSE_RECTIFICATION, {}, ["认定为虚假整改", "不再计入已整改数"]),
        (Purpose.SUSPICION, {"confirm_by": "2086-03-05"}, ["于2086-03-05前核实", "确认或排除"]),
        (Purpose.VERIFICATION, {}, ["住建部门牵头的", "已上报整改完成，轮到你单位核查"]),
        (Purpose.REOPENED, {}, ["销号后重新列为未整改", "由你单位牵头重新整改"]),
        (Purpose.OVERDUE, {"level": 3}, ["请领导小组研究问责"]),
        (Purpose.OVERDUE, {"level": 3, "kind": "CORRUPTION_WASTE"}, ["请主要负责人督促限期整改"]),
    ],
)
def test_a_text_says_what_happened_and_what_to_do(
    purpose: Purpose, data: dict[str, Any], words: list[str]
) -> None:
    known = {
        "problem_id": "x",
        "problem_no": "511132-2086-000001",
        "kind": "HOUSING_UNSAFE",
        "tier": "GENERAL",
        "state": "RECTIFYING",
        "lead_dept": "HOUS",
        "due_on": "2086-04-01",
    }
    payload = payload_of(purpose, information=False, data=known | data, place="桐花村")
    assert [word for word in words if word not in payload["text"]] == []


@pytest.mark.parametrize(
    ("cause", "proposal", "words"),
    [
        ("FALSE_RECTIFICATION", "DISCIPLINE", "经核实为虚假整改，依规建议纪律处分"),
        (
            "RECURRENCE",
            "REMOVE_PRINCIPAL_PROPOSED",
            "整改销号后再次发生，依规建议免去主要负责人领导职务",
        ),
        ("NEW_CAUSE", "NEW_STEP", "NEW_CAUSE，依规建议NEW_STEP"),
    ],
)
def test_a_case_is_told_as_a_proposal(cause: str, proposal: str, words: str) -> None:
    data = {"case_id": "y", "cause": cause, "proposal": proposal, "kind": "HOUSING_UNSAFE"}
    payload = payload_of(Purpose.ACCOUNTABILITY, information=False, data=data, place="桐花村")
    assert payload["title"] == "问责建议：住房安全无保障"
    assert payload["text"].startswith(f"桐花村“住房安全无保障”问题{words}")
    assert payload["link"] == "/api/v1/accountability/y"


def test_only_a_dispatch_asks_for_a_plan() -> None:
    """B.6: a reopened problem is in work already and takes no new plan."""
    data = {
        "problem_id": "x",
        "problem_no": "1",
        "kind": "HOUSING_UNSAFE",
        "tier": "GENERAL",
        "state": "RECTIFYING",
        "lead_dept": "HOUS",
        "due_on": None,
    }
    asking = [
        purpose
        for purpose in PURPOSES.values()
        if "required_plan_fields" in payload_of(purpose, information=False, data=data, place="")
    ]
    assert asking == [Purpose.DISPATCH]


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
