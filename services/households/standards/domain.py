"""How a standard is found: each key nearest in the chain of regions, then the declared default."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from shared.errors import Conflict, Invalid
from shared.regions import ancestors

NATIONAL = "CN"
"""What stands for the whole country, above the provinces."""

DEFAULT = "DEFAULT"
"""What `resolved_from` says of a key nobody has set."""


class IncomeBasis(StrEnum):
    """Which income counts (H-14)."""

    ALL = "ALL"
    STABLE = "STABLE"


class Comparison(StrEnum):
    """Whether income must reach or exceed the line (H-13)."""

    GTE = "GTE"
    GT = "GT"


class HouseholdProfile(StrEnum):
    """Which items an exit assessment has (H-20)."""

    BASE = "BASE"
    SICHUAN = "SICHUAN"


class VillageProfile(StrEnum):
    """Which items a village's exit has (H-70, H-71)."""

    YIDI_WUYOU = "YIDI_WUYOU"
    BADA_TIXI = "BADA_TIXI"


class StandardNotFound(Conflict):
    """No standard is set for this region and year.

    Members: `region`, `year`.
    """

    code = "STANDARD_NOT_FOUND"
    zh = "{region} 及其上级均未设置 {year} 年度标准，请先设置。"
    en = "Neither {region} nor a region above has a standard for {year}; set one first."


class PeriodInvalid(Invalid):
    """The accounting period ends before it begins."""

    code = "PERIOD_INVALID"
    zh = "核算期结束日期早于开始日期。"
    en = "The accounting period ends before it begins."


@dataclass(frozen=True, slots=True)
class StandardKeys:
    """The keys of one stored row; None where the row leaves the key to the regions above."""

    poverty_line: Decimal | None = None
    monitor_line: Decimal | None = None
    income_basis: IncomeBasis | None = None
    exit_compare: Comparison | None = None
    household_profile: HouseholdProfile | None = None
    village_profile: VillageProfile | None = None
    sudden_drop_pct: Decimal | None = None
    rigid_ratio_pct: Decimal | None = None
    period_start: date | None = None
    period_end: date | None = None


KEYS = tuple(field.name for field in fields(StandardKeys))


@dataclass(frozen=True, slots=True)
class Standard:
    """The standard of a region and year; lines and the village profile have no default (D.4).

    `resolved_from` names the region each key was found at, `DEFAULT` for a declared default.
    """

    region: str
    year: int
    poverty_line: Decimal | None
    monitor_line: Decimal | None
    income_basis: IncomeBasis
    exit_compare: Comparison
    household_profile: HouseholdProfile
    village_profile: VillageProfile | None
    sudden_drop_pct: Decimal
    rigid_ratio_pct: Decimal
    period_start: date
    period_end: date
    resolved_from: Mapping[str, str]


def defaults(year: int) -> StandardKeys:
    """The declared defaults; the period is 1 October of the year before to 30 September (H-11)."""
    return StandardKeys(
        income_basis=IncomeBasis.ALL,
        exit_compare=Comparison.GTE,
        household_profile=HouseholdProfile.BASE,
        sudden_drop_pct=Decimal(30),
        rigid_ratio_pct=Decimal(50),
        period_start=date(year - 1, 10, 1),
        period_end=date(year, 9, 30),
    )


def chain_of(region: str) -> Sequence[str]:
    """Where keys of `region` are looked for, nearest first: village → … → province → country."""
    if region == NATIONAL:
        return [NATIONAL]
    return [region, *ancestors(region), NATIONAL]


def resolve(region: str, year: int, stored: Mapping[str, StandardKeys]) -> Standard:
    """The standard of `region` from the rows `stored` of its chain (H-15).

    Raises `StandardNotFound` when no region of the chain has a row.
    """
    present = [(code, stored[code]) for code in chain_of(region) if code in stored]
    if not present:
        raise StandardNotFound(region=region, year=year)
    values: dict[str, Any] = dict.fromkeys(KEYS)
    resolved_from: dict[str, str] = {}
    for code, row in [*present, (DEFAULT, defaults(year))]:
        for key in KEYS:
            if values[key] is None and getattr(row, key) is not None:
                values[key] = getattr(row, key)
                resolved_from[key] = code
    return Standard(region=region, year=year, resolved_from=resolved_from, **values)


def check_period(start: date | None, end: date | None) -> None:
    """Raise `PeriodInvalid` when both are given and in the wrong order."""
    if start is not None and end is not None and end < start:
        raise PeriodInvalid
