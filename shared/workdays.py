"""The Chinese statutory workday calendar: days off, make-up workdays, and years not yet announced.

The State Council announces a year's days off about two months before it begins. A year with its
notice is official; any other is answered by the Monday-to-Friday rule and the statutory days of
fixed date, and is provisional.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import accumulate


class DayKind(StrEnum):
    """What a notice makes of a day, whatever its weekday."""

    WORKDAY = "WORKDAY"
    HOLIDAY = "HOLIDAY"


# Regulation on public holidays, as in force since 2025. The festivals of the lunar and the solar
# calendar (Spring Festival, Qingming, Duanwu, Mid-Autumn) wait for the notice.
STATUTORY_FIXED_DAYS = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))

# Beyond these years the Monday-to-Friday rule answers alone.
FIRST_YEAR, LAST_YEAR = 1949, 2199


class WorkdayCalendar:
    """An immutable calendar that counts workdays in logarithmic time.

    `days` holds what the notices say of single days; `official_years` are the years whose notice is
    complete in it. Only the days that differ from the Monday-to-Friday rule are stored, with the
    running sum of the differences, so a count is one multiplication and one bisection.
    """

    __slots__ = ("_corrections", "_days", "_exceptions", "_official_years")

    def __init__(self, days: Mapping[date, DayKind], official_years: Collection[int]) -> None:
        self._days = dict(days)
        self._official_years = frozenset(official_years)
        statutory = {
            date(year, month, day): DayKind.HOLIDAY
            for year in range(FIRST_YEAR, LAST_YEAR + 1)
            if year not in self._official_years
            for month, day in STATUTORY_FIXED_DAYS
        }
        exceptions = sorted(
            (day.toordinal(), 1 if kind is DayKind.WORKDAY else -1)
            for day, kind in (statutory | self._days).items()
            if (kind is DayKind.WORKDAY) != (day.weekday() < 5)
        )
        self._exceptions = [ordinal for ordinal, _ in exceptions]
        self._corrections = [0, *accumulate(correction for _, correction in exceptions)]

    def is_workday(self, day: date) -> bool:
        """Whether offices work on `day`."""
        ordinal = day.toordinal()
        position = bisect_left(self._exceptions, ordinal)
        is_exception = self._exceptions[position : position + 1] == [ordinal]
        return (day.weekday() < 5) != is_exception

    def is_provisional(self, year: int) -> bool:
        """Whether the notice of `year` is missing, so that its answers may still change."""
        return year not in self._official_years

    def add_workdays(self, day: date, workdays: int) -> date:
        """The last day of a term of `workdays` that starts the day after `day`.

        A negative term runs backwards from the day before `day`; 0 gives `day` itself, workday or
        not.
        """
        if workdays > 0:
            return self._workday_at(self._count(day.toordinal()) + workdays)
        if workdays < 0:
            return self._workday_at(self._count(day.toordinal() - 1) + 1 + workdays)
        return day

    def workdays_between(self, start: date, end: date) -> int:
        """The workdays after `start` up to and including `end`; negative when `end` is earlier."""
        return self._count(end.toordinal()) - self._count(start.toordinal())

    def with_overrides(
        self, rows: Iterable[tuple[date, DayKind]], official_years: Collection[int] = ()
    ) -> "WorkdayCalendar":
        """A calendar in which `rows` win over what was known.

        Name in `official_years` the years for which `rows` are the complete notice; other rows
        change single days only and leave their year as official or provisional as it was.
        """
        return WorkdayCalendar(self._days | dict(rows), self._official_years.union(official_years))

    def _count(self, ordinal: int) -> int:
        """The workdays from 1 January of year 1 (a Monday) up to and including `ordinal`."""
        weeks, rest = divmod(ordinal, 7)
        return weeks * 5 + min(rest, 5) + self._corrections[bisect_right(self._exceptions, ordinal)]

    def _workday_at(self, number: int) -> date:
        """The day on which the count reaches `number`: always a workday."""
        # The weekday rule alone puts it near `estimate`; each exception moves it by less than two
        # days.
        estimate = number * 7 // 5
        slack = 2 * len(self._exceptions) + 7
        ordinals = range(max(estimate - slack, 1), min(estimate + slack, date.max.toordinal()) + 1)
        return date.fromordinal(ordinals[bisect_left(ordinals, number, key=self._count)])


@cache
def official_calendar() -> WorkdayCalendar:
    """The calendar of the notices published with this library: 2004 to 2026."""
    source = files("shared").joinpath("data", "workdays.json").read_text(encoding="utf-8")
    years: dict[str, dict[str, list[str]]] = json.loads(source)
    days: dict[date, DayKind] = {}
    for year, lists in years.items():
        for name, kind in (("holidays", DayKind.HOLIDAY), ("workdays", DayKind.WORKDAY)):
            days |= {date.fromisoformat(f"{year}-{day}"): kind for day in lists[name]}
    return WorkdayCalendar(days, [int(year) for year in years])
