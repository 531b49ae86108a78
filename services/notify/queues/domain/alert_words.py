"""What messages about alerts, letters, bulletins and rankings say, in Chinese.

The event's data of an alert hold its code in `alert`: a purpose that covers several alerts says by
it what is the matter. Texts name no person (N-12): who it is stands behind the link.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.templates import Template, Values, Variable, fill
from shared.labels import department_name

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Words:
    headline: str
    detail: str
    link: str


_PROGRESS = (
    "{place}{year}年度资金支出进度{progress_pct}%，低于计划进度{target_pct}%，"
    "相差{gap}个百分点（截至{as_of}）。"
)
_PROGRESS_LINK = "/api/v1/stats/progress?region_code={region_code}&year={year}"
_PAYMENT_LINK = "/api/v1/payments/{payment_id}"
_PROJECT_LINK = "/api/v1/projects/{project_id}"
_CASE_LINK = "/api/v1/monitoring/cases/{case_id}"
_RANKING_LINK = "/api/v1/rankings/{month}?region_code={county}"

_OF_FUNDS: Mapping[str, _Words] = {
    "PROGRESS_BEHIND": _Words("资金支出进度滞后", _PROGRESS + "请加快资金拨付。", _PROGRESS_LINK),
    "PROGRESS_FAR_BEHIND": _Words(
        "资金支出进度严重滞后", _PROGRESS + "请领导小组研究督办。", _PROGRESS_LINK
    ),
    "VOUCHER_DUE": _Words(
        "报账凭证即将到期",
        "{place}一笔{amount}元的付款须于{due_on}前提交报账凭证。请按时报账。",
        _PAYMENT_LINK,
    ),
    "VOUCHER_OVERDUE": _Words(
        "报账凭证逾期",
        "{place}一笔{amount}元的付款应于{due_on}前提交报账凭证，已逾期{days}天。"
        "报账前同一项目暂停付款，请尽快报账。",
        _PAYMENT_LINK,
    ),
    "ALLOCATION_IDLE": _Words(
        "资金闲置",
        "{place}{year}年度一笔{amount}元的资金已{days}天没有支出。请尽快安排使用。",
        "/api/v1/allocations/{allocation_id}",
    ),
    "PROJECT_UNPAID": _Words(
        "完工项目未及时付款",
        "{place}一个已完工且资料完善的项目已{days}个工作日未付款，待付{amount}元。请及时拨付。",
        _PROJECT_LINK,
    ),
    "PROJECT_LATE": _Words(
        "项目逾期未完工",
        "{place}一个{amount}元的项目{agreed}未完工，已进入逾期第{months}个月。"
        "请督促施工单位限期完工，并按合同约定逐月扣除工程款。",
        _PROJECT_LINK,
    ),
}
_OF_MONITORING: Mapping[str, _Words] = {
    "INCOME_DROP": _Words(
        "收入骤减预警",
        "{place}一户家庭{year}年人均收入比上年下降{drop_pct}%。请入户核实，符合条件的及时纳入监测。",
        "/api/v1/households/{household_id}",
    ),
    "CLUE_RAISED": _Words(
        "返贫致贫风险线索",
        "{place}收到一条返贫致贫风险线索（{clue_on}）。请入户核实，并于{due_on}前完成认定。",
        _CASE_LINK,
    ),
    "IDENTIFIED": _Words(
        "纳入监测对象",
        "{place}一户家庭已于{decided_on}认定为{watched}。请针对风险落实帮扶措施。",
        _CASE_LINK,
    ),
    "RISK_CLEARED": _Words(
        "监测对象风险消除",
        "{place}一户{watched}已于{decided_on}认定风险消除。请继续跟踪。",
        _CASE_LINK,
    ),
    "CASE_DUE_SOON": _Words(
        "监测认定即将到期",
        "{place}一条监测线索须于{due_on}前完成认定，{remaining}。请抓紧办理。",
        _CASE_LINK,
    ),
    "CASE_OVERDUE": _Words(
        "监测认定逾期",
        "{place}一条监测线索应于{due_on}前完成认定，已逾期{days}天。请尽快办结。",
        _CASE_LINK,
    ),
    "REVIEW_DUE": _Words(
        "风险消除评估到期",
        "{place}一户{watched}应于{due_on}开展风险消除评估。符合条件的按程序消除风险，不符合的继续监测。",
        _CASE_LINK,
    ),
}
_OF_RANKING: Mapping[str, _Words] = {
    "RANKING": _Words(
        "月排名",
        "{place}{in_month}乡镇整改工作排名已公布：{ranked}个乡镇参加排名，{last}个乡镇列后三位。",
        _RANKING_LINK,
    ),
    "RANKING_OF_TOWNSHIP": _Words(
        "月排名", "{place}{in_month}整改工作{standing}。{warning}", _RANKING_LINK
    ),
}
_WORDS = {**_OF_FUNDS, **_OF_MONITORING, **_OF_RANKING}

_CLASSES = {
    "UNSTABLE": "脱贫不稳定户",
    "MARGINAL": "边缘易致贫户",
    "SUDDEN": "突发严重困难户",
}
_MEASURES = {
    "ADMONITION_TALK": "诫勉谈话",
    "CIRCULAR_CRITICISM": "通报批评",
    "REPLACE": "撤换",
    "ACCOUNTABILITY": "问责",
}
_REQUESTS = {
    "EXPLAIN_TO_LG_OFFICE": "请派出单位主要负责同志向县扶贫领导小组办公室说明情况。",
    "WRITTEN_SELF_CRITICISM": "请派出单位作出书面检查，并另行选派人员。",
    "JOINT_LIABILITY": "派出单位主要负责人负连带责任，请严肃处理并及时整改。",
    "LETTER_TO_ORIGIN": "特此函告原单位和上级部门，建议处理调剂。",
}
_REQUEST = "请派出单位主要负责同志督促整改。"


def _by_alert(part: str, meaning: str) -> Variable:
    """What the alert of the code in the data says: its `headline`, `detail` or `link`."""

    def say(data: Data, place: str) -> str:
        words: str = getattr(_WORDS[data["alert"]], part)
        return fill(words, Values(VARIABLES, data, place))

    return Variable(frozenset({"alert"}), say, meaning)


def _gap(data: Data, _place: str) -> str:
    try:
        return str(Decimal(data["target_pct"]) - Decimal(data["progress_pct"]))
    except (InvalidOperation, TypeError):  # a preview may hold anything
        return ""


def _agreed(data: Data, _place: str) -> str:
    return f"到约定期限{data['due_on']}" if data["due_on"] else "逾期"


def _remaining(data: Data, _place: str) -> str:
    return f"还剩{data['days_left']}天" if data["days_left"] > 0 else "今天到期"


def _watched(data: Data, _place: str) -> str:
    return _CLASSES.get(data["monitoring_class"] or "", "监测对象")


def _measure(data: Data, _place: str) -> str:
    # J-10: what becomes of a person is decided by people; a removal is proposed only.
    removal = "，并建议就地免职" if data["person_action"] == "REMOVE_FROM_POST" else ""
    measure: str = data["measure"]
    return _MEASURES.get(measure, measure) + removal


def _month(data: Data, _place: str) -> str:
    year, _, month = data["month"].partition("-")
    return f"{year}年{month.lstrip('0')}月"


def _standing(data: Data, _place: str) -> str:
    if data["rank"] is None:
        return "没有待整改问题，不参加排名"
    return (
        f"列{data['ranked']}个乡镇第{data['rank']}位，发现{data['found']}个问题，"
        f"已整改{data['done']}个"
    )


def _warning(data: Data, _place: str) -> str:
    return "列后三位，请主要负责人研究整改；连续列后三位的，将依规问责。" if data["flagged"] else ""


VARIABLES: Mapping[str, Variable] = {
    "headline": _by_alert("headline", "预警名称"),
    "detail": _by_alert("detail", "预警内容和要求"),
    "alert_link": _by_alert("link", "详情地址"),
    "place": Variable(frozenset(), lambda _data, place: place, "地点"),
    "county": Variable(
        frozenset({"region_code"}), lambda data, _: data["region_code"][:6], "县级区划代码"
    ),
    "gap": Variable(frozenset({"target_pct", "progress_pct"}), _gap, "与计划进度相差的百分点"),
    "agreed": Variable(frozenset({"due_on"}), _agreed, "约定期限"),
    "remaining": Variable(frozenset({"days_left"}), _remaining, "剩余天数"),
    "watched": Variable(frozenset({"monitoring_class"}), _watched, "监测对象类别"),
    "sender": Variable(
        frozenset({"sending_org"}),
        lambda data, _: department_name(data["sending_org"]),
        "派出单位",
    ),
    "measure_taken": Variable(frozenset({"measure", "person_action"}), _measure, "处理措施"),
    "request": Variable(
        frozenset({"unit_action"}),
        lambda data, _: _REQUESTS.get(data["unit_action"] or "", _REQUEST),
        "对派出单位的要求",
    ),
    "found_in": Variable(frozenset({"found_on"}), lambda data, _: data["found_on"][:7], "检查月份"),
    "in_month": Variable(frozenset({"month"}), _month, "排名月份"),
    "standing": Variable(
        frozenset({"rank", "ranked", "found", "done"}), _standing, "名次和整改情况"
    ),
    "warning": Variable(frozenset({"flagged"}), _warning, "对后三位的要求"),
    "matters": Variable(
        frozenset({"items"}), lambda data, _: str(len(data["items"])), "点名问题数"
    ),
    "named_units": Variable(
        frozenset({"items"}),
        lambda data, _: str(len({item["unit"] for item in data["items"]})),
        "点名单位数",
    ),
}

_ALERT = Template("{headline}：{place}", "{detail}", link="{alert_link}")
_ABSENCE = (
    "{sender}派驻{place}的一名驻村人员于{found_on}经检查不在岗，累计第{absence_no}次，"
    "按规定予以{measure_taken}。"
)
_BULLETIN = "{place}印发《{title}》（{period}），点名{named_units}个单位、{matters}项问题。"
TEMPLATES: Mapping[Purpose, Template] = {
    Purpose.FUND_ALERT: _ALERT,
    Purpose.MONITORING_ALERT: _ALERT,
    Purpose.RANKING: _ALERT,
    Purpose.ABSENCE_LETTER: Template(
        "驻村人员不在岗函告：{place}",
        _ABSENCE + "{request}",
        copy=_ABSENCE + "请派出单位加强教育管理。",
        link="/api/v1/attendance/{person_id}/{found_in}",
    ),
    Purpose.BULLETIN: Template(
        "督查通报：{title}",
        _BULLETIN + "请对照点名事项立即整改，并反馈整改结果。",
        copy=_BULLETIN + "请参阅。",
        link="/api/v1/bulletins/{bulletin_id}",
    ),
}

_SAMPLE: Data = {
    "region_code": "511132",
    "village_code": "511132201205",
    "year": 2086,
    "as_of": "2086-09-07",
    "progress_pct": "65.11",
    "target_pct": "70.00",
    "amount": "120000.00",
    "due_on": "2086-09-30",
    "days": 12,
    "months": 1,
    "days_left": 3,
    "drop_pct": "35.20",
    "monitoring_class": "SUDDEN",
    "clue_on": "2086-09-15",
    "decided_on": "2086-09-28",
    "month": "2086-08",
    "rank": 18,
    "ranked": 20,
    "found": 31,
    "done": 12,
    "flagged": True,
    "last": 3,
    "absence_no": 2,
    "measure": "CIRCULAR_CRITICISM",
    "unit_action": "EXPLAIN_TO_LG_OFFICE",
    "person_action": None,
    "sending_org": "AGRI@511132",
    "found_on": "2086-09-03",
    "title": "2086年9月上旬整改工作通报",
    "period": "2086年9月上旬",
    "items": [{"unit": "TOWN@511132201", "matter": "2户住房安全问题逾期未整改"}],
    "allocation_id": "0198c1f0-0000-7000-8000-000000000001",
    "payment_id": "0198c1f0-0000-7000-8000-000000000002",
    "project_id": "0198c1f0-0000-7000-8000-000000000003",
    "household_id": "0198c1f0-0000-7000-8000-000000000004",
    "case_id": "0198c1f0-0000-7000-8000-000000000005",
    "person_id": "0198c1f0-0000-7000-8000-000000000006",
    "bulletin_id": "0198c1f0-0000-7000-8000-000000000007",
}
# Data that every text of a purpose can be made of, to preview it: one set per alert.
SAMPLES: Mapping[Purpose, Sequence[Data]] = {
    Purpose.FUND_ALERT: [{**_SAMPLE, "alert": code} for code in _OF_FUNDS],
    Purpose.MONITORING_ALERT: [{**_SAMPLE, "alert": code} for code in _OF_MONITORING],
    Purpose.RANKING: [{**_SAMPLE, "alert": code} for code in _OF_RANKING],
    Purpose.ABSENCE_LETTER: [_SAMPLE],
    Purpose.BULLETIN: [_SAMPLE],
}
