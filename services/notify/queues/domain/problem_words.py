"""What messages about problems and cases of accountability say, in Chinese."""

from collections.abc import Callable, Mapping
from typing import Any

from services.notify.mirror.domain import is_corruption
from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.templates import Template, Variable
from shared.labels import department_name
from shared.labels import kind_name as full_kind_name

Data = Mapping[str, Any]

_PROBLEM = "{copied}：{kind}（{problem_no}）"
_LINK = "/api/v1/problems/{problem_id}"
_CASE_LINK = "/api/v1/accountability/{case_id}"
_PLAN_REQUEST = "请制定整改方案，写明整改目标、责任人、整改措施、进度安排和完成时限。"


def _of_problem(title: str, text: str, copy: str = "") -> Template:
    return Template(title + _PROBLEM, text, copy, _LINK)


TEMPLATES: Mapping[Purpose, Template] = {
    Purpose.SUSPICION: _of_problem(
        "疑似问题核实",
        "发现疑似{subject}，请{lead}会同扶贫部门于{confirm_by}前核实，确认或排除并附佐证材料。",
    ),
    Purpose.DISPATCH: _of_problem(
        "整改任务",
        "{subject}由你单位牵头整改，{due}。{urge}" + _PLAN_REQUEST,
        "{subject}由{lead}牵头整改，{due}。请按职责配合。",
    ),
    Purpose.DUE_CHANGED: _of_problem("整改期限调整", "{subject}的整改期限已调整，{due}。"),
    Purpose.SOURCE_ADDED: _of_problem(
        "问题来源补充", "{subject}又有其他来源反映，并入原任务，{due}。"
    ),
    Purpose.DISPUTED: _of_problem(
        "牵头争议待裁定",
        "{lead}对牵头整改{subject}提出异议，建议由{proposed}牵头。"
        "请裁定；裁定期间整改时限照常计算，{due}。",
    ),
    Purpose.DISPUTE_REJECTED: _of_problem(
        "牵头争议裁定", "{subject}的牵头异议未获采纳，仍由你单位牵头整改，{due}。"
    ),
    Purpose.STALLED: _of_problem(
        "整改进展催报",
        "{lead}牵头的{subject}已{days}天没有报告整改进展，{due}。请推进整改并及时报告进展。",
    ),
    Purpose.NO_POLICY: _of_problem(
        "整改资金统筹",
        "{subject}没有对应的政策资金渠道，{need}。请县级统筹安排资金解决。",
    ),
    Purpose.VERIFICATION: _of_problem(
        "整改核查", "{lead}牵头的{subject}已上报整改完成，轮到你单位核查，{due}。"
    ),
    Purpose.RETURNED: _of_problem("退回整改", "{subject}经核查未整改到位，退回继续整改，{due}。"),
    Purpose.FALSE_RECTIFICATION: _of_problem(
        "虚假整改通报",
        "{lead}牵头的{subject}经核实与上报整改情况不符，认定为虚假整改，不再计入已整改数，{due}。",
    ),
    Purpose.REOPENED: _of_problem(
        "重新整改",
        "{subject}销号后重新列为未整改，由你单位牵头重新整改，{due}。{urge}",
        "{subject}销号后重新列为未整改，由{lead}牵头重新整改，{due}。请按职责配合。",
    ),
    Purpose.WITHDRAWAL: _of_problem(
        "任务撤回", "{subject}{handed_over}。", "{subject}{no_longer_yours}。"
    ),
    Purpose.CLOSED: _of_problem("问题销号", "{subject}已销号。"),
    Purpose.REMINDER: _of_problem("整改提醒", "{subject}{remaining}，{due}。"),
    Purpose.OVERDUE: _of_problem("逾期通报", "{lead}牵头的{subject}已逾期，{due}。{escalation}"),
    Purpose.SUBSCRIBED: Template("订阅信息：{kind}{number}", "{news}。", link="{matter_link}"),
    # J-10: a case is a proposal; what becomes of it is decided by people elsewhere.
    Purpose.ACCOUNTABILITY: Template(
        "问责建议：{kind}",
        "{subject}{cause}，依规建议{proposal}。请按干部管理权限研究处理。",
        link=_CASE_LINK,
    ),
}

_REVOKED = "已撤销，无需继续整改"
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


def kind_name(kind: str) -> str:
    """The name of a problem kind in a text: of corruption no more than that there is a lead."""
    return "腐败问题线索" if is_corruption(kind) else full_kind_name(kind)


def _subject(data: Data, place: str) -> str:
    return f"{place}“{kind_name(data['kind'])}”问题"


def _due(data: Data, _place: str) -> str:
    due_on = data["due_on"]
    return "纳入常态化管理，不设单一期限" if due_on is None else f"整改期限{due_on}"


def _remaining(data: Data, _place: str) -> str:
    days = data["days_left"]
    if days > 0:
        return f"距整改期限还有{days}天"
    return "今天到期" if days == 0 else "已过整改期限"


def _escalation(data: Data, _place: str) -> str:
    # The discipline commission alone hears of corruption, at every level (I-13).
    return _ESCALATIONS.get(1 if is_corruption(data["kind"]) else data["level"], "")


def _need(data: Data, _place: str) -> str:
    amount = data["amount"]
    return "所需资金数额待核定" if amount is None else f"需资金{amount}元"


def _lead(data: Data, _place: str = "") -> str:
    return department_name(data["lead_dept"])


def _news(data: Data, place: str) -> str:
    if "case_id" in data:
        return f"{_subject(data, place)}有新的问责建议"
    return f"{_lead(data)}牵头的{_subject(data, place)}有新情况，{_due(data, place)}"


def _unless_revoked(words: str) -> Callable[[Data, str], str]:
    def say(data: Data, _place: str) -> str:
        return _REVOKED if data["state"] == "WITHDRAWN" else words.format(lead=_lead(data))

    return say


def _named(field: str, names: Mapping[str, str]) -> Callable[[Data, str], str]:
    return lambda data, _place: names.get(data[field]) or str(data[field])


def _variable(meaning: str, say: Callable[[Data, str], str], *needs: str) -> Variable:
    return Variable(frozenset(needs), say, meaning)


VARIABLES: Mapping[str, Variable] = {
    "place": _variable("地点", lambda _data, place: place),
    "subject": _variable("地点和问题类型", _subject, "kind"),
    "kind": _variable("问题类型", lambda data, _: kind_name(data["kind"]), "kind"),
    "lead": _variable("牵头部门", _lead, "lead_dept"),
    "due": _variable("整改期限", _due, "due_on"),
    "urge": _variable(
        "即知即改类问题的催办语",
        lambda data, _: "即知即改，立行立改。" if data["tier"] == "IMMEDIATE" else "",
        "tier",
    ),
    "copied": _variable(
        "抄送件的标记",
        lambda data, _: "（抄送）" if data["information"] else "",
        "information",
    ),
    "remaining": _variable("距整改期限的天数", _remaining, "days_left"),
    "escalation": _variable("按逾期级别的要求", _escalation, "kind", "level"),
    "proposed": _variable(
        "建议的牵头部门", lambda data, _: department_name(data["proposed_dept"]), "proposed_dept"
    ),
    "need": _variable("所需资金", _need, "amount"),
    "handed_over": _variable(
        "牵头部门变更或任务撤销",
        _unless_revoked("改由{lead}牵头，你单位不再牵头"),
        *("state", "lead_dept"),
    ),
    "no_longer_yours": _variable(
        "不再参与或任务撤销",
        _unless_revoked("由{lead}牵头整改，你单位不再参与"),
        *("state", "lead_dept"),
    ),
    # A subscription is told of problems and of cases of accountability.
    "news": _variable("新情况", _news, "kind"),
    "number": _variable(
        "问题编号（问责案件没有）",
        lambda data, _: f"（{data['problem_no']}）" if "problem_no" in data else "",
    ),
    "matter_link": _variable(
        "详情地址",
        lambda data, _: (_CASE_LINK if "case_id" in data else _LINK).format_map(data),
    ),
    "cause": _variable("问责事由", _named("cause", _CAUSES), "cause"),
    "proposal": _variable("问责建议", _named("proposal", _PROPOSALS), "proposal"),
}
