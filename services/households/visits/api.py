"""HTTP for visits."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.households.register.forms import LongText, PastDate, Text
from services.households.register.queries import get_household
from services.households.roles import Reader
from services.households.visits import commands, queries
from services.households.visits.domain import Answer, failed_looks
from services.households.visits.tables import Visit
from shared.errors import Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, WriteSession, allows
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/households/{household_id}/visits", tags=["visits"])

Visitor = Annotated[
    Actor,
    allows(
        Role.HELPER,
        Role.RESIDENT_TEAM,
        Role.VILLAGE_CADRE,
        Role.TOWNSHIP_REVIEWER,
        Role.TOWNSHIP_PARTY_SECRETARY,
        Role.DEPT_HANDLER,
        Role.DEPT_HEAD,
        Role.POVERTY_OFFICE,
        Role.LEADING_GROUP,
        Role.COUNTY_GOV,
        Role.INSPECTOR,
    ),
]


class NineLooks(BaseModel):
    """九看: all nine must be answered (H-45)."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False, serialize_by_alias=True)

    grain: Answer = Field(alias="1", description="看粮")
    house: Answer = Field(alias="2", description="看房")
    student: Answer = Field(alias="3", description="看有没有读书郎")
    water: Answer = Field(alias="4", description="看水")
    people: Answer = Field(alias="5", description="看人")
    health: Answer = Field(alias="6", description="看身体行不行")
    work: Answer = Field(alias="7", description="看业")
    cover: Answer = Field(alias="8", description="看保")
    effect: Answer = Field(alias="9", description="看成效好不好")


class RecordVisit(BaseModel):
    """What a visitor saw."""

    model_config = ConfigDict(extra="forbid")

    visited_on: PastDate = Field(description="走访日期，不晚于今天", examples=["2019-09-10"])
    visitor: Text = Field(description="走访人", examples=["helper-0007"])
    nine_looks: NineLooks = Field(
        examples=[{str(look): "NO" if look == 2 else "YES" for look in range(1, 10)}]
    )
    note: LongText | None = None


class FailedLookView(BaseModel):
    """A look answered NO, and the kind of problem it stands for."""

    look: int
    kind: str


class VisitView(BaseModel):
    """A home visit."""

    id: UUID
    household_id: UUID
    visited_on: date
    visitor: str
    visitor_organisation: str
    nine_looks: NineLooks
    failed: list[FailedLookView]
    note: str | None
    recorded_by: str
    recorded_at: datetime

    @classmethod
    def of(cls, visit: Visit) -> Self:
        """The view of a row."""
        return cls(
            **visit.model_dump(),
            nine_looks=NineLooks.model_validate(visit.looks),
            failed=[
                FailedLookView(look=look, kind=kind) for look, kind in failed_looks(visit.looks)
            ],
        )


@router.post(
    "",
    status_code=201,
    responses=refusals(NotFound, IdempotencyInProgress, Invalid, IdempotencyConflict),
)
async def record_visit(
    household_id: UUID,
    body: RecordVisit,
    session: WriteSession,
    once: OnceOnly,
    actor: Visitor,
) -> VisitView:
    """Record a home visit with the nine looks; each NO becomes a problem at inspection (H-45)."""
    visit = await commands.record_visit(
        session,
        actor,
        household_id,
        visited_on=body.visited_on,
        visitor=body.visitor,
        looks=body.nine_looks.model_dump(by_alias=True),
        note=body.note,
    )
    return await once.keep(VisitView.of(visit))


@router.get("", responses=refusals(NotFound))
async def list_visits(
    household_id: UUID, session: QuerySession, actor: Reader, page: PageQuery
) -> Page[VisitView]:
    """The visits to a household, earliest first."""
    await get_household(session, household_id, actor.region)
    rows = await queries.list_visits(session, page, household_id)
    return page.page(rows, VisitView.of, lambda visit: (visit.visited_on, visit.id))
