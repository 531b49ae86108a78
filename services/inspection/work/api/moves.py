"""POST /problems/{id}/…: the work on one problem; GET /problems/{id}/work: all of it."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter

from services.inspection.evidence.domain import EvidenceMismatch
from services.inspection.problems.api.moves import LeadDepartment
from services.inspection.problems.api.requests import Evidence
from services.inspection.problems.api.views import ProblemView
from services.inspection.problems.commands.moves import only
from services.inspection.problems.domain.findings import EvidenceRequired
from services.inspection.problems.domain.states import WHO, Action
from services.inspection.problems.queries import get_problem
from services.inspection.roles import Reader
from services.inspection.scope import sight_of
from services.inspection.work.api.requests import (
    DelegateTo,
    Done,
    NoPolicy,
    OwnCheckIn,
    PlanIn,
    Progress,
)
from services.inspection.work.api.views import WorkView
from services.inspection.work.commands.delegation import delegate, record_own_check
from services.inspection.work.commands.execution import (
    report_no_policy,
    report_progress,
    start_work,
)
from services.inspection.work.commands.planning import plan_problems
from services.inspection.work.commands.submission import submit_problems
from services.inspection.work.domain.execution import (
    CheckOutOfTime,
    DelegateInvalid,
    HandoffOnly,
    NoPolicySet,
    PhotosRequired,
    ProgressBackwards,
)
from services.inspection.work.domain.plans import (
    MeasureTooGeneral,
    PlanAfterDue,
    PlanIncomplete,
    StepOutOfRange,
)
from services.inspection.work.queries import get_work
from shared.errors import Forbidden, IllegalMove, Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, WriteSession, allows
from shared.web.idempotency import OnceOnly
from shared.web.problem_details import refusals

router = APIRouter(prefix="/problems/{problem_id}", tags=["work"])

Executor = Annotated[Actor, allows(*map(Role, WHO[Action.SUBMIT]))]
"""Whoever does the work: lead department, township, village, resident team."""

_MOVE = (NotFound, Forbidden, IllegalMove, Invalid)


def plain(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Evidence as it is kept."""
    return [one.model_dump() for one in evidence]


@router.post(
    "/plan",
    responses=refusals(*_MOVE, PlanIncomplete, PlanAfterDue, StepOutOfRange, MeasureTooGeneral),
)
async def plan(
    problem_id: UUID, body: PlanIn, session: WriteSession, actor: LeadDepartment
) -> ProblemView:
    """The lead department says what is changed, by whom, how, to what degree and until when; a
    later plan replaces it until work begins (I-30…I-32)."""
    return ProblemView.of(only(await plan_problems(session, actor, {problem_id: body.draft()})))


@router.post("/start", responses=refusals(*_MOVE))
async def start(problem_id: UUID, session: WriteSession, actor: Executor) -> ProblemView:
    """Work on a planned problem begins."""
    return ProblemView.of(only(await start_work(session, actor, [problem_id])))


@router.post("/progress", responses=refusals(*_MOVE, ProgressBackwards, EvidenceMismatch))
async def progress(
    problem_id: UUID, body: Progress, session: WriteSession, once: OnceOnly, actor: Executor
) -> ProblemView:
    """How far the work is; after seven days ⚙ without a report a reminder goes out (I-34)."""
    problem = await report_progress(
        session, actor, problem_id, pct=body.pct, text=body.text, evidence=plain(body.evidence)
    )
    return await once.keep(ProblemView.of(problem), 200)


@router.post("/own-check", responses=refusals(*_MOVE, CheckOutOfTime))
async def own_check(
    problem_id: UUID, body: OwnCheckIn, session: WriteSession, once: OnceOnly, actor: Executor
) -> ProblemView:
    """The caller's organisation has looked at the work itself; without that record a department or
    township cannot submit (I-14)."""
    problem = await record_own_check(
        session, actor, problem_id, by=body.by, on=body.on, text=body.text
    )
    return await once.keep(ProblemView.of(problem), 200)


@router.post(
    "/submit",
    responses=refusals(*_MOVE, HandoffOnly, EvidenceRequired, PhotosRequired, EvidenceMismatch),
)
async def submit(
    problem_id: UUID, body: Done, session: WriteSession, actor: Executor
) -> ProblemView:
    """Report it done: what was actually done, and what proves it (I-42)."""
    outcomes = await submit_problems(
        session, actor, [problem_id], done_text=body.done_text, evidence=plain(body.evidence)
    )
    return ProblemView.of(only(outcomes))


@router.post("/delegate", responses=refusals(*_MOVE, DelegateInvalid))
async def delegate_task(
    problem_id: UUID, body: DelegateTo, session: WriteSession, once: OnceOnly, actor: Executor
) -> ProblemView:
    """Hand the task to the township or village of the problem, or to a co-department; the chain is
    kept (I-14)."""
    problem = await delegate(session, actor, problem_id, body.to_org, body.note)
    return await once.keep(ProblemView.of(problem), 200)


@router.post("/no-policy", responses=refusals(*_MOVE, NoPolicySet))
async def no_policy(
    problem_id: UUID, body: NoPolicy, session: WriteSession, actor: LeadDepartment
) -> ProblemView:
    """No policy pays for it: the county is asked to arrange funds (I-36)."""
    return ProblemView.of(
        await report_no_policy(session, actor, problem_id, body.need, body.amount)
    )


@router.get("/work", responses=refusals(NotFound, Invalid))
async def get_work_of(problem_id: UUID, session: QuerySession, actor: Reader) -> WorkView:
    """The plan in force, who the task was handed to, progress, own checks and submissions."""
    problem = await get_problem(session, sight_of(actor), problem_id)
    return WorkView.of(problem, await get_work(session, problem_id))
