"""What can be asked, the periods of a year as offices count them, and tables that add up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple

from shared.errors import Invalid

MAXIMUM_PERIODS = 400
MAXIMUM_CELLS = 50_000


class Period(StrEnum):
    """How time is divided."""

    MONTH = "month"
    TEN_DAY = "ten_day"  # 旬: from the 1st, the 11th and the 21st on
    WEEK = "week"  # from Monday
    DAY = "day"


class Measure(StrEnum):
    """What is counted. `open` is counted at the end of each period, `overdue` at this instant and
    by the day of the deadline; the others are what happened in it."""

    FOUND = "found"
    REPORTED = "reported"
    DONE = "done"
    OPEN = "open"
    OVERDUE = "overdue"


class RangeEmpty(Invalid):
    """The range of days is empty."""

    code = "RANGE_EMPTY"
    zh = "起始日期不得晚于截止日期。"
    en = "The first day must not be later than the last one."


class TooManyPeriods(Invalid):
    """The range of days has too many periods."""

    code = "TOO_MANY_PERIODS"
    zh = f"一次最多查询{MAXIMUM_PERIODS}个时段，请缩短日期范围或改用较长的时段。"
    en = f"At most {MAXIMUM_PERIODS} periods can be asked for at once."


class AxesAlike(Invalid):
    """Rows and columns are the same partition."""

    code = "AXES_ALIKE"
    zh = "行和列不能选择同一分组。"
    en = "Rows and columns must be different partitions."


class TableTooLarge(Invalid):
    """The table would have too many cells."""

    code = "TABLE_TOO_LARGE"
    zh = f"结果超过{MAXIMUM_CELLS}个单元格，请缩小范围或减少分组。"
    en = f"The table would have more than {MAXIMUM_CELLS} cells; narrow it down."


class Span(NamedTuple):
    """A period as far as it lies in the range asked for, both days included."""

    start: date
    end: date


def spans_between(period: Period | None, since: date, until: date) -> list[Span]:
    """The periods of a range, the first and the last one cut to it; one for the whole range
    without `period`. Raises `RangeEmpty` or `TooManyPeriods`."""
    if since > until:
        raise RangeEmpty
    spans: list[Span] = []
    start = since
    while start <= until:
        if len(spans) == MAXIMUM_PERIODS:
            raise TooManyPeriods
        end = until if period is None else min(until, _last_day(period, start))
        spans.append(Span(start, end))
        start = end + timedelta(days=1)
    return spans


def _last_day(period: Period, day: date) -> date:
    """The last day of the period that `day` lies in."""
    if period is Period.DAY:
        return day
    if period is Period.WEEK:
        return day + timedelta(days=6 - day.weekday())
    if period is Period.TEN_DAY and day.day <= 20:
        return day.replace(day=10 if day.day <= 10 else 20)
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


class Place(NamedTuple):
    """Where a number stands: its row, its column, its period (from 0)."""

    row: str
    column: str
    period: int


@dataclass(frozen=True, slots=True)
class Crosstab:
    """Numbers by row, column and period; cells that are nought are left out. `standing`: they are
    levels, not amounts, so that a sum over time is the last level."""

    spans: Sequence[Span]
    cells: Mapping[Place, int]
    standing: bool

    @property
    def rows(self) -> list[str]:
        """The keys of the rows, in order."""
        return sorted({place.row for place in self.cells})

    @property
    def columns(self) -> list[str]:
        """The keys of the columns, in order."""
        return sorted({place.column for place in self.cells})

    def of_rows(self) -> dict[str, int]:
        """The total of each row."""
        return self._add((place.row, place) for place in self.cells if self._counts(place))

    def of_columns(self) -> dict[str, int]:
        """The total of each column."""
        return self._add((place.column, place) for place in self.cells if self._counts(place))

    def of_periods(self) -> list[int]:
        """The total of each period."""
        sums = [0] * len(self.spans)
        for place, number in self.cells.items():
            sums[place.period] += number
        return sums

    @property
    def total(self) -> int:
        """The total of all."""
        return sum(number for place, number in self.cells.items() if self._counts(place))

    def _counts(self, place: Place) -> bool:
        return not self.standing or place.period == len(self.spans) - 1

    def _add(self, keyed: Iterable[tuple[str, Place]]) -> dict[str, int]:
        sums: dict[str, int] = {}
        for key, place in keyed:
            sums[key] = sums.get(key, 0) + self.cells[place]
        return sums


def amounts(spans: Sequence[Span], happened: Mapping[Place, int]) -> Crosstab:
    """A table of what happened in each period."""
    cells = {place: number for place, number in happened.items() if number}
    return Crosstab(spans, cells, standing=False)


def levels(
    spans: Sequence[Span],
    before: Mapping[tuple[str, str], int],
    happened: Mapping[Place, int],
) -> Crosstab:
    """A table of what stood at the end of each period: what stood `before` the first one (by row
    and column) and what has happened since. Raises `TableTooLarge`."""
    pairs = {*before, *((place.row, place.column) for place in happened)}
    if len(pairs) * len(spans) > MAXIMUM_CELLS:
        raise TableTooLarge
    cells = {}
    for row, column in pairs:
        level = before.get((row, column), 0)
        for period in range(len(spans)):
            place = Place(row, column, period)
            level += happened.get(place, 0)
            if level:
                cells[place] = level
    return Crosstab(spans, cells, standing=True)


class DayOfBacklog(NamedTuple):
    """What happened on a day, and what was open at its end."""

    day: date
    found: int
    reported: int
    done: int
    open: int


# Days since a problem was found: the classes begin with these.
AGE_CLASSES = (8, 16, 31, 61, 91)
AGE_NAMES = ("0–7天", "8–15天", "16–30天", "31–60天", "61–90天", "90天以上")
AGE_CODES = ("0-7", "8-15", "16-30", "31-60", "61-90", ">90")

# Days left until its deadline: the classes begin with these; the last one has no deadline.
DUE_CLASSES = (-90, -60, -30, -15, -7, 0, 8, 16, 31, 61, 91)
DUE_NAMES = (
    *("逾期90天以上", "逾期61–90天", "逾期31–60天", "逾期16–30天", "逾期8–15天", "逾期1–7天"),
    *("剩余0–7天", "剩余8–15天", "剩余16–30天", "剩余31–60天", "剩余61–90天", "剩余90天以上"),
    "无时限",
)
DUE_CODES = (
    *("over>90", "over61-90", "over31-60", "over16-30", "over8-15", "over1-7"),
    *("left0-7", "left8-15", "left16-30", "left31-60", "left61-90", "left>90"),
    "none",
)
NO_DEADLINE = len(DUE_CODES) - 1


@dataclass(frozen=True, slots=True)
class Ageing:
    """The open problems of one group by their classes; `key` is empty for the whole."""

    key: str
    ages: tuple[int, ...]
    dues: tuple[int, ...]

    @property
    def open(self) -> int:
        """How many are open."""
        return sum(self.ages)


def ageing_of(counted: Iterable[tuple[str, int, int, int]]) -> list[Ageing]:
    """The groups of `counted` (key, class of age, class of deadline, number), by key."""
    groups: dict[str, tuple[list[int], list[int]]] = {}
    for key, age, due, number in counted:
        ages, dues = groups.setdefault(key, ([0] * len(AGE_CODES), [0] * len(DUE_CODES)))
        ages[age] += number
        dues[due] += number
    return [Ageing(key, tuple(ages), tuple(dues)) for key, (ages, dues) in sorted(groups.items())]


def whole_ageing(groups: Sequence[Ageing]) -> Ageing:
    """The sum of a partition: by construction the total."""
    ages = (sum(group.ages[place] for group in groups) for place in range(len(AGE_CODES)))
    dues = (sum(group.dues[place] for group in groups) for place in range(len(DUE_CODES)))
    return Ageing("", tuple(ages), tuple(dues))


class StayGroup(StrEnum):
    """What times in a state can be grouped by."""

    COUNTY = "county"
    TOWNSHIP = "township"
    KIND = "kind"
    LEAD_DEPT = "lead_dept"


class Duration(NamedTuple):
    """How long the problems of a group stood in a state, in days; `key` is None for the whole."""

    key: str | None
    state: str
    number: int
    mean: float
    median: float
    p90: float


class Proposal(NamedTuple):
    """A kind found in many villages of a county, so that it should be handled as SYSTEMIC (I-21):
    in how many villages, how many problems, and how many of them are open."""

    county: str
    kind: str
    villages: int
    found: int
    open: int
