"""What is said of a region, and when a change of it opens a new period of validity."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.errors import FieldError, Invalid, field_error
from shared.regions import level_of, parent_of

# The national list does not say since when a region exists, only that it does.
SINCE_UNKNOWN = date(1949, 10, 1)


class Kind(StrEnum):
    """What a village is by the list of 2014; other regions have no kind."""

    POOR_VILLAGE = "POOR_VILLAGE"
    NON_POOR = "NON_POOR"


class Step(StrEnum):
    """What storing a region does to its rows."""

    OPEN = "OPEN"  # the code is new, or its last period is over: a first or further period
    SUCCEED = "SUCCEED"  # the present period ends, the next begins
    AMEND = "AMEND"  # the present period is corrected in place
    NOTHING = "NOTHING"


class RegionUnknown(Invalid):
    """There is no such region."""

    code = "REGION_UNKNOWN"
    zh = "区划代码不存在或已撤销。"
    en = "There is no such region, or it has been abolished."


class RegionParentUnknown(Invalid):
    """The region above is not in the table."""

    code = "REGION_PARENT_UNKNOWN"
    zh = "上级区划不在区划表中。"
    en = "The region above is not in the table."


class RegionOutOfScope(Invalid):
    """The region lies outside the caller's scope."""

    code = "REGION_OUT_OF_SCOPE"
    zh = "区划不在您的权限范围内。"
    en = "The region lies outside your scope."


@dataclass(frozen=True, slots=True)
class RegionFacts:
    """What holds of a region during one period of validity."""

    name: str
    kind: str | None = None
    admin_zone: bool = False
    longitude: float | None = None
    latitude: float | None = None
    rural_population: int | None = None

    @property
    def identity(self) -> tuple[str, str | None, bool]:
        """What a region is called and counts as; measured figures are not part of it."""
        return self.name, self.kind, self.admin_zone


@dataclass(frozen=True, slots=True)
class Period:
    """A region's newest period: `valid_to` is the first day it no longer holds."""

    facts: RegionFacts
    valid_from: date
    valid_to: date | None


def step_for(newest: Period | None, wanted: RegionFacts, since: date) -> Step:
    """How the wish that `wanted` holds from `since` on is stored (H-08: nothing is overwritten).

    Within a period only measured figures change, or what was entered on the very same day.
    Raises `Invalid` with `VALID_FROM_TOO_EARLY` when `since` lies before the newest period.
    """
    if newest is None:
        return Step.OPEN
    if newest.valid_to is not None:
        if since < newest.valid_to:
            raise _too_early()
        return Step.OPEN
    if newest.facts == wanted:
        return Step.NOTHING
    if newest.facts.identity == wanted.identity or newest.valid_from == since:
        return Step.AMEND
    if since < newest.valid_from:
        raise _too_early()
    return Step.SUCCEED


def check_place(code: str, parent: str | None, level: str | None) -> None:
    """Raise `Invalid` unless the `parent` and `level` given, if any, are those of `code`."""
    errors = []
    if parent is not None and parent != parent_of(code):
        errors.append(
            FieldError(
                "parent",
                "PARENT_MISMATCH",
                "上级代码须为本级代码的前缀。",
                "The parent's code must be the beginning of the code.",
            )
        )
    if level is not None and level != level_of(code):
        errors.append(
            FieldError(
                "level",
                "LEVEL_MISMATCH",
                "级别与代码长度不符。",
                "The level contradicts the length of the code.",
            )
        )
    if errors:
        raise Invalid(errors=errors)


def _too_early() -> Invalid:
    return field_error(
        "valid_from",
        "VALID_FROM_TOO_EARLY",
        "生效日期早于现有记录的生效日期。",
        "It lies before the day from which the present record holds.",
    )
