"""GET /problems and GET /problems/{id}."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from services.inspection.deadlines.domain import Cohort, Severity, Tier
from services.inspection.fields import CivilDate, KindCode
from services.inspection.problems.api.views import ProblemDetailView, ProblemView
from services.inspection.problems.domain.states import State
from services.inspection.problems.queries import (
    ProblemFilters,
    get_problem,
    list_audit,
    list_problems,
    page_key,
)
from services.inspection.responsibility.queries import find_responsibles
from services.inspection.roles import Reader
from services.inspection.routing.domain import Department
from services.inspection.scope import sight_of
from shared import clock
from shared.errors import Invalid, NotFound
from shared.web.dependencies import QuerySession
from shared.web.fields import RegionCode
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/problems", tags=["problems"])


async def _filters(
    campaign_id: UUID | None = None,
    lead_dept: Department | None = None,
    state: State | None = None,
    kind: KindCode | None = None,
    severity: Severity | None = None,
    cohort: Cohort | None = None,
    tier: Tier | None = None,
    region_prefix: RegionCode | None = None,
    overdue: bool | None = None,
    as_of: CivilDate | None = None,
) -> ProblemFilters:
    return ProblemFilters(
        campaign_id,
        lead_dept,
        state,
        kind,
        severity,
        cohort,
        tier,
        region_prefix,
        overdue,
        as_of,
    )


@router.get("", responses=refusals(Invalid))
async def get_problems(
    session: QuerySession,
    actor: Reader,
    filters: Annotated[ProblemFilters, Depends(_filters)],
    page: PageQuery,
) -> Page[ProblemView]:
    """Problems within the caller's scope: open ones first, by deadline, those without one last.

    `as_of` takes those found by the end of that day and judges `overdue` on it.
    """
    rows = await list_problems(session, sight_of(actor), filters, page)
    return page.page(rows, ProblemView.of, page_key)


@router.get("/{problem_id}", responses=refusals(NotFound, Invalid))
async def get_problem_by_id(
    problem_id: UUID, session: QuerySession, actor: Reader
) -> ProblemDetailView:
    """One problem with its sources, who answers for it, and what became of it so far."""
    problem = await get_problem(session, sight_of(actor), problem_id)
    lead = f"{problem.lead_dept}@{problem.county_code}"
    responsibles = await find_responsibles(await session.driver(), [lead], clock.today())
    return ProblemDetailView.with_trail(
        problem, responsibles.get(lead), await list_audit(session, problem_id)
    )
