"""How often leaders survey villages in a year, against what their level asks for (I-58)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, ClassVar

from shared.errors import Invalid
from shared.regions import is_within


class LeaderLevel(StrEnum):
    """The level a leader serves at."""

    PROVINCE = "PROVINCE"
    CITY = "CITY"
    COUNTY = "COUNTY"


# The digits of the region a leader answers for.
_AREA_DIGITS = {LeaderLevel.PROVINCE: 2, LeaderLevel.CITY: 4, LeaderLevel.COUNTY: 6}


class SurveyInFuture(Invalid):
    """A survey recorded cannot lie in the future."""

    code = "SURVEY_IN_FUTURE"
    zh = "调研日期不得晚于今天。"
    en = "The day of the survey must not lie in the future."


class SurveyOutsideArea(Invalid):
    """The villages of one survey lie in the one region its leader answers for."""

    code = "SURVEY_OUTSIDE_AREA"
    zh = "一次调研的各村须在该领导任职的同一省、市或县内。"
    en = "The villages of a survey lie in the one province, city or county its leader serves."


@dataclass(frozen=True, slots=True)
class SurveyNorm:
    """How many surveys a year a leader of each level makes."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    province: int = 2
    city: int = 3
    county: int = 4

    def required(self, level: LeaderLevel) -> int:
        """The number for a level."""
        return {
            LeaderLevel.PROVINCE: self.province,
            LeaderLevel.CITY: self.city,
            LeaderLevel.COUNTY: self.county,
        }[level]


@dataclass(frozen=True, slots=True)
class Tally:
    """A leader's surveys of a year: all, and the unannounced ones among them."""

    leader: str
    level: LeaderLevel
    area_code: str
    surveys: int
    unannounced: int


@dataclass(frozen=True, slots=True)
class LeaderYear:
    """A leader's year: the surveys that count, what is required, and whether that is met; None
    where it may be met by surveys outside the region asked for."""

    leader: str
    level: LeaderLevel
    area_code: str
    surveys: int
    count: int
    required: int
    met: bool | None


def area_of(level: LeaderLevel, village_codes: Sequence[str]) -> str:
    """The province, city or county of a survey's villages; raises `SurveyOutsideArea`."""
    areas = {code[: _AREA_DIGITS[level]] for code in village_codes}
    if len(areas) != 1:
        raise SurveyOutsideArea.about("village_codes")
    return areas.pop()


def check_day(on: date, today: date) -> None:
    """Raise `SurveyInFuture`."""
    if on > today:
        raise SurveyInFuture.about("on")


def judge_year(tally: Tally, norm: SurveyNorm, region: str) -> LeaderYear:
    """A leader's year, as far as it was spent in `region`, against the norm. At county level only
    unannounced surveys (四不两直) count (I-58)."""
    count = tally.unannounced if tally.level is LeaderLevel.COUNTY else tally.surveys
    required = norm.required(tally.level)
    short = False if is_within(tally.area_code, region) else None
    return LeaderYear(
        leader=tally.leader,
        level=tally.level,
        area_code=tally.area_code,
        surveys=tally.surveys,
        count=count,
        required=required,
        met=True if count >= required else short,
    )
