"""GET /accountability: the cases the data gave rise to."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from services.inspection.accountability.domain import CaseState, Cause, Part, Proposal
from services.inspection.accountability.queries import get_case, list_cases
from services.inspection.accountability.tables import AccountabilityCase
from services.inspection.scope import sight_of
from shared.errors import Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, allows
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/accountability", tags=["accountability"])

Overseer = Annotated[
    Actor,
    allows(
        Role.POVERTY_OFFICE,
        Role.LEADING_GROUP,
        Role.COUNTY_GOV,
        Role.DISCIPLINE,
        Role.INSPECTOR,
        Role.OPS,
    ),
]


class SubjectView(BaseModel):
    """Somebody in the chain behind a report."""

    person: str
    organisation: str
    part: Part


class CaseView(BaseModel):
    """A case of accountability: a proposal, on which people decide."""

    id: UUID
    cause: Cause
    proposal: Proposal
    campaign_id: UUID | None
    kind: str
    lead_dept: str
    village_code: str
    problem_ids: list[UUID]
    subjects: list[SubjectView]
    finding: str
    state: CaseState
    opened_at: datetime

    @classmethod
    def of(cls, case: AccountabilityCase) -> "CaseView":
        """The view of a row."""
        return cls.model_validate(case, from_attributes=True)


@router.get("", responses=refusals(Invalid))
async def get_cases(
    session: QuerySession, actor: Overseer, page: PageQuery, campaign_id: UUID | None = None
) -> Page[CaseView]:
    """The cases within the caller's scope, oldest first (I-43, I-44)."""
    rows = await list_cases(session, sight_of(actor), campaign_id, page)
    return page.page(rows, CaseView.of, lambda row: (row.id,))


@router.get("/{case_id}", responses=refusals(NotFound, Invalid))
async def get_case_by_id(case_id: UUID, session: QuerySession, actor: Overseer) -> CaseView:
    """One case with the chain of people behind the report."""
    return CaseView.of(await get_case(session, sight_of(actor), case_id))
