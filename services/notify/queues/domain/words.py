"""What a message says, in Chinese."""

from collections.abc import Mapping
from typing import Any

from services.notify.mirror.domain import (
    is_corruption,
    short_place,
)
from services.notify.queues.domain.notices import Purpose
from shared.labels import department_name
from shared.labels import kind_name as full_kind_name

REQUIRED_PLAN_FIELDS = (  # I-30
    "target",
    "responsible_person",
    "measures",
    "progress_steps",
    "deadline",
)

_TITLES = {
    Purpose.SUSPICION: "疑似问题核实",
    Purpose.DISPATCH: "整改任务",
    Purpose.DUE_CHANGED: "整改期限调整",
    Purpose.SOURCE_ADDED: "问题来源补充",
    Purpose.DISPUTED: "牵头争议待裁定",
    Purpose.DISPUTE_REJECTED: "牵头争议裁定",
    Purpose.STALLED: "整改进展催报",
    Purpose.NO_POLICY: "整改资金统筹",
    Purpose.VERIFICATION: "整改核查",
    Purpose.RETURNED: "退回整改",
    Purpose.FALSE_RECTIFICATION: "虚假整改通报",
    Purpose.REOPENED: "重新整改",
    Purpose.WITHDRAWAL: "任务撤回",
    Purpose.CLOSED: "问题销号",
    Purpose.REMINDER: "整改提醒",
    Purpose.OVERDUE: "逾期通报",
    Purpose.ACCOUNTABILITY: "问责建议",
}
_PLAN_REQUEST = "请制定整改方案，写明整改目标、责任人、整改措施、进度安排和完成时限。"
_TEXTS = {
    Purpose.SUSPICION: (
        "发现疑似{subject}，请{lead}会同扶贫部门于{confirm_by}前核实，确认或排除并附佐证材料。"
    ),
    Purpose.DISPATCH: f"{{subject}}由你单位牵头整改，{{due}}。{{urge}}{_PLAN_REQUEST}",
    Purpose.DUE_CHANGED: "{subject}的整改期限已调整，{due}。",
    Purpose.SOURCE_ADDED: "{subject}又有其他来源反映，并入原任务，{due}。",
    Purpose.DISPUTED: (
        "{lead}对牵头整改{subject}提出异议，建议由{proposed}牵头。请裁定；裁定期间整改时限照常计算，{due}。"
    ),
    Purpose.DISPUTE_REJECTED: "{subject}的牵头异议未获采纳，仍由你单位牵头整改，{due}。",
    Purpose.STALLED: (
        "{lead}牵头的{subject}已{days}天没有报告整改进展，{due}。请推进整改并及时报告进展。"
    ),
    Purpose.NO_POLICY: "{subject}没有对应的政策资金渠道，{need}。请县级统筹安排资金解决。",
    Purpose.VERIFICATION: "{lead}牵头的{subject}已上报整改完成，轮到你单位核查，{due}。",
    Purpose.RETURNED: "{subject}经核查未整改到位，退回继续整改，{due}。",
    Purpose.FALSE_RECTIFICATION: (
        "{lead}牵头的{subject}经核实与上报整改情况不符，认定为虚假整改，不再计入已整改数，{due}。"
    ),
    Purpose.REOPENED: "{subject}销号后重新列为未整改，由你单位牵头重新整改，{due}。{urge}",
    Purpose.WITHDRAWAL: "{subject}改由{lead}牵头，你单位不再牵头。",
    Purpose.CLOSED: "{subject}已销号。",
    Purpose.REMINDER: "{subject}{remaining}，{due}。",
    Purpose.OVERDUE: "{lead}牵头的{subject}已逾期，{due}。{escalation}",
}
_COPIES = {
    Purpose.DISPATCH: "{subject}由{lead}牵头整改，{due}。请按职责配合。",
    Purpose.REOPENED: "{subject}销号后重新列为未整改，由{lead}牵头重新整改，{due}。请按职责配合。",
    Purpose.WITHDRAWAL: "{subject}由{lead}牵头整改，你单位不再参与。",
}
_REVOKED = "{subject}已撤销，无需继续整改。"
_HEAD_URGED = "请主要负责人督促限期整改。"
_ESCALATIONS = {1: _HEAD_URGED, 2: "请扶贫部门督办。", 3: "请领导小组研究问责。"}

_CAUSES = {
    "FALSE_RECTIFICATION": "经核实为虚假整改",
    "RECURRENCE": "整改销号后再次发生",
}
_PROPOSALS = {
    "TALK": "约谈提醒",
    "CRITICISE": "通报批评",
    "REASSIGN": "调整岗位",
    "DISCIPLINE": "纪律处分",
    "REMOVE_PRINCIPAL_PROPOSED": "免去主要负责人领导职务",
}


def payload_of(
    purpose: Purpose, *, information: bool, data: Mapping[str, Any], place: str
) -> dict[str, Any]:
    """What a message says: the event's data, a title and a text in Chinese, and for the lead
    department of a dispatched problem the fields its plan must have (N-01).

    `place` is the full name of the place concerned. Texts name no person (N-12).
    """
    place = short_place(place)
    if purpose is Purpose.ACCOUNTABILITY:
        subject, link = kind_name(data["kind"]), f"/api/v1/accountability/{data['case_id']}"
        text = _text_of_case(data, place)
    else:
        subject = f"{kind_name(data['kind'])}（{data['problem_no']}）"
        link = f"/api/v1/problems/{data['problem_id']}"
        text = _text_of_problem(purpose, information, data, place)
    copy = "（抄送）" if information else ""
    payload = {
        **data,
        "purpose": purpose,
        "information": information,
        "title": f"{_TITLES[purpose]}{copy}：{subject}",
        "text": text,
        "place": place,
        "link": link,
    }
    if purpose is Purpose.DISPATCH and not information:
        payload["required_plan_fields"] = list(REQUIRED_PLAN_FIELDS)
    if purpose is Purpose.OVERDUE and data["level"] == 1:
        payload["to_role"] = "dept_head"  # N-04
    return payload


def kind_name(kind: str) -> str:
    """The name of a problem kind in a text: of corruption no more than that there is a lead."""
    return "腐败问题线索" if is_corruption(kind) else full_kind_name(kind)


def _text_of_problem(
    purpose: Purpose, information: bool, data: Mapping[str, Any], place: str
) -> str:
    template = (_COPIES if information else {}).get(purpose, _TEXTS[purpose])
    if purpose is Purpose.WITHDRAWAL and data["state"] == "WITHDRAWN":
        template = _REVOKED
    # The discipline commission alone hears of corruption, at every level (I-13).
    level = 1 if is_corruption(data["kind"]) else data.get("level", 0)
    return template.format(
        subject=_subject(data, place),
        lead=department_name(data["lead_dept"]),
        proposed=department_name(data.get("proposed_dept", "")),
        due=_due(data["due_on"]),
        urge="即知即改，立行立改。" if data["tier"] == "IMMEDIATE" else "",
        remaining=_remaining(data.get("days_left", 0)),
        escalation=_ESCALATIONS.get(level, ""),
        days=data.get("days", 0),
        confirm_by=data.get("confirm_by"),
        need=_need(data.get("amount")),
    )


def _text_of_case(data: Mapping[str, Any], place: str) -> str:
    # J-10: a case is a proposal; what becomes of it is decided by people elsewhere.
    cause = _CAUSES.get(data["cause"], data["cause"])
    proposal = _PROPOSALS.get(data["proposal"], data["proposal"])
    return f"{_subject(data, place)}{cause}，依规建议{proposal}。请按干部管理权限研究处理。"


def _subject(data: Mapping[str, Any], place: str) -> str:
    return f"{place}“{kind_name(data['kind'])}”问题"


def _due(due_on: str | None) -> str:
    return "纳入常态化管理，不设单一期限" if due_on is None else f"整改期限{due_on}"


def _remaining(days: int) -> str:
    if days > 0:
        return f"距整改期限还有{days}天"
    return "今天到期" if days == 0 else "已过整改期限"


def _need(amount: str | None) -> str:
    return "所需资金数额待核定" if amount is None else f"需资金{amount}元"
