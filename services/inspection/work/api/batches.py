"""Plan, start and submit up to 1,000 problems in one transaction, each taken or refused on its own
(X-10)."""

from fastapi import APIRouter, Request

from services.inspection.evidence.domain import EvidenceMismatch
from services.inspection.problems.api.batches import MovedView, SeveralProblems
from services.inspection.problems.api.moves import LeadDepartment
from services.inspection.work.api.moves import Executor, plain
from services.inspection.work.api.requests import PlanSeveral, SubmitSeveral
from services.inspection.work.commands.execution import start_work
from services.inspection.work.commands.planning import plan_problems
from services.inspection.work.commands.submission import submit_problems
from shared.errors import Invalid
from shared.web.dependencies import WriteSession
from shared.web.problem_details import refusals

router = APIRouter(tags=["work"])


@router.post("/problems:plan", responses=refusals(Invalid))
async def plan_several(
    body: PlanSeveral, request: Request, session: WriteSession, actor: LeadDepartment
) -> MovedView:
    """The lead department sets one plan for up to 1,000 problems. Its plan for everything it has
    open is a consolidated plan."""
    outcomes = await plan_problems(session, actor, dict.fromkeys(body.problem_ids, body.draft()))
    return MovedView.of(request, body.problem_ids, outcomes)


@router.post("/problems:start", responses=refusals(Invalid))
async def start_several(
    body: SeveralProblems, request: Request, session: WriteSession, actor: Executor
) -> MovedView:
    """Work on up to 1,000 planned problems begins."""
    outcomes = await start_work(session, actor, body.problem_ids)
    return MovedView.of(request, body.problem_ids, outcomes)


@router.post("/problems:submit", responses=refusals(Invalid, EvidenceMismatch))
async def submit_several(
    body: SubmitSeveral, request: Request, session: WriteSession, actor: Executor
) -> MovedView:
    """Report up to 1,000 problems done that were rectified together."""
    outcomes = await submit_problems(
        session, actor, body.problem_ids, done_text=body.done_text, evidence=plain(body.evidence)
    )
    return MovedView.of(request, body.problem_ids, outcomes)
