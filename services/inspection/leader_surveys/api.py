"""POST and GET /leader-surveys, GET /stats/leader-surveys: how often leaders go and see."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.inspection.fields import CivilDate
from services.inspection.leader_surveys.commands import record_survey
from services.inspection.leader_surveys.domain import (
    LeaderLevel,
    SurveyInFuture,
    SurveyOutsideArea,
)
from services.inspection.leader_surveys.queries import (
    SURVEY_NORM,
    SurveyRow,
    list_leader_years,
    list_surveys,
)
from services.inspection.roles import Reader
from shared.errors import Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.fields import PersonName, RegionCode, Text, VillageCode
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

SETTINGS = (SURVEY_NORM,)

router = APIRouter(tags=["leader-surveys"])

Recorder = Annotated[
    Actor,
    allows(
        Role.POVERTY_OFFICE,
        Role.LEADING_GROUP,
        Role.COUNTY_GOV,
        Role.INSPECTOR,
        Role.OPS,
    ),
]
Year = Annotated[int, Query(ge=2000, le=2099, examples=[2019])]


class RecordSurvey(BaseModel):
    """A leader's survey of villages."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "leader": "王县长",
                    "level": "COUNTY",
                    "on": "2019-09-11",
                    "village_codes": ["511132201205"],
                    "unannounced": True,
                    "found_text": "两户饮水管道冬季断流",
                }
            ]
        },
    )

    leader: PersonName
    level: LeaderLevel = Field(description="任职层级：省、市、县")
    on: CivilDate
    village_codes: list[VillageCode] = Field(min_length=1, max_length=100)
    unannounced: bool = Field(description="是否四不两直；县级领导只计四不两直调研")
    found_text: Text = Field(description="发现的情况")
    problem_ids: list[UUID] = Field([], max_length=200, description="由此登记的问题")


class SurveyView(RecordSurvey):
    """A survey; of its villages those in the region asked for."""

    id: UUID
    area_code: str = Field(description="该领导任职的省、市或县")

    @classmethod
    def of(cls, row: SurveyRow) -> "SurveyView":
        """The view of a row."""
        survey = row.survey
        return cls(
            id=survey.id,
            leader=survey.leader,
            level=LeaderLevel(survey.level),
            area_code=survey.area_code,
            on=survey.on_day,
            village_codes=row.village_codes,
            unannounced=survey.unannounced,
            found_text=survey.found_text,
            problem_ids=survey.problem_ids,
        )


class LeaderYearView(BaseModel):
    """A leader's year: all surveys, those that count, and what the level asks for."""

    leader: str
    level: LeaderLevel
    area_code: str
    surveys: int
    count: int = Field(description="计数的调研次数")
    required: int
    met: bool | None = Field(description="是否达到；本区域外的调研不可见而未足数时为空")


class LeaderYearsView(BaseModel):
    """The leaders who surveyed villages of a region in a year."""

    year: int
    region_code: str
    items: list[LeaderYearView]


@router.post(
    "/leader-surveys",
    status_code=201,
    responses=refusals(
        Invalid,
        SurveyInFuture,
        SurveyOutsideArea,
        NotFound,
        IdempotencyConflict,
        IdempotencyInProgress,
    ),
)
async def post_leader_survey(
    body: RecordSurvey, session: WriteSession, once: OnceOnly, actor: Recorder
) -> SurveyView:
    """Record a leader's survey of villages and what was found (I-58)."""
    row = await record_survey(
        session,
        actor,
        leader=body.leader,
        level=body.level,
        on=body.on,
        village_codes=body.village_codes,
        unannounced=body.unannounced,
        found_text=body.found_text,
        problem_ids=body.problem_ids,
    )
    return await once.keep(SurveyView.of(row))


@router.get("/leader-surveys", responses=refusals(Invalid, NotFound))
async def get_leader_surveys(
    year: Year,
    session: QuerySession,
    actor: Reader,
    page: PageQuery,
    region_code: RegionCode | None = None,
) -> Page[SurveyView]:
    """A year's surveys of villages of a region, by day."""
    region = region_code or actor.region
    actor.must_cover(region)
    rows = await list_surveys(session, region, year, page)
    return page.page(rows, SurveyView.of, lambda row: (row.survey.on_day, row.survey.id))


@router.get("/stats/leader-surveys", responses=refusals(Invalid, NotFound))
async def count_leader_surveys(
    year: Year,
    session: QuerySession,
    runtime: RunningService,
    actor: Reader,
    region_code: RegionCode | None = None,
) -> LeaderYearsView:
    """Each leader's surveys of villages of a region in a year: two are asked of a province's
    leader, three of a city's, four unannounced ones of a county's (I-58). A county sees of leaders
    above it what they surveyed in the county."""
    region = region_code or actor.region
    actor.must_cover(region)
    years = await list_leader_years(session, runtime.configuration, region, year)
    return LeaderYearsView.model_validate(
        {"year": year, "region_code": region, "items": years}, from_attributes=True
    )
