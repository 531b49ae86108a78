"""Reading problems: by id, for change, and in pages within a caller's sight."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, text, tuple_
from sqlmodel import col, select

from services.inspection.problems.domain.states import FINISHED, State
from services.inspection.problems.tables import Problem
from services.inspection.scope import CORRUPTION_PREFIX, STYLE, Sight
from shared.database import ReadSession, Session
from shared.errors import NotFound
from shared.regions import Level, county_of, level_of, prefix_range
from shared.web.pagination import PageRequest

# Problems without a deadline stand behind all others; the indexes hold the same expression.
_DUE: ColumnElement[date] = literal_column("coalesce(problems.due_on, DATE '9999-12-31')")
_ORDER: tuple[Any, ...] = (col(Problem.finished), _DUE, col(Problem.id))

_OPEN_SUBJECTS = text(
    """
    SELECT problems.* FROM problems
    JOIN unnest(CAST(:types AS text[]), CAST(:refs AS text[]), CAST(:kinds AS text[]))
         AS wanted (object_type, object_ref, kind)
      USING (object_type, object_ref, kind)
    WHERE NOT problems.finished ORDER BY problems.id FOR UPDATE OF problems
    """
)

_UNGUARDED = text(
    """
    SELECT problems.* FROM problems
    WHERE NOT finished AND state = ANY(:states) AND due_on IS NOT NULL AND overdue_level < :levels
      AND NOT EXISTS (
        SELECT FROM timer
        WHERE subject_type = 'problem' AND subject_id = problems.id AND timer.state = 'armed')
    ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED
    """
)

_AUDIT = text(
    "SELECT at, action, person, organisation, remark, change FROM audit"
    " WHERE object_type = 'problem' AND object_id = :id ORDER BY id"
)


@dataclass(frozen=True, slots=True)
class ProblemFilters:
    """What a list is narrowed to; None leaves a filter out. `as_of` takes the problems found by
    that day and judges `overdue` on it."""

    campaign_id: UUID | None = None
    lead_dept: str | None = None
    state: State | None = None
    kind: str | None = None
    severity: str | None = None
    cohort: str | None = None
    tier: str | None = None
    region_prefix: str | None = None
    overdue: bool | None = None
    as_of: date | None = None


_PLAIN = ("campaign_id", "lead_dept", "state", "kind", "severity", "cohort", "tier")


async def get_problem(session: ReadSession, sight: Sight, problem_id: UUID) -> Problem:
    """One problem; raises `NotFound` when it lies outside the sight."""
    return _found(await session.scalar(_one(sight, problem_id)))


async def get_problem_for_update(session: Session, sight: Sight, problem_id: UUID) -> Problem:
    """One problem, locked; raises `NotFound` when it lies outside the sight."""
    return _found(await session.scalar(_one(sight, problem_id).with_for_update()))


async def lock_problems(session: Session, problem_ids: Sequence[UUID]) -> list[Problem]:
    """Those of the problems that exist, locked in the order of their ids."""
    statement = select(Problem).where(col(Problem.id) == func.any(list(problem_ids)))
    return list(await session.scalars(statement.order_by(col(Problem.id)).with_for_update()))


async def lock_open_problems(
    session: Session, subjects: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], Problem]:
    """The open problem of each subject (object type, object, kind) that has one, locked."""
    types, refs, kinds = (list(column) for column in zip(*subjects, strict=True))
    statement = select(Problem).from_statement(_OPEN_SUBJECTS)
    found = await session.scalars(
        statement,
        {"types": types, "refs": refs, "kinds": kinds},
        execution_options={"populate_existing": True},
    )
    return {(row.object_type, row.object_ref, row.kind): row for row in found}


async def lock_unguarded_problems(
    session: Session, states: Sequence[str], levels: int
) -> list[Problem]:
    """Problems in one of `states` with a deadline and fewer than `levels` notices of its passing,
    for which no timer is armed: there should be none."""
    statement = select(Problem).from_statement(_UNGUARDED)
    return list(await session.scalars(statement, {"states": list(states), "levels": levels}))


async def list_problems(
    session: ReadSession, sight: Sight, filters: ProblemFilters, page: PageRequest
) -> list[Problem]:
    """A page of problems: open before finished, by deadline, those without one last."""
    statement = page_statement(sight, filters, page)
    return list(await session.scalars(statement))


def page_statement(sight: Sight, filters: ProblemFilters, page: PageRequest) -> Select[Any]:
    """The statement of one page, with one row to look ahead."""
    statement = select(Problem).where(*_in_sight(sight), *_matching(filters))
    key = page.key(int, date, UUID)
    if key is not None:
        statement = statement.where(tuple_(*_ORDER) > tuple_(bool(key[0]), key[1], key[2]))
    return statement.order_by(*_ORDER).limit(page.limit + 1)


def page_key(problem: Problem) -> tuple[bool, date, UUID]:
    """The sort key of a problem."""
    return problem.finished, problem.due_on or date(9999, 12, 31), problem.id


async def list_audit(session: ReadSession, problem_id: UUID) -> list[dict[str, Any]]:
    """Who did what to a problem, oldest first."""
    rows = await session.execute(_AUDIT, {"id": str(problem_id)})
    return [dict(row) for row in rows.mappings()]


def _one(sight: Sight, problem_id: UUID) -> Select[Any]:
    return select(Problem).where(col(Problem.id) == problem_id, *_in_sight(sight))


def _found(problem: Problem | None) -> Problem:
    if problem is None:
        raise NotFound
    return problem


def _in_sight(sight: Sight) -> list[ColumnElement[bool]]:
    conditions = _within(sight.region)
    if sight.department is not None:
        conditions.append(col(Problem.lead_dept) == sight.department)
    if not sight.sensitive:
        kind = col(Problem.kind)
        conditions += [kind != STYLE, ~func.starts_with(kind, CORRUPTION_PREFIX)]
    return conditions


def _within(region: str) -> list[ColumnElement[bool]]:
    """Equality where an index holds the code of that level, a range of codes elsewhere."""
    place = col(Problem.village_code)
    level = level_of(region)
    if level is Level.VILLAGE:
        return [place == region]
    low, high = prefix_range(region)
    conditions = [place >= low, place < high] if level is not Level.COUNTY else []
    county = county_of(region)
    if county is not None:
        conditions.append(col(Problem.county_code) == county)
    return conditions


def _matching(filters: ProblemFilters) -> list[ColumnElement[bool]]:
    conditions = [
        col(getattr(Problem, name)) == value
        for name in _PLAIN
        if (value := getattr(filters, name)) is not None
    ]
    if filters.state is not None:  # lets the indexes begin at the right half
        conditions.append(col(Problem.finished) == (filters.state in FINISHED))
    if filters.region_prefix is not None:
        conditions += _within(filters.region_prefix)
    if filters.as_of is not None:
        conditions.append(col(Problem.found_on) <= filters.as_of)
    if filters.overdue is not None:
        conditions += _overdue(filters.overdue, filters.as_of)
    return conditions


def _overdue(wanted: bool, as_of: date | None) -> list[ColumnElement[bool]]:
    if as_of is None:
        passed: ColumnElement[bool] = col(Problem.overdue_level) > 0
    else:
        passed = and_(col(Problem.due_on) < as_of, ~col(Problem.finished))
    return [passed, ~col(Problem.finished)] if wanted else [~passed]
