"""Consolidated plans and their coverage (I-33); the list of stalled problems (I-34)."""

from uuid import UUID

from fastapi import APIRouter, Request

from services.inspection.problems.api.batches import MovedView
from services.inspection.problems.api.moves import LeadDepartment
from services.inspection.problems.queries import page_key
from services.inspection.roles import Reader
from services.inspection.scope import sight_of
from services.inspection.work.api.requests import ConsolidatedPlanIn
from services.inspection.work.api.views import (
    ConsolidatedPlanView,
    CoverageListView,
    CoverageView,
    DepartmentCoverageView,
    PlannedAllView,
    StalledView,
)
from services.inspection.work.commands.planning import plan_all
from services.inspection.work.domain.plans import AuthorNotHead, CoverageIncomplete
from services.inspection.work.queries import list_consolidated_plans, list_coverage, list_stalled
from services.inspection.work.settings import LISTED_DAYS
from shared import clock
from shared.configuration import configuration_of
from shared.errors import Invalid
from shared.web.dependencies import QuerySession, WriteSession
from shared.web.idempotency import OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(tags=["work"])


@router.post(
    "/consolidated-plans",
    status_code=201,
    responses=refusals(Invalid, AuthorNotHead, CoverageIncomplete),
)
async def post_consolidated_plan(
    body: ConsolidatedPlanIn,
    request: Request,
    session: WriteSession,
    once: OnceOnly,
    actor: LeadDepartment,
) -> PlannedAllView:
    """The head of a department plans everything it has open (of a campaign): each problem is named
    or has a plan already, else nothing is planned (I-33). Suspected and disputed ones may wait."""
    drafts = body.drafts()
    made = await plan_all(
        session,
        actor,
        drafts,
        campaign_id=body.campaign_id,
        author=body.author,
        author_role=body.author_role,
    )
    problems = MovedView.of(request, list(drafts), made.outcomes)
    coverage = CoverageView.of(made.coverage)
    return await once.keep(PlannedAllView(id=made.id, coverage=coverage, problems=problems))


@router.get("/consolidated-plans", responses=refusals(Invalid))
async def get_consolidated_plans(
    session: QuerySession, actor: Reader, page: PageQuery, campaign_id: UUID | None = None
) -> Page[ConsolidatedPlanView]:
    """The consolidated plans handed in, oldest first."""
    rows = await list_consolidated_plans(session, sight_of(actor), campaign_id, page)
    return page.page(rows, ConsolidatedPlanView.of, lambda plan: (plan.id,))


@router.get("/consolidated-plans/coverage", responses=refusals(Invalid))
async def get_coverage(
    session: QuerySession, actor: Reader, campaign_id: UUID | None = None
) -> CoverageListView:
    """How many of the open problems of each department have a plan (I-33); suspected and disputed
    ones do not count."""
    found = await list_coverage(session, sight_of(actor), campaign_id)
    return CoverageListView(
        items=[
            DepartmentCoverageView(lead_dept=name, **CoverageView.of(coverage).model_dump())
            for name, coverage in found.items()
        ]
    )


@router.get("/lists/stalled", responses=refusals(Invalid))
async def get_stalled(
    session: QuerySession, actor: Reader, page: PageQuery, campaign_id: UUID | None = None
) -> Page[StalledView]:
    """Problems in work without a report of progress for 14 days ⚙, by deadline (I-34)."""
    days = configuration_of(session).value(LISTED_DAYS, actor.region, clock.today())
    rows = await list_stalled(session, sight_of(actor), campaign_id, days, page)
    return page.page(rows, StalledView.of, page_key)
