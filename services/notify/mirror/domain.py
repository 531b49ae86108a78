"""A problem as notify knows it, what changed with an event, and the names used in texts. Pure."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

STYLE = "STYLE"
CORRUPTION_PREFIX = "CORRUPTION_"
_STYLE_UNITS = frozenset({"POV", "LG", "DISC"})


class Phase(StrEnum):
    """What the states of a problem (B.6) mean to those who are told of it."""

    AHEAD = "AHEAD"  # not dispatched yet
    OPEN = "OPEN"  # somebody has to work on it
    SUBMITTED = "SUBMITTED"  # reported done, under verification
    ENDED = "ENDED"  # closed or withdrawn


_PHASES = {
    "SUSPECTED": Phase.AHEAD,
    "LOGGED": Phase.AHEAD,
    "SUBMITTED": Phase.SUBMITTED,
    "DEPT_VERIFIED": Phase.SUBMITTED,
    "TOWN_CHECKED": Phase.SUBMITTED,
    "OFFICE_CHECKED": Phase.SUBMITTED,
    "CLOSED": Phase.ENDED,
    "WITHDRAWN": Phase.ENDED,
}


def phase_of(state: str) -> Phase:
    """The phase of a problem's state."""
    return _PHASES.get(state, Phase.OPEN)


@dataclass(frozen=True, slots=True)
class Problem:
    """What notify keeps of a problem; `lead` is the lead department's organisation."""

    problem_id: UUID
    problem_no: str
    kind: str
    tier: str
    severity: str
    state: str
    lead: str
    partners: tuple[str, ...]
    village_code: str
    due_on: date | None
    dispatched: bool

    @property
    def is_awaited(self) -> bool:
        """Whether somebody is to be reminded of its deadline."""
        return _is_awaited(self.dispatched, self.due_on, self.state)


@dataclass(frozen=True, slots=True)
class Before:
    """What a problem was before an event, as far as it decides whom to tell."""

    lead: str
    partners: tuple[str, ...]
    tier: str
    state: str
    due_on: date | None
    dispatched: bool

    @property
    def is_awaited(self) -> bool:
        """Whether somebody was to be reminded of its deadline."""
        return _is_awaited(self.dispatched, self.due_on, self.state)


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a problem: what happened (`dispatched`), and the problem after and before it.

    `data` is the event's data as JSON; `level` is set for an escalation (N-04), `verifier` where
    an organisation is to verify a rectification (I-40).
    """

    happened: str
    event_id: UUID
    event_type: str
    at: datetime
    data: str
    problem: Problem
    before: Before | None
    level: int | None = None
    verifier: str | None = None

    @property
    def is_rerouted(self) -> bool:
        """Whether a dispatched problem has got another lead department (N-05)."""
        return (
            self.before is not None
            and self.before.dispatched
            and self.before.lead != self.problem.lead
        )


def _is_awaited(dispatched: bool, due_on: date | None, state: str) -> bool:
    return dispatched and due_on is not None and phase_of(state) is Phase.OPEN


def organisation_of(department: str, region: str) -> str:
    """The organisation of a department in a county: `HOUS` and 511132… make `HOUS@511132`.

    What is an organisation already stays as it is.
    """
    return department if "@" in department else f"{department}@{region[:6]}"


def township_organisation(village_code: str) -> str | None:
    """The organisation of the township a place lies in, None above township level."""
    return f"TOWN@{village_code[:9]}" if len(village_code) >= 9 else None


def is_corruption(kind: str) -> bool:
    """Whether a kind is one of the discipline commission alone."""
    return kind.startswith(CORRUPTION_PREFIX)


def may_hear(organisation: str, kind: str) -> bool:
    """Whether an organisation that does not lead a problem may hear of its kind: of style only who
    watches it, of corruption the discipline commission alone (I-13)."""
    unit = organisation.partition("@")[0]
    if is_corruption(kind):
        return unit == "DISC"
    return kind != STYLE or unit in _STYLE_UNITS


def derived_id(origin: UUID, *names: object) -> UUID:
    """The id that `names` always have under `origin`: it begins with the origin's time, so that
    ids made together lie together, and a rebuilt store gives everything the id it had (UUIDv8)."""
    digest = sha256("|".join([str(origin), *map(str, names)]).encode()).digest()
    value = int.from_bytes(origin.bytes[:6] + digest[:10])
    value = (value & ~(0xF << 76)) | (0x8 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)


# 桐花村村民委员会, 东风村委会, 城南社区居民委员会: the official list names the committees.
_COMMITTEE = re.compile(r"(?P<kind>村|社区)(?:村民|村|民|居民|居)?委员?会$")

_DEPARTMENTS = {
    "ORG": "组织部门",
    "EDU": "教育部门",
    "HOUS": "住建部门",
    "CIVIL": "民政部门",
    "HEALTH": "卫健部门",
    "MEDINS": "医保部门",
    "WATER": "水利部门",
    "DPF": "残联",
    "TRANS": "交通部门",
    "NDRC": "发改部门",
    "MIIT": "工信部门",
    "AGRI": "农业农村部门",
    "FIN": "财政部门",
    "HRSS": "人社部门",
    "FOREST": "林业部门",
    "BANK": "金融部门",
    "CULT": "文旅部门",
    "POWER": "电力部门",
    "POV": "扶贫部门",
    "DISC": "纪委监委",
    "LG": "领导小组",
    "TOWN": "乡镇",
}

_KINDS = {
    "TEAM_ABSENCE": "驻村工作队脱岗",
    "TEAM_COVERAGE": "驻村工作队未全覆盖",
    "WEAK_BRANCH": "基层党组织软弱涣散",
    "EDU_DROPOUT": "义务教育阶段失学辍学",
    "EDU_AID_MISSING": "教育资助未落实",
    "EDU_HOME_TEACHING": "送教上门不到位",
    "EDU_HISTORIC_DROPOUT": "历史辍学",
    "HOUSING_UNSAFE": "住房安全无保障",
    "HOUSING_UNAPPRAISED": "住房未作安全鉴定",
    "HOLLOW_HOUSE": "空心房未拆除",
    "SAFETYNET_MISSING": "兜底保障未落实",
    "HEALTH_DOCTOR_SIGN": "家庭医生签约服务不到位",
    "CLINIC_SUBSTANDARD": "村卫生室不达标",
    "MEDICAL_UNINSURED": "未参加基本医疗保险",
    "MEDICAL_SETTLEMENT": "医疗费用结算不到位",
    "WATER_UNSAFE": "饮水安全无保障",
    "DISABILITY_UNCERTIFIED": "残疾未评定",
    "DISABILITY_SUBSIDY": "残疾人补贴未落实",
    "ROAD_SUBSTANDARD": "通村道路不达标",
    "RELOCATION_NOT_IN": "易地搬迁未入住",
    "RELOCATION_OLD_HOUSE": "搬迁旧房未拆除",
    "RELOCATION_FACILITY": "安置点设施不完善",
    "RELOCATION_FOLLOWUP": "搬迁后续扶持不到位",
    "NETWORK_SUBSTANDARD": "通信网络不达标",
    "INCOME_BELOW_LINE": "收入不达标",
    "INCOME_SUDDEN_DROP": "收入骤减",
    "INDUSTRY_NOT_COVERED": "产业帮扶未覆盖",
    "INDUSTRY_NO_LINKAGE": "产业利益联结缺失",
    "COLLECTIVE_ECONOMY": "村集体经济薄弱",
    "AGRI_INSURANCE": "农业保险未落实",
    "ENVIRONMENT": "人居环境不达标",
    "FUND_SLOW": "资金支出进度滞后",
    "FUND_IRREGULAR": "资金使用不规范",
    "ONECARD_FAIL": "一卡通发放失败",
    "EMPLOYMENT_SUBSIDY": "就业补贴未落实",
    "WORKSHOP": "帮扶车间问题",
    "PUBLIC_POST": "公益性岗位问题",
    "FOREST_RANGER": "生态护林员管理问题",
    "MICROCREDIT": "小额信贷问题",
    "TV_SUBSTANDARD": "广播电视不达标",
    "CULTURE_ROOM_SUBSTANDARD": "文化室不达标",
    "POWER_SUBSTANDARD": "生活用电不达标",
    "PV_SETTLEMENT": "光伏收益结算问题",
    "ID_MISSED": "漏评",
    "ID_WRONG": "错评",
    "EXIT_WRONG": "错退",
    "PROCEDURE_DEFECT": "程序不规范",
    "ARCHIVE_DEFECT": "档案资料不完善",
    "PLAN_COPY_PASTE": "帮扶计划雷同",
    "HELPER_MISSING": "帮扶责任人未落实",
    "ASSET_UNREGISTERED": "扶贫资产未登记",
    "NON_COOPERATION": "不配合检查",
    "STYLE": "作风问题",
    "FALSE_RECTIFICATION": "虚假整改",
}


def short_place(name: str) -> str:
    """A place's full name without the words for its villagers' committee: 桐花村, 城南社区."""
    return _COMMITTEE.sub(lambda found: found["kind"], name)


def department_name(organisation: str) -> str:
    """The Chinese name of an organisation's kind; its code where it has none."""
    unit = organisation.partition("@")[0]
    return _DEPARTMENTS.get(unit, unit)


def kind_name(kind: str) -> str:
    """The Chinese name of a problem kind; its code where it has none."""
    return "腐败问题线索" if is_corruption(kind) else _KINDS.get(kind, kind)
