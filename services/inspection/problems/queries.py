"""Reading problems: by id, for change, and in pages within a caller's sight."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    any_,
    func,
    literal,
    literal_column,
    or_,
    text,
    tuple_,
)
from sqlmodel import col, select

from services.inspection.deadlines.domain import Severity
from services.inspection.kinds import CORRUPTION_PREFIX, STYLE
from services.inspection.problems.domain.states import FINISHED, State
from services.inspection.problems.tables import Problem, ProblemStay, Subject
from services.inspection.routing.domain import Department
from services.inspection.scope import Sight
from shared.database import Connection, ReadSession, Session
from shared.errors import NotFound
from shared.regions import Level, county_of, level_of, prefix_range
from shared.web.pagination import PageRequest

# Problems without a deadline stand behind all others; the indexes hold the same expression.
_DUE: ColumnElement[date] = literal_column("coalesce(problems.due_on, DATE '9999-12-31')")
_ORDER: tuple[Any, ...] = (col(Problem.finished), _DUE, col(Problem.id))

_OPEN_SUBJECTS = text(
    """
    SELECT problems.* FROM problems
    JOIN unnest(CAST(:types AS text[]), CAST(:refs AS text[]), CAST(:kinds AS text[]),
                CAST(:counties AS text[])) AS wanted (object_type, object_ref, kind, county_code)
      USING (object_type, object_ref, kind, county_code)
    WHERE NOT problems.finished ORDER BY problems.id FOR UPDATE OF problems
    """
)

_CLOSED_TWINS = """
SELECT wanted.*, twin.id, twin.recurrence, twin.closed_on
FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        AS subjects (object_type, object_ref, kind, county_code)) AS wanted
CROSS JOIN LATERAL (
  SELECT id, recurrence, closed_on FROM problems p
  WHERE p.object_type = wanted.object_type AND p.object_ref = wanted.object_ref
    AND p.kind = wanted.kind AND p.county_code = wanted.county_code AND p.state = 'CLOSED'
  ORDER BY closed_on DESC LIMIT 1) AS twin
"""

_UNGUARDED = text(
    """
    SELECT problems.* FROM problems
    WHERE NOT finished AND state = ANY(:states) AND due_on IS NOT NULL AND overdue_level < :levels
      AND NOT EXISTS (
        SELECT FROM timer
        WHERE subject_type = 'problem' AND subject_id = problems.id AND timer.state = 'armed'
          AND starts_with(timer.kind, 'overdue'))
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


@dataclass(frozen=True, slots=True)
class ClosedTwin:
    """A closed problem, when it was closed, and how often its defect had come back by then."""

    id: UUID
    recurrence: int
    closed_on: date


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


async def lock_seen_problems(
    session: Session, sight: Sight, problem_ids: Sequence[UUID]
) -> dict[UUID, Problem]:
    """Those of the problems that lie within the sight, locked in the order of their ids."""
    wanted = col(Problem.id) == func.any(list(problem_ids))
    statement = select(Problem).where(wanted, *_with_partners(sight))
    found = await session.scalars(statement.order_by(col(Problem.id)).with_for_update())
    return {problem.id: problem for problem in found}


async def find_closed_twins(
    connection: Connection, subjects: Sequence[Subject]
) -> dict[Subject, ClosedTwin]:
    """The last closed problem of each subject that has one (I-44)."""
    rows = await connection.fetch(
        _CLOSED_TWINS, *(list(column) for column in zip(*subjects, strict=True))
    )
    return {
        (row["object_type"], row["object_ref"], row["kind"], row["county_code"]): ClosedTwin(
            row["id"], row["recurrence"], row["closed_on"]
        )
        for row in rows
    }


async def lock_open_problems(
    session: Session, subjects: Sequence[Subject]
) -> dict[Subject, Problem]:
    """The open problem of each subject that has one, locked."""
    types, refs, kinds, counties = (list(column) for column in zip(*subjects, strict=True))
    statement = select(Problem).from_statement(_OPEN_SUBJECTS)
    found = await session.scalars(
        statement,
        {"types": types, "refs": refs, "kinds": kinds, "counties": counties},
        execution_options={"populate_existing": True},
    )
    return {row.subject: row for row in found}


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
    statement = ordered_statement(sight, filters)
    key = page.key(int, date, UUID)
    if key is not None:
        statement = statement.where(tuple_(*_ORDER) > tuple_(bool(key[0]), key[1], key[2]))
    return statement.limit(page.limit + 1)


def ordered_statement(sight: Sight, filters: ProblemFilters) -> Select[Any]:
    """The statement of the whole list, in the order of its pages."""
    return select(Problem).where(*in_sight(sight), *_matching(filters)).order_by(*_ORDER)


def page_key(problem: Problem) -> tuple[bool, date, UUID]:
    """The sort key of a problem."""
    return problem.finished, problem.due_on or date(9999, 12, 31), problem.id


async def list_audit(session: ReadSession, problem_id: UUID) -> list[dict[str, Any]]:
    """Who did what to a problem, oldest first."""
    rows = await session.execute(_AUDIT, {"id": str(problem_id)})
    return [dict(row) for row in rows.mappings()]


def _one(sight: Sight, problem_id: UUID) -> Select[Any]:
    return select(Problem).where(col(Problem.id) == problem_id, *_with_partners(sight))


def _found(problem: Problem | None) -> Problem:
    if problem is None:
        raise NotFound
    return problem


def _with_partners(sight: Sight) -> list[ColumnElement[bool]]:
    """What a problem asked for by its id must meet: departments that help see it too (I-12), and
    finance what no policy pays for, which it is asked to (I-36). Lists show a department what it
    leads; no index could give it the rest in order."""
    conditions = in_sight(replace(sight, department=None))
    if sight.department is not None:
        lead, kind = col(Problem.lead_dept), col(Problem.kind)
        own = [lead == sight.department, literal(sight.department) == any_(col(Problem.co_depts))]
        if sight.department == Department.FIN:
            own.append(col(Problem.no_policy).is_(True))
        conditions.append(or_(*own, kind == STYLE) if sight.style else or_(*own))
    return conditions


def in_sight(
    sight: Sight, table: type[Problem] | type[ProblemStay] = Problem
) -> list[ColumnElement[bool]]:
    """What a problem (a stay of one) must meet to be seen."""
    kind = col(table.kind)
    conditions = within(sight.region, table)
    if sight.department is not None:
        own = col(table.lead_dept) == sight.department
        # Discipline also watches the style matters that the poverty office leads.
        conditions.append(or_(own, kind == STYLE) if sight.style else own)
    if not sight.style:
        conditions.append(kind != STYLE)
    if not sight.corruption:
        conditions.append(~func.starts_with(kind, CORRUPTION_PREFIX))
    return conditions


def within(
    region: str, table: type[Problem] | type[ProblemStay] = Problem
) -> list[ColumnElement[bool]]:
    """Equality where an index holds the code of that level, a range of codes elsewhere."""
    place = col(table.village_code)
    level = level_of(region)
    if level is Level.VILLAGE:
        return [place == region]
    low, high = prefix_range(region)
    conditions = [place >= low, place < high] if level is not Level.COUNTY else []
    county = county_of(region)
    if county is not None:
        conditions.append(col(table.county_code) == county)
    return conditions


def _matching(filters: ProblemFilters) -> list[ColumnElement[bool]]:
    conditions = [
        col(getattr(Problem, name)) == value
        for name in _PLAIN
        if (value := getattr(filters, name)) is not None
    ]
    if filters.severity == Severity.PROMINENT:  # said outright, because they have their own index
        conditions.append(col(Problem.severity) == literal_column(f"'{Severity.PROMINENT}'"))
    if filters.state is not None:  # lets the indexes begin at the right half
        finished = col(Problem.finished)
        conditions.append(finished if filters.state in FINISHED else ~finished)
    if filters.region_prefix is not None:
        conditions += within(filters.region_prefix)
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
