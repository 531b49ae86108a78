"""POST and GET /inspections, GET /stats/inspections: planned visits and the villages' burden."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from services.inspection.fields import CivilDate
from services.inspection.inspections.commands import cancel_inspection, schedule_inspection
from services.inspection.inspections.domain import (
    InspectionBurden,
    InspectionState,
    OverrideForbidden,
    PeriodInvalid,
    VillageUnknown,
)
from services.inspection.inspections.queries import (
    LIMIT,
    WINDOW_DAYS,
    InspectionFilters,
    InspectionRow,
    VillageBurden,
    list_burdens,
    list_inspections,
)
from services.inspection.roles import Reader
from shared.errors import Forbidden, IllegalMove, Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.fields import PersonName, RegionCode, Text, VillageCode
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

SETTINGS = (LIMIT, WINDOW_DAYS)

router = APIRouter(tags=["inspections"])

Planner = Annotated[
    Actor,
    allows(
        Role.POVERTY_OFFICE,
        Role.LEADING_GROUP,
        Role.COUNTY_GOV,
        Role.INSPECTOR,
        Role.DISCIPLINE,
        Role.DEPT_HEAD,
        Role.TOWNSHIP_PARTY_SECRETARY,
        Role.OPS,
    ),
]
Since = Annotated[CivilDate | None, Query(alias="from", description="首日（含）")]
Until = Annotated[CivilDate | None, Query(alias="to", description="末日（含）")]


class Override(BaseModel):
    """Why the leading group goes beyond the limit."""

    model_config = ConfigDict(extra="forbid")

    reason: Text


class ScheduleInspection(BaseModel):
    """A new inspection of one village or several."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "village_codes": ["511132201205", "511132201206"],
                    "planned_on": "2019-09-20",
                    "organiser": "县委目督办",
                    "purpose": "危房改造整改核查",
                    "team": ["张督查", "王督查"],
                }
            ]
        },
    )

    village_code: VillageCode | None = Field(
        None, description="只查一个村时可用，代替 village_codes"
    )
    village_codes: list[VillageCode] | None = Field(None, min_length=1, max_length=500)
    planned_on: CivilDate
    organiser: Text = Field(description="组织检查的单位")
    purpose: Text
    team: list[PersonName] = Field(min_length=1, max_length=100, description="检查组成员")
    override: Override | None = Field(None, description="超过次数上限时由领导小组说明理由")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.village_code is None) == (self.village_codes is None):
            raise PydanticCustomError(
                "VILLAGES_REQUIRED",
                "village_code 与 village_codes 须恰好填一项。",
                {"en": "Give exactly one of village_code and village_codes."},
            )
        return self

    @property
    def villages(self) -> list[str]:
        """The villages, however they were given."""
        return self.village_codes or [self.village_code or ""]


class CancelInspection(BaseModel):
    """Why an inspection does not take place."""

    model_config = ConfigDict(extra="forbid")

    reason: Text


class OverrideView(BaseModel):
    """Why and by whom the limit was passed, for which villages, and what they had by then."""

    reason: str
    by: str
    villages: dict[str, list[date]]


class InspectionView(BaseModel):
    """An inspection; of its villages those in the caller's region."""

    id: UUID
    village_codes: list[str]
    planned_on: date
    organiser: str
    purpose: str
    team: list[str]
    state: InspectionState
    override: OverrideView | None
    org: str = Field(description="安排检查的单位", examples=["POV@511132"])

    @classmethod
    def of(cls, row: InspectionRow) -> "InspectionView":
        """The view of a row."""
        return cls(village_codes=row.village_codes, **row.inspection.model_dump(exclude=_UNSHOWN))


_UNSHOWN = {"scheduled_by", "scheduled_at"}


class VillageBurdenView(BaseModel):
    """A village's inspections of a period; `over_limit` counts those that were more than the limit
    in the days that end with them."""

    village_code: str
    inspections: int
    over_limit: int

    @classmethod
    def of(cls, burden: VillageBurden) -> "VillageBurdenView":
        """The view of a burden."""
        return cls.model_validate(burden, from_attributes=True)


@router.post(
    "/inspections",
    status_code=201,
    responses=refusals(
        Invalid,
        VillageUnknown,
        NotFound,
        Forbidden,
        OverrideForbidden,
        InspectionBurden,
        IdempotencyConflict,
        IdempotencyInProgress,
    ),
)
async def post_inspection(
    body: ScheduleInspection,
    session: WriteSession,
    runtime: RunningService,
    once: OnceOnly,
    actor: Planner,
) -> InspectionView:
    """Schedule an inspection. No village has more than two in any 30 days unless the leading group
    gives a reason (I-57)."""
    row = await schedule_inspection(
        session,
        runtime.configuration,
        actor,
        village_codes=body.villages,
        planned_on=body.planned_on,
        organiser=body.organiser,
        purpose=body.purpose,
        team=body.team,
        override_reason=None if body.override is None else body.override.reason,
    )
    return await once.keep(InspectionView.of(row))


@router.post(
    "/inspections/{inspection_id}/cancel",
    responses=refusals(Invalid, NotFound, Forbidden, IllegalMove),
)
async def post_inspection_cancel(
    inspection_id: UUID, body: CancelInspection, session: WriteSession, actor: Planner
) -> InspectionView:
    """Cancel an inspection that no office above the caller scheduled; it no longer burdens its
    villages."""
    return InspectionView.of(await cancel_inspection(session, actor, inspection_id, body.reason))


@router.get("/inspections", responses=refusals(Invalid, NotFound))
async def get_inspections(
    session: QuerySession,
    actor: Reader,
    page: PageQuery,
    region_code: RegionCode | None = None,
    since: Since = None,
    until: Until = None,
    state: InspectionState | None = None,
) -> Page[InspectionView]:
    """The inspections of a region, by day; a department sees those it scheduled."""
    region = region_code or actor.region
    actor.must_cover(region)
    filters = InspectionFilters(region, since, until, state)
    rows = await list_inspections(session, actor, filters, page)
    return page.page(
        rows, InspectionView.of, lambda row: (row.inspection.planned_on, row.inspection.id)
    )


@router.get("/stats/inspections", responses=refusals(Invalid, PeriodInvalid, NotFound))
async def count_inspections(
    session: QuerySession,
    runtime: RunningService,
    actor: Reader,
    page: PageQuery,
    since: Annotated[CivilDate, Query(alias="from", description="首日（含）")],
    until: Annotated[CivilDate, Query(alias="to", description="末日（含）")],
    region_code: RegionCode | None = None,
) -> Page[VillageBurdenView]:
    """How many inspections each village of a region bears in a period, whoever scheduled them, and
    how many of them were over the limit (I-57)."""
    region = region_code or actor.region
    actor.must_cover(region)
    if until < since:
        raise PeriodInvalid.about("to")
    rows = await list_burdens(session, runtime.configuration, region, since, until, page)
    return page.page(rows, VillageBurdenView.of, lambda row: (row.village_code,))
