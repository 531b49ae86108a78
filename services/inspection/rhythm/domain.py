"""The week of a unit: on how many days it was studied and patrolled, and what is missing (I-35)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from shared.errors import Invalid
from shared.regions import Level, is_within, level_of, region_of
from shared.workdays import WorkdayCalendar


class RhythmKind(StrEnum):
    """What a record is of."""

    STUDY = "STUDY"  # 主要领导每周定期研判
    PATROL = "PATROL"  # 分管领导每天巡回督促


class WeekInvalid(Invalid):
    """There is no such week."""

    code = "WEEK_INVALID"
    zh = "周次应写作 2019-W37（年-W两位周次），并在2000年至2099年之间。"
    en = "A week is written 2019-W37 (ISO 8601) and lies between the years 2000 and 2099."


class RecordInFuture(Invalid):
    """What is recorded cannot lie in the future."""

    code = "RECORD_IN_FUTURE"
    zh = "记录日期不得晚于今天。"
    en = "The day recorded must not lie in the future."


class PatrolPlaceRequired(Invalid):
    """A patrol names the township or village it went to."""

    code = "PATROL_PLACE_REQUIRED"
    zh = "巡回督促记录须填所到的乡镇或村。"
    en = "A patrol names the township or village it went to."


class PlaceOutsideUnit(Invalid):
    """The place lies outside the unit's region."""

    code = "PLACE_OUTSIDE_UNIT"
    zh = "所到地点不在该单位所属区域内。"
    en = "The place lies outside the region the unit belongs to."


class RegionTooWide(Invalid):
    """The weeks are read county by county."""

    code = "REGION_TOO_WIDE"
    zh = "请按县或县以下区划查询。"
    en = "Ask for a county or a region below one."


@dataclass(frozen=True, slots=True)
class Week:
    """A week from Monday to Sunday with the days offices work."""

    code: str
    monday: date
    workdays: tuple[date, ...]

    @property
    def sunday(self) -> date:
        """The last day."""
        return self.monday + timedelta(days=6)


@dataclass(frozen=True, slots=True)
class Norm:
    """What a week asks for: days of study, and of patrol; None: every workday."""

    studies: int = 1
    patrols: int | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A study or patrol that did not take place; `on` where the norm names the very day."""

    kind: RhythmKind
    on: date | None = None


@dataclass(frozen=True, slots=True)
class UnitWeek:
    """A unit's week. Nothing is missing of days that are not over yet."""

    org: str
    study_days: int
    patrol_days: int
    study_required: int
    patrol_required: int
    missing: tuple[Missing, ...]


Days = Mapping[RhythmKind, Collection[date]]
"""The days of a week on which a unit has a record, by kind."""

_WEEK = re.compile(r"20[0-9]{2}-W[0-9]{2}")


def parse_week(text: str, calendar: WorkdayCalendar) -> Week:
    """The week written `2019-W37`; raises `WeekInvalid`."""
    try:
        if not _WEEK.fullmatch(text):
            raise ValueError
        monday = date.fromisoformat(text)
    except ValueError:
        raise WeekInvalid.about("week") from None
    days = (monday + timedelta(days=number) for number in range(7))
    return Week(text, monday, tuple(day for day in days if calendar.is_workday(day)))


def check_record(kind: RhythmKind, org: str, on: date, place: str | None, today: date) -> None:
    """Raise `RecordInFuture`, `PatrolPlaceRequired` or `PlaceOutsideUnit`."""
    if on > today:
        raise RecordInFuture.about("on")
    if place is not None and not is_within(place, region_of(org)):
        raise PlaceOutsideUnit.about("place")
    if kind is RhythmKind.PATROL and (
        place is None or level_of(place) not in (Level.TOWNSHIP, Level.VILLAGE)
    ):
        raise PatrolPlaceRequired.about("place")


def check_width(region: str) -> None:
    """Raise `RegionTooWide` above the county."""
    if level_of(region) in (Level.PROVINCE, Level.CITY):
        raise RegionTooWide.about("region_code")


def judge_week(org: str, days: Days, week: Week, norm: Norm, today: date) -> UnitWeek:
    """A unit's week against the norm, as it stands at the beginning of `today` (I-35).

    A patrol of a day off counts as a day but replaces none of a workday.
    """
    studies = frozenset(days.get(RhythmKind.STUDY, ()))
    patrols = frozenset(days.get(RhythmKind.PATROL, ()))
    required = len(week.workdays)
    if norm.patrols is not None:
        required = min(norm.patrols, required)
    missing = _shortage(RhythmKind.STUDY, norm.studies - len(studies), week, today)
    if norm.patrols is None:
        missing += [
            Missing(RhythmKind.PATROL, day)
            for day in week.workdays
            if day < today and day not in patrols
        ]
    else:
        missing += _shortage(RhythmKind.PATROL, required - len(patrols), week, today)
    return UnitWeek(org, len(studies), len(patrols), norm.studies, required, tuple(missing))


def _shortage(kind: RhythmKind, count: int, week: Week, today: date) -> list[Missing]:
    """`count` missing ones without a day of their own: known once the week is over."""
    return [Missing(kind)] * count if week.sunday < today else []
