"""In which words an organisation is told of a problem."""

import re
from typing import Any

import pytest

from services.notify.queues.domain import problem_words
from services.notify.queues.domain.alert_words import SAMPLES
from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.words import kind_name, payload_of
from shared.ids import new_id
from tests.notify.queues.purposes import PURPOSES


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


def test_a_kind_without_a_name_is_shown_by_its_code() -> None:
    assert kind_name("NEW_KIND") == "NEW_KIND"
    assert kind_name("CORRUPTION_WASTE") == "腐败问题线索"
