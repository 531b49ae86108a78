"""What the ledger does not know: deadlines, ages, times in a state, how many villages."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Date, Integer, func, literal, null, select, text
from sqlalchemy.sql.expression import SQLColumnExpression
from sqlmodel import col

from services.inspection.analysis.domain import (
    AGE_CLASSES,
    DUE_CLASSES,
    MAXIMUM_CELLS,
    NO_DEADLINE,
    Ageing,
    Crosstab,
    Duration,
    Place,
    Proposal,
    Span,
    StayGroup,
    ageing_of,
    amounts,
)
from services.inspection.analysis.queries.ledger import Axes, refuse_too_many
from services.inspection.deadlines.domain import Scope
from services.inspection.ledger.domain import GroupBy
from services.inspection.ledger.queries import PLACE_DIGITS, Filters
from services.inspection.problems.domain.states import State
from services.inspection.problems.queries import in_sight, within
from services.inspection.problems.tables import Problem, ProblemStay
from services.inspection.scope import Sight
from shared import clock
from shared.database import ReadSession

_DAY_SECONDS = 86_400


async def read_overdue(
    session: ReadSession, sight: Sight, filters: Filters, axes: Axes, spans: Sequence[Span]
) -> Crosstab:
    """How many open problems are overdue at this instant, by the period of their deadlines."""
    starts = literal([span.start for span in spans], ARRAY(Date))
    keys = [_key(axis) for axis in axes.keys]
    statement = (
        select(func.width_bucket(col(Problem.due_on), starts), *keys, func.count())
        .where(
            *_seen(sight, filters),
            ~col(Problem.finished),
            col(Problem.overdue_level) > 0,
            col(Problem.due_on).between(spans[0].start, spans[-1].end),
        )
        .group_by(text(", ".join(str(place + 1) for place in range(len(keys) + 1))))
        .limit(MAXIMUM_CELLS + 1)
    )
    rows = (await session.execute(statement)).all()
    refuse_too_many(rows)
    return amounts(spans, {Place(*axes.pair(row[1:-1]), row[0] - 1): row[-1] for row in rows})


async def read_ageing(
    session: ReadSession, sight: Sight, filters: Filters, group_by: GroupBy | None, today: date
) -> list[Ageing]:
    """The open problems of each group by the days since they were found and until they are due.

    Raises `TableTooLarge`.
    """
    age = _class(literal(today, Date) - col(Problem.found_on), AGE_CLASSES)
    due = func.coalesce(
        _class(col(Problem.due_on) - literal(today, Date), DUE_CLASSES), NO_DEADLINE
    )
    key = literal("") if group_by is None else _key(group_by)
    statement = (
        select(key, age, due, func.count())
        .where(*_seen(sight, filters), ~col(Problem.finished), _is_counted())
        .group_by(text("1, 2, 3"))
        .limit(MAXIMUM_CELLS + 1)
    )
    rows = (await session.execute(statement)).all()
    refuse_too_many(rows)
    return ageing_of(rows)


def _class(days: ColumnElement[Any], starts: Sequence[int]) -> ColumnElement[int]:
    return func.width_bucket(days, literal(list(starts), ARRAY(Integer)))


async def read_proposals(
    session: ReadSession, sight: Sight, filters: Filters, since: date | None
) -> list[Proposal]:
    """The kinds found (since a day) in a county where nobody handles them as SYSTEMIC yet
    (I-21), those in most villages first."""
    place = col(Problem.village_code)
    villages = func.count(place.distinct()).filter(func.length(place) == PLACE_DIGITS["village"])
    systemic = col(Problem.scope) == Scope.SYSTEMIC
    newly = [] if since is None else [(col(Problem.found_on) >= since) | systemic]
    open_ones = func.count().filter(~col(Problem.finished))
    statement = (
        select(col(Problem.county_code), col(Problem.kind), villages, func.count(), open_ones)
        .where(*_seen(sight, filters), _is_counted(), *newly)
        .group_by(col(Problem.county_code), col(Problem.kind))
        .having(~func.bool_or(systemic))
        .order_by(villages.desc(), col(Problem.county_code), col(Problem.kind))
    )
    return [Proposal(*row) for row in (await session.execute(statement)).all()]


def _is_counted() -> ColumnElement[bool]:
    """Whether the ledger counts a problem (I-54)."""
    return col(Problem.state).not_in([State.SUSPECTED, State.WITHDRAWN])


def _key(
    axis: GroupBy | StayGroup, table: type[Problem] | type[ProblemStay] = Problem
) -> SQLColumnExpression[str]:
    digits = PLACE_DIGITS.get(axis)
    if digits is not None:
        return func.left(col(table.village_code), digits)
    return col(getattr(table, axis))


def _seen(sight: Sight, filters: Filters) -> list[ColumnElement[bool]]:
    conditions = in_sight(sight)
    if filters.region is not None:
        conditions += within(filters.region)
    if filters.kind_prefix is not None:
        conditions.append(func.starts_with(col(Problem.kind), filters.kind_prefix))
    return conditions + [
        col(getattr(Problem, name)) == value
        for name in ("campaign_id", "severity", "object_type", "cohort", "source", "lead_dept")
        if (value := getattr(filters, name)) is not None
    ]


async def read_durations(
    session: ReadSession,
    sight: Sight,
    filters: Filters,
    group_by: StayGroup | None,
    since: date,
    until: date,
) -> list[Duration]:
    """How long the problems of each group stood in each state they left from `since` to `until`;
    the whole comes first."""
    stay = ProblemStay
    days = func.extract("epoch", col(stay.left_at) - col(stay.entered_at)) / _DAY_SECONDS
    key = null() if group_by is None else _key(group_by, stay)
    groups = "2" if group_by is None else "GROUPING SETS ((1, 2), (2))"  # each one and the whole
    percentile = func.percentile_cont
    statement = (
        select(
            key,
            col(stay.state),
            func.count(),
            func.avg(days),
            percentile(0.5).within_group(days),
            percentile(0.9).within_group(days),
        )
        .where(
            *in_sight(sight, stay),
            *_stays_matching(filters),
            col(stay.left_at) >= clock.start_of_day(since),
            col(stay.left_at) < clock.start_of_day(until + timedelta(days=1)),
        )
        .group_by(text(groups))
        .order_by(text("1 NULLS FIRST, 2"))
    )
    rows = (await session.execute(statement)).all()
    return [Duration(row[0], row[1], row[2], *map(float, row[3:])) for row in rows]


def _stays_matching(filters: Filters) -> list[ColumnElement[bool]]:
    conditions = [] if filters.region is None else within(filters.region, ProblemStay)
    if filters.kind_prefix is not None:
        conditions.append(func.starts_with(col(ProblemStay.kind), filters.kind_prefix))
    if filters.campaign_id is not None:
        conditions.append(col(ProblemStay.campaign_id) == filters.campaign_id)
    if filters.lead_dept is not None:
        conditions.append(col(ProblemStay.lead_dept) == filters.lead_dept)
    return conditions
