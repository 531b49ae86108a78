"""POST /problems/{id}/dispute and /rule, GET /problems/{id}/disputes."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.inspection.disputes.commands import raise_dispute, rule_dispute
from services.inspection.disputes.domain import DisputeWindowClosed, NoOtherDepartment
from services.inspection.disputes.queries import list_disputes
from services.inspection.disputes.tables import Dispute
from services.inspection.problems.api.moves import LeadDepartment
from services.inspection.problems.api.views import ProblemView
from services.inspection.problems.queries import get_problem
from services.inspection.roles import Reader
from services.inspection.routing.domain import Department, RouteFixed
from services.inspection.scope import sight_of
from shared.errors import Forbidden, IllegalMove, Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, WriteSession, allows
from shared.web.fields import Text
from shared.web.problem_details import refusals

router = APIRouter(prefix="/problems/{problem_id}", tags=["disputes"])

Arbiter = Annotated[Actor, allows(Role.POVERTY_OFFICE)]


class RaiseDispute(BaseModel):
    """Who should lead instead, and by which clause of its duties."""

    model_config = ConfigDict(extra="forbid")

    proposed_dept: Department
    clause: Text = Field(examples=["县委办〔2019〕12号第三条：危房改造由住建部门牵头"])


class Ruling(BaseModel):
    """Who leads from now on."""

    model_config = ConfigDict(extra="forbid")

    dept: Department


class DisputeView(BaseModel):
    """A dispute, and the ruling once there is one."""

    id: UUID
    department: str
    proposed_dept: str
    clause: str
    raised_by: str
    raised_at: datetime
    ruled_dept: str | None
    ruled_by: str | None
    ruled_at: datetime | None

    @classmethod
    def of(cls, dispute: Dispute) -> "DisputeView":
        """The view of a row."""
        return cls.model_validate(dispute, from_attributes=True)


class DisputesView(BaseModel):
    """The disputes of a problem, oldest first."""

    items: list[DisputeView]


@router.post(
    "/dispute",
    responses=refusals(
        *(NotFound, Forbidden, IllegalMove),
        *(RouteFixed, NoOtherDepartment, DisputeWindowClosed, Invalid),
    ),
)
async def dispute(
    problem_id: UUID, body: RaiseDispute, session: WriteSession, actor: LeadDepartment
) -> ProblemView:
    """The lead department proposes another one, within two workdays ⚙ of the dispatch; the
    deadline stays (I-11)."""
    problem = await raise_dispute(session, actor, problem_id, body.proposed_dept, body.clause)
    return ProblemView.of(problem)


@router.post("/rule", responses=refusals(NotFound, Forbidden, IllegalMove, RouteFixed, Invalid))
async def rule(
    problem_id: UUID, body: Ruling, session: WriteSession, actor: Arbiter
) -> ProblemView:
    """The poverty office decides who leads; the deadline stays (I-11)."""
    return ProblemView.of(await rule_dispute(session, actor, problem_id, body.dept))


@router.get("/disputes", responses=refusals(NotFound, Invalid))
async def get_disputes(problem_id: UUID, session: QuerySession, actor: Reader) -> DisputesView:
    """The disputes of a problem and their rulings."""
    await get_problem(session, sight_of(actor), problem_id)
    rows = await list_disputes(session, problem_id)
    return DisputesView(items=[DisputeView.of(row) for row in rows])
