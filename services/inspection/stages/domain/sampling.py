"""City spot-checks (I-52): how many at least, and how many from each group."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.errors import Invalid
from shared.regions import Level, level_of


class ZoneKind(StrEnum):
    """What is spot-checked: a county, or an administrative zone (管理区)."""

    COUNTY = "COUNTY"
    ADMIN_ZONE = "ADMIN_ZONE"


class QuotaBy(StrEnum):
    """The groups in whose proportion households are drawn."""

    TOWNSHIP = "TOWNSHIP"
    COHORT = "COHORT"


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least number of households and villages to be drawn."""

    households: int
    villages: int


class SampleTooSmall(Invalid):
    """The sample is smaller than the rule asks for.

    Member: `required`, with households and villages.
    """

    code = "SAMPLE_TOO_SMALL"
    zh = "抽查数量不足：至少抽查{required[households]}户、{required[villages]}个村。"
    en = "Too few: at least {required[households]} households and {required[villages]} villages."


class PoolTooSmall(Invalid):
    """There are fewer to draw from than asked for.

    Members: `role` (HOUSEHOLD or VILLAGE), `need`, `available`.
    """

    code = "POOL_TOO_SMALL"
    zh = "可抽取的对象只有{available}个，少于需要的{need}个。"
    en = "There are only {available} of {role} to draw from; {need} are needed."


class TargetInvalid(Invalid):
    """A spot-check is of a county or of a zone within one."""

    code = "SAMPLING_TARGET_INVALID"
    zh = "抽查对象须为行动范围内的县，管理区可填到乡级。"
    en = "A spot-check is of a county of the campaign; a zone may be named at township level."


def check_target(target: str, zone_kind: ZoneKind) -> None:
    """Raise `TargetInvalid` unless `target` has a level that suits its kind."""
    level = level_of(target)
    if level is Level.COUNTY or (level is Level.TOWNSHIP and zone_kind is ZoneKind.ADMIN_ZONE):
        return
    raise TargetInvalid.about("target_region")


def check_size(households: int, villages: int, minimum: Minimum) -> None:
    """Raise `SampleTooSmall` below `minimum` (I-52)."""
    if households < minimum.households or villages < minimum.villages:
        required = {"households": minimum.households, "villages": minimum.villages}
        raise SampleTooSmall(required=required)


def check_pool(role: str, need: int, available: int) -> None:
    """Raise `PoolTooSmall` when fewer are there than needed."""
    if available < need:
        raise PoolTooSmall(role=role, need=need, available=available)


def allot(number: int, populations: Mapping[str, int]) -> dict[str, int]:
    """Share `number` among groups in proportion to their populations, by largest remainder; equal
    remainders go to the lower key. No group gets more than it has while `number` ≤ their sum."""
    total = sum(populations.values())
    if total == 0:
        return dict.fromkeys(populations, 0)
    shares = {key: number * size // total for key, size in populations.items()}
    remainders = sorted(populations, key=lambda key: (-(number * populations[key] % total), key))
    for key in remainders[: number - sum(shares.values())]:
        shares[key] += 1
    return shares
