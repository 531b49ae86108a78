"""The fields of events as who writes templates sees them: names and example values. Pure."""

from collections.abc import Mapping
from datetime import date
from types import NoneType
from typing import Any, get_args
from uuid import UUID

_ID = "0198c1f0-0000-7000-8000-000000000001"
_ON = "2086-04-01"

# What fields are called, and what may stand in them; places are those of the region asked for.
FIELDS: Mapping[str, tuple[str, Any]] = {
    "problem_no": ("问题编号", "511132-2086-000001"),
    "kind": ("问题类型代码", "HOUSING_UNSAFE"),
    "tier": ("整改类别代码", "IMMEDIATE"),
    "scope": ("问题范围代码", "INDIVIDUAL"),
    "severity": ("严重程度代码", "GENERAL"),
    "cohort": ("对象类别代码", "EXITED"),
    "state": ("状态代码", "DISPATCHED"),
    "lead_dept": ("牵头部门代码", "HOUS"),
    "due_on": ("期限", _ON),
    "confirm_by": ("核实期限", _ON),
    "previous_due_on": ("原期限", "2086-03-25"),
    "proposed_dept": ("建议的牵头部门代码", "WATER"),
    "clause": ("异议依据", "三定方案"),
    "days": ("天数", 7),
    "days_left": ("距期限天数", 3),
    "level": ("级别", 1),
    "amount": ("金额（元）", "12000.00"),
    "need": ("资金需求说明", "危房改造补助缺口"),
    "source": ("问题来源", "AUDIT"),
    "recurrence": ("复发次数", 1),
    "closed_on": ("销号日期", _ON),
    "found_on": ("发现日期", "2086-03-01"),
    "reminder": ("提醒类别代码", "PRE_DUE"),
    "cause": ("问责事由代码", "FALSE_RECTIFICATION"),
    "proposal": ("问责建议代码", "DISCIPLINE"),
    "village_code": ("村级区划代码", None),
    "region_code": ("区划代码", None),
    "alert": ("预警代码", None),
    "organisation": ("单位", "HOUS@511132"),
    "period": ("期次", "2086-W10"),
    "title": ("标题", "关于开展整改“回头看”的通知"),
    "text": ("正文", "请各单位对照清单逐项核查。"),
    "read_by": ("阅读期限", _ON),
    "issued_by": ("发出单位", "POV@511132"),
    "recipients": ("应读人数", 20),
    "unread": ("未读人数", 3),
    "petition_no": ("信访件编号", "XF-2086-0001"),
    "reason": ("原因代码", "NO_CONTACT"),
    "absence_no": ("累计不在岗次数", 2),
    "sending_org": ("派出单位", "AGRI@5111"),
    "sending_level": ("派出单位层级", "CITY"),
    "month": ("月份", "2086-03"),
    "problem_id": ("问题标识", None),
    "campaign_id": ("专项行动标识", None),
    "case_id": ("案件标识", None),
    "household_id": ("户标识", None),
    "person_id": ("人员标识", None),
    "bulletin_id": ("通报标识", None),
    "digest_id": ("周调度标识", None),
    "broadcast_id": ("通知标识", None),
    "feedback_id": ("答复标识", None),
    "subscription_id": ("订阅标识", None),
    "region_month": ("区划和月份", "511132/2086-03"),
    "next_org": ("下一核查单位", "TOWN@511132201"),
    "superior_org": ("派出单位上级", "AGRI@51"),
    "profile": ("惩戒规则代码", "JIANGXI"),
    "measure": ("处理措施代码", "CIRCULAR_CRITICISM"),
    "unit_action": ("对派出单位的要求代码", "EXPLAIN_TO_LG_OFFICE"),
    "person_action": ("对人员的处理代码", "REMOVE_FROM_POST"),
    "at": ("时间", "2086-03-02T10:00:00+08:00"),
    "passed_at": ("逾期时间", "2086-03-02T00:00:00+08:00"),
    "valid_from": ("生效时间", "2086-03-02T10:00:00+08:00"),
    "version": ("版本", 1),
    "priority": ("优先级", 5),
    "channel": ("渠道", "WEBHOOK"),
    "failure": ("未送达原因", None),
}


def meaning_of(field: str) -> str:
    """What a field is called, for who writes templates."""
    return FIELDS.get(field, (field, None))[0]


def example_of(field: str, annotation: Any, region: str) -> Any:
    """A value that may stand in a field of an event, as JSON."""
    if field in ("village_code", "region_code"):
        return region
    known = FIELDS.get(field, ("", None))[1]
    if known is not None:
        return known
    options = [one for one in get_args(annotation) if one is not NoneType]
    if options and isinstance(options[0], str):  # of a Literal
        return options[0]
    return _EXAMPLES.get(options[0] if options else annotation, "示例")


_EXAMPLES: Mapping[Any, Any] = {
    int: 1,
    float: 1.5,
    bool: False,
    date: _ON,
    UUID: _ID,
}
