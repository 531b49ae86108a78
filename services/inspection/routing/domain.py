"""Which department leads a problem kind: the table of C.4, and what a region may change of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.errors import Invalid


class Department(StrEnum):
    """The 18 line departments, the coordinator POV and the discipline commission DISC."""

    ORG = "ORG"  # 组织部门
    EDU = "EDU"  # 教育
    HOUS = "HOUS"  # 住建
    CIVIL = "CIVIL"  # 民政
    HEALTH = "HEALTH"  # 卫健
    MEDINS = "MEDINS"  # 医保
    WATER = "WATER"  # 水利、水务
    DPF = "DPF"  # 残联
    TRANS = "TRANS"  # 交通
    NDRC = "NDRC"  # 发改
    MIIT = "MIIT"  # 工信
    AGRI = "AGRI"  # 农业农村
    FIN = "FIN"  # 财政
    HRSS = "HRSS"  # 人社
    FOREST = "FOREST"  # 林业
    BANK = "BANK"  # 金融
    CULT = "CULT"  # 文旅
    POWER = "POWER"  # 电力
    POV = "POV"  # 扶贫
    DISC = "DISC"  # 纪委监委


# C.4: the problem kinds each department leads.
KINDS_LED: Mapping[Department, tuple[str, ...]] = {
    Department.ORG: ("TEAM_ABSENCE", "TEAM_COVERAGE", "WEAK_BRANCH"),
    Department.EDU: (
        "EDU_DROPOUT",
        "EDU_AID_MISSING",
        "EDU_HOME_TEACHING",
        "EDU_HISTORIC_DROPOUT",
    ),
    Department.HOUS: ("HOUSING_UNSAFE", "HOUSING_UNAPPRAISED", "HOLLOW_HOUSE"),
    Department.CIVIL: ("SAFETYNET_MISSING",),
    Department.HEALTH: ("HEALTH_DOCTOR_SIGN", "CLINIC_SUBSTANDARD"),
    Department.MEDINS: ("MEDICAL_UNINSURED", "MEDICAL_SETTLEMENT"),
    Department.WATER: ("WATER_UNSAFE",),
    Department.DPF: ("DISABILITY_UNCERTIFIED", "DISABILITY_SUBSIDY"),
    Department.TRANS: ("ROAD_SUBSTANDARD",),
    Department.NDRC: (
        "RELOCATION_NOT_IN",
        "RELOCATION_OLD_HOUSE",
        "RELOCATION_FACILITY",
        "RELOCATION_FOLLOWUP",
    ),
    Department.MIIT: ("NETWORK_SUBSTANDARD",),
    Department.AGRI: (
        "INCOME_BELOW_LINE",
        "INCOME_SUDDEN_DROP",
        "INDUSTRY_NOT_COVERED",
        "INDUSTRY_NO_LINKAGE",
        "COLLECTIVE_ECONOMY",
        "AGRI_INSURANCE",
        "ENVIRONMENT",
    ),
    Department.FIN: ("FUND_SLOW", "FUND_IRREGULAR", "ONECARD_FAIL"),
    Department.HRSS: ("EMPLOYMENT_SUBSIDY", "WORKSHOP", "PUBLIC_POST"),
    Department.FOREST: ("FOREST_RANGER",),
    Department.BANK: ("MICROCREDIT",),
    Department.CULT: ("TV_SUBSTANDARD", "CULTURE_ROOM_SUBSTANDARD"),
    Department.POWER: ("POWER_SUBSTANDARD", "PV_SETTLEMENT"),
    Department.POV: (
        "ID_MISSED",
        "ID_WRONG",
        "EXIT_WRONG",
        "PROCEDURE_DEFECT",
        "ARCHIVE_DEFECT",
        "PLAN_COPY_PASTE",
        "HELPER_MISSING",
        "ASSET_UNREGISTERED",
        "NON_COOPERATION",
        "STYLE",
        "FALSE_RECTIFICATION",
    ),
    Department.DISC: (
        "CORRUPTION_EMBEZZLE",
        "CORRUPTION_BRIBERY",
        "CORRUPTION_FALSE_CLAIM",
        "CORRUPTION_MISAPPROPRIATE",
        "CORRUPTION_WASTE",
        "CORRUPTION_EXTORTION",
        "CORRUPTION_NEPOTISM",
    ),
}

DEFAULT_ROUTES: Mapping[str, Department] = {
    kind: department for department, kinds in KINDS_LED.items() for kind in kinds
}


@dataclass(frozen=True, slots=True)
class Route:
    """The lead department of a kind; `unrouted` when no rule names one and POV must decide."""

    department: Department
    unrouted: bool = False


class RouteFixed(Invalid):
    """Style and corruption problems cannot be routed elsewhere."""

    code = "ROUTE_FIXED"
    zh = "作风问题由扶贫部门、腐败问题由纪委牵头，不得另行指定。"
    en = "Style problems belong to the poverty office, corruption to the discipline commission."


def default_route(kind: str) -> Route:
    """Where `kind` goes without a region's own rule; an unknown one to POV, unrouted (I-10)."""
    department = DEFAULT_ROUTES.get(kind)
    return Route(Department.POV, unrouted=True) if department is None else Route(department)


def in_force(rules: Iterable[tuple[date, Department]], on: date) -> Department | None:
    """The department of the newest rule that holds on `on`; `rules` are in order of their dates."""
    department = None
    for effective_from, named in rules:
        if effective_from <= on:
            department = named
    return department
