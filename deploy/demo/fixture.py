"""The fixture `seeds-ebian-2019`: synthetic problems that add up to the county's published figures.

Households are made up; only counts, kinds, dates and places follow the source. Everything is
deterministic, so that a second load repeats the first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate, cycle, pairwise
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from shared.regions import Level, seed_regions

_NAMESPACE = uuid5(NAMESPACE_URL, "bangfu:seeds-ebian-2019")
COUNTY = "511132"
CITY = "5111"
YEAR = 2019
TODAY = date(2019, 9, 16)
SELF_CHECK_FROM, SELF_CHECK_UNTIL = date(2019, 9, 7), date(2019, 9, 15)

# Policy S (I-22): cohorts with fixed dates.
POLICY_S: dict[str, Any] = {
    "rules": [
        {"id": "S-EXITED", "match": {"cohort": "EXITED"}, "due": {"date": "2019-09-30"}},
        {"id": "S-EXIT", "match": {"cohort": "EXIT_THIS_YEAR"}, "due": {"date": "2019-09-30"}},
        {
            "id": "S-SPECIAL",
            "match": {"cohort": "NON_ARCHIVED_SPECIAL"},
            "due": {"date": "2019-12-31"},
        },
    ],
    "late_days": 7,
}


@dataclass(frozen=True, slots=True)
class Allotment:
    """How many problems of a kind were found, and how many of them closed."""

    kind: str
    group: str
    found: int
    closed: int


ALLOTMENTS = [
    Allotment("INCOME_BELOW_LINE", "prominent", 60, 20),
    Allotment("EDU_DROPOUT", "prominent", 15, 10),
    Allotment("MEDICAL_UNINSURED", "prominent", 40, 30),
    Allotment("HOUSING_UNSAFE", "prominent", 150, 35),
    Allotment("WATER_UNSAFE", "prominent", 70, 20),
    Allotment("RELOCATION_NOT_IN", "relocation", 40, 15),
    Allotment("RELOCATION_OLD_HOUSE", "relocation", 40, 20),
    Allotment("RELOCATION_FACILITY", "relocation", 16, 6),
    Allotment("RELOCATION_FOLLOWUP", "relocation", 20, 10),
    Allotment("ARCHIVE_DEFECT", "rest", 2200, 2180),
    Allotment("HEALTH_DOCTOR_SIGN", "rest", 900, 900),
    Allotment("EDU_AID_MISSING", "rest", 500, 500),
    Allotment("TV_SUBSTANDARD", "rest", 622, 600),
    Allotment("PROCEDURE_DEFECT", "rest", 700, 690),
    Allotment("EMPLOYMENT_SUBSIDY", "rest", 500, 500),
]
TOWNSHIP_FOUND = [1127, 475, 475, 534, 652, 474, 297, 297, 237, 297, 237, 474, 297]
TOWNSHIP_OPEN = [65, 27, 27, 31, 37, 27, 17, 17, 14, 17, 14, 27, 17]

# Treasury statements of the eleven counties of the city at 2019-09-07: (available, paid) in yuan.
TREASURY = {
    "511102": ("80000000.00", "50400000.00"),
    "511111": ("60000000.00", "36600000.00"),
    "511112": ("50000000.00", "29500000.00"),
    "511113": ("70000000.00", "44100000.00"),
    "511123": ("90000000.00", "52200000.00"),
    "511124": ("85000000.00", "51850000.00"),
    "511126": ("75000000.00", "41250000.00"),
    "511129": ("65000000.00", "40950000.00"),
    "511132": ("100000000.00", "65110000.00"),
    "511133": ("120000000.00", "79200000.00"),
    "511181": ("95000000.00", "57000000.00"),
}
TREASURY_AS_OF = date(2019, 9, 7)
TARGET_PERCENT = "95"


def villages_by_township() -> dict[str, list[str]]:
    """The county's villages by township code, both in code order."""
    villages: dict[str, list[str]] = {}
    for row in seed_regions():
        if row.level is Level.VILLAGE and row.code.startswith(COUNTY):
            villages.setdefault(row.code[:9], []).append(row.code)
    return {township: sorted(codes) for township, codes in sorted(villages.items())}


def survey_problems() -> Iterator[dict[str, Any]]:
    """The 5,873 problems of the great survey: rows of `POST /problems:batch`, without campaign."""
    closed = _shuffled([a.kind for a in ALLOTMENTS for _ in range(a.closed)], seed=1)
    still_open = _shuffled([a.kind for a in ALLOTMENTS for _ in range(a.found - a.closed)], seed=2)
    closed_counts = [
        found - left for found, left in zip(TOWNSHIP_FOUND, TOWNSHIP_OPEN, strict=True)
    ]
    prominent = {a.kind for a in ALLOTMENTS if a.group == "prominent"}
    number = 0
    for township, done, left in zip(
        villages_by_township().values(),
        _cut(closed, closed_counts),
        _cut(still_open, TOWNSHIP_OPEN),
        strict=True,
    ):
        states = [(kind, True) for kind in done] + [(kind, False) for kind in left]
        for village, (kind, is_closed) in zip(cycle(township), states, strict=False):
            number += 1
            yield _survey_problem(number, village, kind, is_closed, kind in prominent)


def _survey_problem(
    number: int, village: str, kind: str, is_closed: bool, prominent: bool
) -> dict[str, Any]:
    found_on = date(2019, 6, 20) + timedelta(days=number % 73)  # until 2019-08-31
    row: dict[str, Any] = {
        "source": "CROSS_CHECK",
        "found_on": found_on.isoformat(),
        "kind": kind,
        "tier": "GENERAL",
        "scope": "INDIVIDUAL",
        "severity": "PROMINENT" if prominent else "GENERAL",
        "cohort": "EXIT_THIS_YEAR" if number % 5 == 0 else "EXITED",
        "object": _household(village, number),
        "village_code": village,
        "description": f"大排查发现：{kind}",
        "evidence": [],
    }
    if is_closed:
        closed_on = min(found_on + timedelta(days=14), TODAY - timedelta(days=1))
        row["historic"] = {"state": "CLOSED", "closed_on": closed_on.isoformat()}
    return row


def self_check_problems() -> Iterator[dict[str, Any]]:
    """The 84 household and 6 village problems of the county's own acceptance check."""
    villages = [code for codes in villages_by_township().values() for code in codes]
    places = cycle(villages)
    kinds = [
        *[("HOUSING_UNSAFE", "收尾面积未完成")] * 51,
        *[("HOUSING_UNSAFE", "洪灾受损")] * 2,
        *[("TV_SUBSTANDARD", "设备已购未安装")] * 5,
        *[("TV_SUBSTANDARD", "资金已到位未采购")] * 17,
        *[("MEDICAL_UNINSURED", "未购买医保")] * 2,
        *[("INCOME_BELOW_LINE", "人均稳定性收入未达标")] * 7,
    ]
    for number, (kind, text) in enumerate(kinds, start=1):
        village = next(places)
        cohort = "NON_ARCHIVED_SPECIAL" if kind == "MEDICAL_UNINSURED" else "EXIT_THIS_YEAR"
        ref = _household(village, 90_000 + number)
        yield _self_check_problem(number, kind, text, cohort, ref, village)
    collective, clinic, road = villages[10:13], villages[20], villages[30]
    village_kinds = [
        *[("COLLECTIVE_ECONOMY", "村集体经济不达标", village) for village in collective],
        ("CULTURE_ROOM_SUBSTANDARD", "村文化室不达标", clinic),
        ("CLINIC_SUBSTANDARD", "村卫生室不达标", clinic),
        ("ROAD_SUBSTANDARD", "通村公路不达标", road),
    ]
    for number, (kind, text, village) in enumerate(village_kinds, start=1):
        ref = {"type": "VILLAGE", "code": village}
        yield _self_check_problem(number, kind, text, "EXIT_THIS_YEAR", ref, village)


def _household(village: str, number: int) -> dict[str, str]:
    """A made-up household of `village`: always the same id for the same number."""
    return {"type": "HOUSEHOLD", "id": str(uuid5(_NAMESPACE, f"{village}/{number}"))}


def _self_check_problem(
    number: int, kind: str, text: str, cohort: str, ref: dict[str, str], village: str
) -> dict[str, Any]:
    days = (SELF_CHECK_UNTIL - SELF_CHECK_FROM).days + 1
    return {
        "source": "SELF_CHECK",
        "found_on": (SELF_CHECK_FROM + timedelta(days=number % days)).isoformat(),
        "kind": kind,
        "tier": "GENERAL",
        "scope": "INDIVIDUAL",
        "severity": "GENERAL",
        "cohort": cohort,
        "object": ref,
        "village_code": village,
        "description": text,
        "evidence": [],
    }


def _shuffled(kinds: list[str], *, seed: int) -> list[str]:
    Random(seed).shuffle(kinds)
    return kinds


def _cut(kinds: Sequence[str], counts: Sequence[int]) -> list[Sequence[str]]:
    ends = [0, *accumulate(counts)]
    return [kinds[start:end] for start, end in pairwise(ends)]
