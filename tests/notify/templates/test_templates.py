"""What a template may hold, and how it is filled: rules without a database."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.templates import (
    Template,
    Values,
    Variable,
    check_template,
    fill,
)
from services.notify.queues.domain.words import TEMPLATES, payload_of
from services.notify.queues.wordings import (
    SOURCES,
    WORDINGS,
    Wording,
    check_wording,
    fields_of,
    sources_of,
    variables_of,
)
from shared.errors import Invalid
from shared.events.inspection import ProblemEvent

KNOWN = ("due", "lead", "subject")
DATA: Mapping[str, Any] = {
    "problem_id": "x",
    "problem_no": "511132-2086-000001",
    "kind": "HOUSING_UNSAFE",
    "tier": "GENERAL",
    "state": "RECTIFYING",
    "lead_dept": "HOUS",
    "due_on": "2086-04-01",
    "level": 1,
}


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("{due}。{deu}", "TEMPLATE_VARIABLE_UNKNOWN", 7),
        ("{{按期}}{unknown}", "TEMPLATE_VARIABLE_UNKNOWN", 7),
        ("整改{due", "TEMPLATE_MALFORMED", 3),
        ("整改}due", "TEMPLATE_MALFORMED", 3),
        ("整改{", "TEMPLATE_MALFORMED", 3),
        ("{}", "TEMPLATE_MALFORMED", 1),
        ("{0}", "TEMPLATE_MALFORMED", 1),
        ("{due.__class__}", "TEMPLATE_MALFORMED", 1),
        ("{due[0]}", "TEMPLATE_MALFORMED", 1),
        ("{due!r}", "TEMPLATE_MALFORMED", 1),
        ("请{due:>99}", "TEMPLATE_MALFORMED", 2),
        ("{due:{lead}}", "TEMPLATE_MALFORMED", 1),
        ("{ due }", "TEMPLATE_MALFORMED", 1),
        ("请联系19900000001", "PERSONAL_IDENTIFIER", None),
        ("户主511132198001019015", "PERSONAL_IDENTIFIER", None),
        ("{卡号6217000000000009015}", "PERSONAL_IDENTIFIER", None),
    ],
)
@pytest.mark.parametrize("field", ["title", "text", "copy"])
def test_a_template_that_cannot_be_filled_is_refused_with_its_place(
    field: str, text: str, code: str, place: int | None
) -> None:
    wording = {"title": "标题", "text": "正文", "copy": "", field: text}
    with pytest.raises(Invalid) as refusal:
        check_template(Template(**wording), KNOWN, "value.")
    (error,) = refusal.value.errors
    assert (error.field, error.code) == (f"value.{field}", code)
    if place is not None:
        assert f"第{place}个字符" in error.zh
        assert f"at character {place} " in error.en


def test_every_fault_of_a_template_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refusal:
        check_template(Template("{a}{b}", "{due}{c.d}", "19900000001"), KNOWN)
    found = [(error.field, error.code) for error in refusal.value.errors]
    assert found == [
        ("title", "TEMPLATE_VARIABLE_UNKNOWN"),
        ("title", "TEMPLATE_VARIABLE_UNKNOWN"),
        ("text", "TEMPLATE_MALFORMED"),
        ("copy", "PERSONAL_IDENTIFIER"),
    ]


def test_a_refusal_shows_a_name_only_if_it_may_be_one() -> None:
    with pytest.raises(Invalid) as refusal:
        check_template(Template("{deadline}", "{x1990000}"), KNOWN)
    named, hidden = refusal.value.errors
    assert "{deadline}" in named.zh
    assert "1990" not in hidden.zh + hidden.en


def test_doubled_braces_stand_for_braces() -> None:
    check_template(Template("{{due}}", "{{{due}}}"), KNOWN)
    values = Values({}, {"due": "4月1日"}, "")
    assert fill("{{due}}", values) == "{due}"
    assert fill("{{{due}}}", values) == "{4月1日}"


@given(st.text("{}a!:.[] 整", max_size=12))
def test_what_passes_the_check_can_be_filled(text: str) -> None:
    try:
        check_template(Template(text, "x"), ("a",))
    except Invalid:
        return
    filled = fill(text, Values({}, {"a": "值"}, ""))
    assert filled == text.replace("{a}", "值").replace("{{", "{").replace("}}", "}") or (
        "{{" in text or "}}" in text
    )


def test_what_the_data_do_not_hold_says_nothing() -> None:
    asked: list[str] = []

    def say(data: Mapping[str, Any], _place: str) -> str:
        asked.append("due")
        return str(data["due_on"])

    variables = {"due": Variable(frozenset({"due_on"}), say)}
    assert fill("期限{due}，{note}{none}", Values(variables, {"none": None}, "")) == "期限，"
    assert asked == []


@pytest.mark.parametrize("purpose", Purpose)
def test_the_wording_of_every_purpose_fits_the_events_that_lead_to_it(purpose: Purpose) -> None:
    known = [event.wire_type for event in sources_of(purpose)]
    for source in SOURCES[purpose]:
        assert any(wire_type.startswith(f"{source}.") for wire_type in known)
    check_wording(purpose, WORDINGS[purpose].default)


@pytest.mark.parametrize(
    ("purpose", "text", "known"),
    [
        (Purpose.STALLED, "{days}", True),
        (Purpose.DISPATCH, "{days}", False),
        (Purpose.REMINDER, "{remaining}", True),
        (Purpose.DUE_CHANGED, "{remaining}", False),
        (Purpose.OVERDUE, "{escalation}", True),
        (Purpose.DISPATCH, "{escalation}", False),
        (Purpose.VERIFICATION, "{next_org}", True),
        (Purpose.VERIFICATION, "{level}", False),  # a submission has none
        (Purpose.SUBSCRIBED, "{news}", True),
        (Purpose.SUBSCRIBED, "{lead}", False),  # a case has none
        (Purpose.ACCOUNTABILITY, "{proposal}", True),
        (Purpose.DISPATCH, "{proposal}", False),
        (Purpose.DISPATCH, "{object}", False),  # no plain value
        (Purpose.DISPATCH, "{co_depts}", False),
        (Purpose.DISPATCH, "{copied}", True),
        (Purpose.FUND_ALERT, "{headline}", True),
        (Purpose.FUND_ALERT, "{lead}", False),
        (Purpose.DIGEST, "{text}", True),
    ],
)
def test_a_variable_is_known_where_every_event_has_what_it_needs(
    purpose: Purpose, text: str, known: bool
) -> None:
    wording = Wording("标题", text)
    if known:
        check_wording(purpose, wording)
        return
    with pytest.raises(Invalid) as refusal:
        check_wording(purpose, wording)
    assert [error.code for error in refusal.value.errors] == ["TEMPLATE_VARIABLE_UNKNOWN"]


def test_whatever_event_shows_a_new_lead_can_be_told_as_a_dispatch() -> None:
    assert set(fields_of(Purpose.DISPATCH)) == set(ProblemEvent.model_fields)
    assert "previous_dept" not in variables_of(Purpose.DISPATCH)


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose in TEMPLATES])
def test_no_identifier_gets_into_a_text_whatever_the_template(purpose: Purpose) -> None:
    data = {**DATA, "clause": "联系人19900000001", "note": "账号6217000000000009015"}
    payload = payload_of(
        purpose,
        information=False,
        data=data,
        place="",
        template=Template("{clause}", "{note}，{clause}，身份证511132198001019015"),
    )
    assert payload["title"] == "联系人***"
    assert payload["text"] == "账号***，联系人***，身份证***"


@pytest.mark.parametrize(
    ("information", "state", "text"),
    [
        (False, "RECTIFYING", "桐花村“住房安全无保障”问题改由住建部门牵头，你单位不再牵头。"),
        (True, "RECTIFYING", "桐花村“住房安全无保障”问题由住建部门牵头整改，你单位不再参与。"),
        (False, "WITHDRAWN", "桐花村“住房安全无保障”问题已撤销，无需继续整改。"),
        (True, "WITHDRAWN", "桐花村“住房安全无保障”问题已撤销，无需继续整改。"),
    ],
)
def test_a_withdrawal_says_whether_another_leads_or_nobody(
    information: bool, state: str, text: str
) -> None:
    payload = payload_of(
        Purpose.WITHDRAWAL, information=information, data={**DATA, "state": state}, place="桐花村"
    )
    assert payload["text"] == text


@pytest.mark.parametrize(
    ("data", "title", "text", "link"),
    [
        (
            DATA,
            "订阅信息：住房安全无保障（511132-2086-000001）",
            "住建部门牵头的桐花村“住房安全无保障”问题有新情况，整改期限2086-04-01。",
            "/api/v1/problems/x",
        ),
        (
            {"case_id": "y", "kind": "HOUSING_UNSAFE"},
            "订阅信息：住房安全无保障",
            "桐花村“住房安全无保障”问题有新的问责建议。",
            "/api/v1/accountability/y",
        ),
    ],
)
def test_a_subscription_tells_of_problems_and_of_cases(
    data: dict[str, Any], title: str, text: str, link: str
) -> None:
    payload = payload_of(Purpose.SUBSCRIBED, information=True, data=data, place="桐花村")
    assert (payload["title"], payload["text"], payload["link"]) == (title, text, link)


@pytest.mark.parametrize(
    ("purpose", "template", "data", "title"),
    [
        # Stored by an earlier release, or past the check.
        (Purpose.CLOSED, Template("{", "{due", ""), {}, "问题销号："),
        (Purpose.REMINDER, Template("{remaining}", "x"), {"days_left": None}, "整改提醒"),
        # Data in which even the template of the code finds no sense.
        (Purpose.RANKING, None, {"alert": "ABOLISHED"}, "月排名"),
        (Purpose.DIGEST, Template("{open}", "x"), {"figures": {}, "title": "周调度"}, "周调度"),
    ],
)
def test_no_template_and_no_data_keep_a_message_from_being_handed_out(
    purpose: Purpose, template: Template | None, data: dict[str, Any], title: str
) -> None:
    payload = payload_of(
        purpose, information=False, data={**DATA, **data}, place="桐花村", template=template
    )
    assert payload["title"].startswith(title)
