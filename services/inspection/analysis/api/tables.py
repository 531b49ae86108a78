"""GET /analysis/problems and GET /analysis/backlog: tables over time from the ledger."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from services.inspection.analysis.api.headings import (
    HeadingView,
    find_names,
    key_cells,
    key_columns,
)
from services.inspection.analysis.domain import (
    AxesAlike,
    Crosstab,
    Measure,
    Period,
    RangeEmpty,
    TableTooLarge,
    TooManyPeriods,
    spans_between,
)
from services.inspection.analysis.queries.ledger import (
    Axes,
    read_amounts,
    read_backlog,
    read_open,
    read_standing,
)
from services.inspection.analysis.queries.problems import read_overdue
from services.inspection.fields import CivilDate
from services.inspection.ledger.api import LedgerFilters
from services.inspection.ledger.domain import GroupBy
from services.inspection.ledger.queries import Filters
from services.inspection.roles import Reader
from services.inspection.scope import Sight, sight_of
from shared import clock
from shared.errors import Invalid
from shared.runtime import Runtime
from shared.spreadsheets import Cell, Column, Kind
from shared.web.dependencies import RunningService
from shared.web.downloads import FILE_ANSWERS, ChosenFormat, Format, download
from shared.web.problem_details import refusals

router = APIRouter(prefix="/analysis", tags=["analysis"])

_MEASURES = {
    Measure.FOUND: "发现数",
    Measure.REPORTED: "上报完成数",
    Measure.DONE: "销号数",
    Measure.OPEN: "未销号数",
    Measure.OVERDUE: "逾期数",
}
_EARLIEST = date(2000, 1, 1)

Since = Annotated[CivilDate | None, Query(alias="from")]
Until = Annotated[CivilDate | None, Query(alias="to")]


class PeriodView(BaseModel):
    """A period, both days included, and its total."""

    start: date
    end: date
    total: int


class CellView(BaseModel):
    """A number that is not nought: keys of its row and column, first day of its period."""

    row: str
    column: str
    start: date
    number: int


class CrosstabView(BaseModel):
    """Numbers by row, column and period. Each partition adds up to `total`; for what is open that
    is the number at the end of the last period, for rows and columns too."""

    measure: Measure
    total: int
    rows: list[HeadingView]
    columns: list[HeadingView]
    periods: list[PeriodView]
    cells: list[CellView]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of /analysis/problems; without `since` all that ever happened is meant."""

    axes: Axes
    measure: Measure
    period: Period | None
    since: date | None
    until: date | None


async def _question(
    rows: GroupBy | None = None,
    columns: GroupBy | None = None,
    period: Period | None = None,
    since: Since = None,
    until: Until = None,
    measure: Measure = Measure.FOUND,
) -> Question:
    if rows is not None and rows is columns:
        raise AxesAlike
    if period is not None and since is None:
        since = (until or clock.today()).replace(month=1, day=1)
    return Question(Axes(rows, columns), measure, period, since, until)


@router.get(
    "/problems",
    response_model=CrosstabView,
    responses={
        **refusals(Invalid, AxesAlike, RangeEmpty, TooManyPeriods, TableTooLarge),
        **FILE_ANSWERS,
    },
)
async def analyse_problems(
    runtime: RunningService,
    actor: Reader,
    chosen: ChosenFormat,
    question: Annotated[Question, Depends(_question)],
    filters: LedgerFilters,
) -> CrosstabView | StreamingResponse:
    """A table of the caller's own problems: `rows` × `columns` × `period`, each of them optional,
    in any combination (I-55).

    `measure`: `found`, `reported` (by the units as done) and `done` (closed) count what happened
    from `from` to `to`, less what was taken back; `open` counts at the end of each period;
    `overdue` counts what is overdue at this instant by the day of its deadline. With `period` and
    without `from` the year of `to` is meant, without both all days; `to` is today if left out.
    Periods at the edges are cut to the range."""
    table = await _tabulate(runtime, sight_of(actor), question, filters)
    async with runtime.database.statement() as connection:
        rows = await find_names(connection, question.axes.rows, table.rows)
        columns = await find_names(connection, question.axes.columns, table.columns)
    if chosen is Format.JSON:
        return _view(table, question.measure, rows, columns)
    return await download(
        chosen,
        f"问题分析-{_MEASURES[question.measure]}",
        _file_columns(table, question, columns),
        _file_rows(table, question, rows),
    )


async def _tabulate(
    runtime: Runtime, sight: Sight, question: Question, filters: Filters
) -> Crosstab:
    measure, axes = question.measure, question.axes
    until = question.until or clock.today()
    spans = spans_between(question.period, question.since or _EARLIEST, until)
    if measure is Measure.OVERDUE:
        async with runtime.database.reading() as session:
            return await read_overdue(session, sight, filters, axes, spans)
    async with runtime.database.statement() as connection:
        if question.since is None:
            return await read_standing(
                connection, sight, filters, axes, measure, spans[0], as_of=question.until
            )
        if measure is Measure.OPEN:
            return await read_open(connection, sight, filters, axes, spans)
        return await read_amounts(connection, sight, filters, axes, measure, spans)


def _view(
    table: Crosstab, measure: Measure, rows: Mapping[str, str], columns: Mapping[str, str]
) -> CrosstabView:
    of_rows, of_columns = table.of_rows(), table.of_columns()
    return CrosstabView(
        measure=measure,
        total=table.total,
        rows=[
            HeadingView(key=key, name=rows[key], total=of_rows.get(key, 0)) for key in table.rows
        ],
        columns=[
            HeadingView(key=key, name=columns[key], total=of_columns.get(key, 0))
            for key in table.columns
        ],
        periods=[
            PeriodView(start=span.start, end=span.end, total=total)
            for span, total in zip(table.spans, table.of_periods(), strict=True)
        ],
        cells=[
            CellView(
                row=place.row,
                column=place.column,
                start=table.spans[place.period].start,
                number=number,
            )
            for place, number in sorted(table.cells.items())
        ],
    )


def _file_columns(table: Crosstab, question: Question, names: Mapping[str, str]) -> list[Column]:
    measure = _MEASURES[question.measure]
    dated = [Column("起始日期", Kind.DATE), Column("截止日期", Kind.DATE)]
    numbers = [] if question.axes.columns is None else [names[key] for key in table.columns]
    return [
        *key_columns(question.axes.rows),
        *(dated if question.period else []),
        *(Column(name, Kind.INTEGER) for name in numbers),
        Column(measure if question.axes.columns is None else f"{measure}合计", Kind.INTEGER),
    ]


def _file_rows(
    table: Crosstab, question: Question, names: Mapping[str, str]
) -> Iterator[list[Cell]]:
    """One line for each row and period that has a number."""
    lines: dict[tuple[str, int], dict[str, int]] = {}
    for place, number in table.cells.items():
        lines.setdefault((place.row, place.period), {})[place.column] = number
    columns = [] if question.axes.columns is None else table.columns
    for (row, period), numbers in sorted(lines.items()):
        yield [
            *key_cells(question.axes.rows, row, names),
            *(table.spans[period] if question.period else ()),
            *(numbers.get(column, 0) for column in columns),
            sum(numbers.values()),
        ]


class DayView(BaseModel):
    """What happened on a day and what was open at its end."""

    day: date
    found: int
    reported: int
    done: int
    open: int


class BacklogView(BaseModel):
    """Each day of the range."""

    days: list[DayView]


@router.get(
    "/backlog",
    response_model=BacklogView,
    responses={**refusals(Invalid, RangeEmpty, TooManyPeriods), **FILE_ANSWERS},
)
async def analyse_backlog(
    runtime: RunningService,
    actor: Reader,
    chosen: ChosenFormat,
    filters: LedgerFilters,
    since: Since = None,
    until: Until = None,
) -> BacklogView | StreamingResponse:
    """How many problems were open at the end of each day from `from` (30 days before `to`, if left
    out) to `to` (today), and what happened on it; at most 400 days."""
    last = until or clock.today()
    first = since or clock.days_after(last, -30)
    async with runtime.database.statement() as connection:
        days = await read_backlog(connection, sight_of(actor), filters, first, last)
    if chosen is Format.JSON:
        return BacklogView(days=[DayView(**day._asdict()) for day in days])
    return await download(chosen, "未销号趋势", _BACKLOG, days)


_BACKLOG = (
    Column("日期", Kind.DATE),
    *(
        Column(_MEASURES[measure], Kind.INTEGER)
        for measure in (Measure.FOUND, Measure.REPORTED, Measure.DONE, Measure.OPEN)
    ),
)
