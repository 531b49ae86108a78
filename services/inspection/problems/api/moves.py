"""POST /problems/{id}/…: the moves of one problem."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from services.inspection.evidence.domain import EvidenceMismatch
from services.inspection.problems.api.requests import (
    Extension,
    Partners,
    Refutation,
    WithEvidence,
    WithReason,
)
from services.inspection.problems.api.views import ProblemView
from services.inspection.problems.commands.moves import (
    accept_problems,
    confirm_problem,
    decline_problem,
    extend_deadline,
    only,
    refute_problem,
    set_partners,
    withdraw_problem,
)
from services.inspection.problems.domain.findings import EvidenceRequired
from services.inspection.problems.domain.states import (
    WHO,
    Action,
    CannotDecline,
    DueNotLater,
    ExtensionForbidden,
    PartnerLeads,
)
from shared.errors import Forbidden, IllegalMove, Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, WriteSession, allows
from shared.web.problem_details import refusals

router = APIRouter(prefix="/problems/{problem_id}", tags=["problems"])


def _may(action: Action) -> object:
    return allows(*map(Role, WHO[action]))


LeadDepartment = Annotated[Actor, _may(Action.ACCEPT)]
Confirmer = Annotated[Actor, _may(Action.CONFIRM)]
PovertyOffice = Annotated[Actor, _may(Action.WITHDRAW)]
LeadingGroup = Annotated[Actor, _may(Action.EXTEND)]
Convener = Annotated[Actor, _may(Action.SET_PARTNERS)]

_JUDGED = refusals(NotFound, Forbidden, IllegalMove, EvidenceRequired, EvidenceMismatch, Invalid)


@router.post("/accept", responses=refusals(NotFound, Forbidden, IllegalMove))
async def accept(problem_id: UUID, session: WriteSession, actor: LeadDepartment) -> ProblemView:
    """The lead department takes the problem up."""
    return ProblemView.of(only(await accept_problems(session, actor, [problem_id])))


@router.post("/decline", responses=refusals(NotFound, Forbidden, CannotDecline))
async def decline(problem_id: UUID, session: QuerySession, actor: LeadDepartment) -> None:
    """Always refused: a department may dispute its lead, not decline it (I-11)."""
    await decline_problem(session, actor, problem_id)


@router.post(
    "/confirm",
    responses=_JUDGED,
)
async def confirm(
    problem_id: UUID, body: WithEvidence, session: WriteSession, actor: Confirmer
) -> ProblemView:
    """A suspected problem is real: it is dispatched (I-03)."""
    evidence = [one.model_dump() for one in body.evidence]
    return ProblemView.of(await confirm_problem(session, actor, problem_id, evidence))


@router.post(
    "/refute",
    responses=_JUDGED,
)
async def refute(
    problem_id: UUID, body: Refutation, session: WriteSession, actor: Confirmer
) -> ProblemView:
    """A suspected problem is none (I-03)."""
    evidence = [one.model_dump() for one in body.evidence]
    problem = await refute_problem(session, actor, problem_id, evidence, body.reason)
    return ProblemView.of(problem)


@router.post("/withdraw", responses=refusals(NotFound, Forbidden, IllegalMove, Invalid))
async def withdraw(
    problem_id: UUID, body: WithReason, session: WriteSession, actor: PovertyOffice
) -> ProblemView:
    """Take back a problem that was logged in error."""
    return ProblemView.of(await withdraw_problem(session, actor, problem_id, body.reason))


@router.post(
    "/extend",
    responses=refusals(NotFound, Forbidden, IllegalMove, ExtensionForbidden, DueNotLater, Invalid),
)
async def extend(
    problem_id: UUID, body: Extension, session: WriteSession, actor: LeadingGroup
) -> ProblemView:
    """Move the deadline to a later day: once, with a reason, never for IMMEDIATE (I-25)."""
    problem = await extend_deadline(session, actor, problem_id, body.due_on, body.reason)
    return ProblemView.of(problem)


@router.put(
    "/co-departments", responses=refusals(NotFound, Forbidden, IllegalMove, PartnerLeads, Invalid)
)
async def put_co_departments(
    problem_id: UUID, body: Partners, session: WriteSession, actor: Convener
) -> ProblemView:
    """Name the departments that help the lead; they are told, and see the problem (I-12)."""
    return ProblemView.of(await set_partners(session, actor, problem_id, sorted(body.departments)))
