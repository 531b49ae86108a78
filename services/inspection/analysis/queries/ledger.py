"""Tables over time from the ledger: what happened in each period, what stood at its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from services.inspection.analysis.domain import (
    MAXIMUM_CELLS,
    Crosstab,
    DayOfBacklog,
    Measure,
    Period,
    Place,
    Span,
    TableTooLarge,
    amounts,
    levels,
    spans_between,
)
from services.inspection.ledger.domain import GroupBy
from services.inspection.ledger.queries import Counts, Filters, count_changes, count_standing
from services.inspection.scope import Sight
from shared.database import Connection


@dataclass(frozen=True, slots=True)
class Axes:
    """The rows and columns of a table: each a partition, or one line for all (None)."""

    rows: GroupBy | None
    columns: GroupBy | None

    @property
    def keys(self) -> list[GroupBy]:
        """The partitions there are, rows first."""
        return [axis for axis in (self.rows, self.columns) if axis is not None]

    def pair(self, keys: Sequence[str]) -> tuple[str, str]:
        """The row and the column that `keys`, in the order of `self.keys`, stand for."""
        row = "" if self.rows is None else keys[0]
        return row, "" if self.columns is None else keys[-1]


async def read_amounts(
    connection: Connection,
    sight: Sight,
    filters: Filters,
    axes: Axes,
    measure: Measure,
    spans: Sequence[Span],
) -> Crosstab:
    """How many were found, reported or done in each of `spans`: what was taken back counts
    against the day it was taken back."""
    changes = await _changes(connection, sight, filters, axes.keys, spans)
    return amounts(spans, _placed(axes, measure, changes))


async def read_open(
    connection: Connection, sight: Sight, filters: Filters, axes: Axes, spans: Sequence[Span]
) -> Crosstab:
    """How many were open at the end of each of `spans`."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        before = await _stood_before(connection, sight, filters, axes.keys, spans)
        changes = await _changes(connection, sight, filters, axes.keys, spans)
    stood = {axes.pair(counts.keys): _number(Measure.OPEN, counts) for counts in before}
    return levels(spans, stood, _placed(axes, Measure.OPEN, changes))


async def read_standing(
    connection: Connection,
    sight: Sight,
    filters: Filters,
    axes: Axes,
    measure: Measure,
    span: Span,
    *,
    as_of: date | None,
) -> Crosstab:
    """How many were ever found, reported or done, or are open, by the end of `as_of` (None: at
    this instant); `span` is what the table calls that time."""
    counts = await count_standing(connection, sight, filters, axes.keys, as_of, _AT_MOST)
    refuse_too_many(counts)
    return amounts(
        [span], {Place(*axes.pair(one.keys), 0): _number(measure, one) for one in counts}
    )


async def read_backlog(
    connection: Connection, sight: Sight, filters: Filters, since: date, until: date
) -> list[DayOfBacklog]:
    """Each day from `since` to `until`; raises `RangeEmpty` or `TooManyPeriods`."""
    spans = spans_between(Period.DAY, since, until)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        before = await _stood_before(connection, sight, filters, [], spans)
        changes = await _changes(connection, sight, filters, [], spans)
    left = sum(_number(Measure.OPEN, counts) for counts in before)
    happened = {counts.period: counts for counts in changes}
    days = []
    for number, span in enumerate(spans, 1):
        counts = happened.get(number, Counts(number, (), 0, 0, 0))
        left += _number(Measure.OPEN, counts)
        days.append(DayOfBacklog(span.start, counts.found, counts.reported, counts.closed, left))
    return days


async def _stood_before(
    connection: Connection,
    sight: Sight,
    filters: Filters,
    keys: Sequence[GroupBy],
    spans: Sequence[Span],
) -> list[Counts]:
    day_before = spans[0].start - timedelta(days=1)
    counts = await count_standing(connection, sight, filters, keys, day_before, _AT_MOST)
    refuse_too_many(counts)
    return counts


async def _changes(
    connection: Connection,
    sight: Sight,
    filters: Filters,
    keys: Sequence[GroupBy],
    spans: Sequence[Span],
) -> list[Counts]:
    starts, until = [span.start for span in spans], spans[-1].end
    counts = await count_changes(connection, sight, filters, keys, starts, until, _AT_MOST)
    refuse_too_many(counts)
    return counts


def _placed(axes: Axes, measure: Measure, changes: Sequence[Counts]) -> dict[Place, int]:
    return {
        Place(*axes.pair(counts.keys), counts.period - 1): _number(measure, counts)
        for counts in changes
    }


def _number(measure: Measure, counts: Counts) -> int:
    if measure is Measure.OPEN:
        return counts.found - counts.closed
    return {
        Measure.FOUND: counts.found,
        Measure.REPORTED: counts.reported,
        Measure.DONE: counts.closed,
    }[measure]


_AT_MOST = MAXIMUM_CELLS + 1


def refuse_too_many(groups: Sequence[object]) -> None:
    """Raise `TableTooLarge` for more groups than a table has cells."""
    if len(groups) > MAXIMUM_CELLS:
        raise TableTooLarge
