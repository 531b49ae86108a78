"""Reading plans and work: of one problem, of many at once, and what is not planned or stalled."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_
from sqlmodel import col, select

from services.inspection.accountability.domain import Link, Part
from services.inspection.problems.domain.states import State
from services.inspection.problems.queries import ProblemFilters, in_sight, page_statement
from services.inspection.problems.tables import Problem
from services.inspection.routing.domain import Department
from services.inspection.scope import Sight
from services.inspection.tables import InspectionTable
from services.inspection.work.domain.plans import Coverage
from services.inspection.work.tables import (
    CONSOLIDATED_PLANS,
    ConsolidatedPlan,
    Delegation,
    OwnCheck,
    ProgressReport,
    RectificationPlan,
    Submission,
)
from shared import clock
from shared.database import Connection, ReadSession
from shared.web.pagination import PageRequest

_CHAIN = """
SELECT p.id, link.person, link.organisation, link.part
FROM problems p
CROSS JOIN LATERAL (
  SELECT 1 AS place, d.id AS after, d.person, d.from_org AS organisation, 'DELEGATED' AS part
  FROM delegations d WHERE d.problem_id = p.id
  UNION ALL
  SELECT 2, c.id, c.checked_by, c.organisation, 'OWN_CHECK'
  FROM own_checks c WHERE c.problem_id = p.id AND c.attempt = p.attempt
  UNION ALL
  SELECT 3, NULL, s.person, s.organisation, 'SUBMITTED'
  FROM submissions s WHERE s.problem_id = p.id AND s.attempt = p.attempt
  UNION ALL
  SELECT 4, NULL, p.responsible_person, p.lead_dept || '@' || p.county_code, 'RESPONSIBLE'
  WHERE p.responsible_person IS NOT NULL) AS link
WHERE p.id = ANY($1::uuid[])
ORDER BY p.id, link.place, link.after
"""

_PLAN_NUMBERS = """
SELECT problem_id, max(number) AS number FROM rectification_plans
WHERE problem_id = ANY($1::uuid[]) GROUP BY problem_id
"""

_PROGRESS = "SELECT max(pct) FROM progress_reports WHERE problem_id = $1 AND attempt = $2"

_OWN_CHECKED = """
SELECT DISTINCT problem_id, attempt FROM own_checks
WHERE problem_id = ANY($1::uuid[]) AND organisation = $2
"""

_FIRST_MISSING = 20


async def find_chain(
    connection: Connection, problem_ids: Sequence[UUID]
) -> Mapping[UUID, tuple[Link, ...]]:
    """Who stands behind the present report of each of the problems (I-43): who handed the task on,
    who checked it themselves, who submitted it, and whom the plan names. Each stands once."""
    chains: dict[UUID, dict[Link, None]] = defaultdict(dict)
    for row in await connection.fetch(_CHAIN, list(problem_ids)):
        link = Link(row["person"], row["organisation"], Part(row["part"]))
        chains[row["id"]][link] = None
    return {problem_id: tuple(links) for problem_id, links in chains.items()}


async def find_plan_numbers(
    connection: Connection, problem_ids: Sequence[UUID]
) -> Mapping[UUID, int]:
    """The number of the present plan of each of the problems that has one."""
    rows = await connection.fetch(_PLAN_NUMBERS, list(problem_ids))
    return {row["problem_id"]: row["number"] for row in rows}


async def find_progress(connection: Connection, problem_id: UUID, attempt: int) -> int | None:
    """How far the work on the way to a submission was last reported to be; what was reported
    before the problem came back does not count."""
    pct: int | None = await connection.fetchval(_PROGRESS, problem_id, attempt)
    return pct


async def find_own_checked(
    connection: Connection, problem_ids: Sequence[UUID], organisation: str
) -> frozenset[tuple[UUID, int]]:
    """For which submissions (problem, attempt) the organisation has checked the work itself."""
    rows = await connection.fetch(_OWN_CHECKED, list(problem_ids), organisation)
    return frozenset((row["problem_id"], row["attempt"]) for row in rows)


# -- coverage (I-33) -------------------------------------------------------------------------------


def _to_be_planned(sight: Sight, campaign_id: UUID | None) -> list[ColumnElement[bool]]:
    """The open problems whose lead is settled: no suspicions, no disputes."""
    unsettled = col(Problem.state).in_([State.SUSPECTED, State.DISPUTED])
    conditions = [*in_sight(sight), ~col(Problem.finished), ~unsettled]
    if campaign_id is not None:
        conditions.append(col(Problem.campaign_id) == campaign_id)
    return conditions


async def measure_coverage(
    session: ReadSession,
    sight: Sight,
    department: str,
    campaign_id: UUID | None,
    named: Sequence[UUID] = (),
) -> Coverage:
    """How many of the department's open problems (of the campaign) have a plan, or get one because
    they are `named`."""
    wanted = [*_to_be_planned(sight, campaign_id), col(Problem.lead_dept) == department]
    planned = or_(col(Problem.plan_deadline).is_not(None), col(Problem.id) == func.any(list(named)))
    counts = select(func.count(), func.count().filter(planned)).where(*wanted)
    total, covered = (await session.execute(counts)).one()
    missing = select(Problem.id).where(*wanted, ~planned).order_by(col(Problem.id))
    first = await session.scalars(missing.limit(_FIRST_MISSING)) if covered < total else ()
    return Coverage(total, covered, tuple(first))


async def list_coverage(
    session: ReadSession, sight: Sight, campaign_id: UUID | None
) -> dict[str, Coverage]:
    """How far the open problems of each department in sight are planned."""
    department = col(Problem.lead_dept)
    planned = func.count().filter(col(Problem.plan_deadline).is_not(None))
    statement = (
        select(department, func.count(), planned)
        .where(*_to_be_planned(sight, campaign_id))
        .group_by(department)
        .order_by(department)
    )
    rows = await session.execute(statement)
    return {name: Coverage(total, covered) for name, total, covered in rows}


async def list_consolidated_plans(
    session: ReadSession, sight: Sight, campaign_id: UUID | None, page: PageRequest
) -> list[ConsolidatedPlan]:
    """A page of the consolidated plans in sight, oldest first."""
    place, department = col(ConsolidatedPlan.region_code), col(ConsolidatedPlan.department)
    statement = select(ConsolidatedPlan).where(place >= sight.low, place < sight.high)
    if sight.department is not None:
        statement = statement.where(department == sight.department)
    if not sight.corruption:
        statement = statement.where(department != Department.DISC)
    if campaign_id is not None:
        statement = statement.where(col(ConsolidatedPlan.campaign_id) == campaign_id)
    return list(await session.scalars(page.after(statement, [CONSOLIDATED_PLANS.c.id], UUID)))


# -- work in hand ----------------------------------------------------------------------------------


def last_heard(problem: Problem) -> date:
    """The day on which progress was last reported of a problem in work, or the work began."""
    began = clock.civil_date(problem.state_since)
    return max(began, problem.progressed_on or began)


def silent_days(problem: Problem) -> int:
    """How many whole days have passed since `last_heard`."""
    return max((clock.now() - clock.end_of_day(last_heard(problem))).days, 0)


async def list_stalled(
    session: ReadSession, sight: Sight, campaign_id: UUID | None, days: int, page: PageRequest
) -> list[Problem]:
    """A page of the problems in work of which nobody has reported progress for `days` whole days,
    by deadline (I-34)."""
    filters = ProblemFilters(campaign_id=campaign_id, state=State.RECTIFYING)
    since = clock.today() - timedelta(days=days)
    progressed_on = col(Problem.progressed_on)
    statement = page_statement(sight, filters, page).where(
        col(Problem.state_since) < clock.start_of_day(since),
        or_(progressed_on.is_(None), progressed_on < since),
    )
    return list(await session.scalars(statement))


@dataclass(frozen=True, slots=True)
class Work:
    """All that is known of the work on one problem, the oldest first; the last plan is in force."""

    plans: Sequence[RectificationPlan]
    delegations: Sequence[Delegation]
    progress: Sequence[ProgressReport]
    own_checks: Sequence[OwnCheck]
    submissions: Sequence[Submission]


RowT = TypeVar("RowT", bound=InspectionTable)


async def get_work(session: ReadSession, problem_id: UUID) -> Work:
    """The work on a problem that the caller may see."""

    async def of_problem(rows: type[RowT], order: str) -> list[RowT]:
        columns = InspectionTable.metadata.tables[str(rows.__tablename__)].c
        statement = select(rows).where(columns.problem_id == problem_id).order_by(columns[order])
        return list(await session.scalars(statement))

    return Work(
        plans=await of_problem(RectificationPlan, "number"),
        delegations=await of_problem(Delegation, "id"),
        progress=await of_problem(ProgressReport, "id"),
        own_checks=await of_problem(OwnCheck, "id"),
        submissions=await of_problem(Submission, "attempt"),
    )
