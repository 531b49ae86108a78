"""POST and GET /rhythm-records, GET /rhythm: the weekly studies and daily patrols of units."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.inspection.fields import CivilDate
from services.inspection.rhythm.commands import record_rhythm
from services.inspection.rhythm.domain import (
    PatrolPlaceRequired,
    PlaceOutsideUnit,
    RecordInFuture,
    RegionTooWide,
    RhythmKind,
    UnitWeek,
    WeekInvalid,
    check_width,
    parse_week,
)
from services.inspection.rhythm.queries import (
    DEPARTMENTS,
    PATROLS_PER_WEEK,
    STUDIES_PER_WEEK,
    list_records,
    list_unit_weeks,
)
from services.inspection.rhythm.tables import RhythmRecord
from services.inspection.roles import Reader
from shared import clock
from shared.errors import Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.fields import OrganisationCode, PersonName, RegionCode, Text
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals
from shared.workdays import official_calendar

SETTINGS = (STUDIES_PER_WEEK, PATROLS_PER_WEEK, DEPARTMENTS)

router = APIRouter(tags=["rhythm"])

Recorder = Annotated[
    Actor,
    allows(
        Role.DEPT_HANDLER,
        Role.DEPT_HEAD,
        Role.TOWNSHIP_REVIEWER,
        Role.TOWNSHIP_PARTY_SECRETARY,
        Role.POVERTY_OFFICE,
        Role.LEADING_GROUP,
        Role.COUNTY_GOV,
        Role.OPS,
    ),
]
WeekCode = Annotated[str, Query(description="周次（ISO 8601）", examples=["2019-W37"])]


class RecordRhythm(BaseModel):
    """What a unit's leader did on a day."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "kind": "PATROL",
                    "on": "2019-09-12",
                    "person": "李分管",
                    "place": "511132201205",
                    "text": "入户查看危房改造进度3户",
                }
            ]
        },
    )

    org: OrganisationCode | None = Field(None, description="单位；不填为本单位")
    kind: RhythmKind = Field(description="STUDY 主要领导每周研判；PATROL 分管领导每天巡回督促")
    on: CivilDate
    person: PersonName = Field(description="研判或督促的领导")
    place: RegionCode | None = Field(None, description="所到乡镇或村；巡回督促必填")
    text: Text
    problem_ids: list[UUID] = Field([], max_length=200, description="涉及的问题")


class RhythmRecordView(RecordRhythm):
    """A rhythm record."""

    id: UUID
    org: OrganisationCode
    recorded_by: str

    @classmethod
    def of(cls, record: RhythmRecord) -> "RhythmRecordView":
        """The view of a row."""
        return cls(
            id=record.id,
            org=record.org,
            kind=RhythmKind(record.kind),
            on=record.on_day,
            person=record.person,
            place=record.place,
            text=record.text,
            problem_ids=record.problem_ids,
            recorded_by=record.recorded_by,
        )


class MissingView(BaseModel):
    """A study or patrol that did not take place; `on` names the workday without a patrol."""

    kind: RhythmKind
    on: date | None


class UnitWeekView(BaseModel):
    """A unit's week: days with a record, what the week asks for, what is missing by now."""

    org: str
    study_days: int
    patrol_days: int
    study_required: int
    patrol_required: int
    missing: list[MissingView]


class RhythmView(BaseModel):
    """The week of each unit of a region."""

    region_code: str
    week: str = Field(examples=["2019-W37"])
    workdays: list[date] = Field(description="本周工作日（含调休上班日）")
    items: list[UnitWeekView]

    @classmethod
    def of(
        cls, region: str, week: str, workdays: tuple[date, ...], units: list[UnitWeek]
    ) -> "RhythmView":
        """The view of the judged weeks."""
        return cls.model_validate(
            {"region_code": region, "week": week, "workdays": workdays, "items": units},
            from_attributes=True,
        )


@router.post(
    "/rhythm-records",
    status_code=201,
    responses=refusals(
        Invalid,
        RecordInFuture,
        PatrolPlaceRequired,
        PlaceOutsideUnit,
        NotFound,
        IdempotencyConflict,
        IdempotencyInProgress,
    ),
)
async def post_rhythm_record(
    body: RecordRhythm, session: WriteSession, once: OnceOnly, actor: Recorder
) -> RhythmRecordView:
    """Record a leader's weekly study or daily patrol, for the own unit or one of the own place
    (I-35)."""
    record = await record_rhythm(
        session,
        actor,
        org=body.org or actor.organisation,
        kind=body.kind,
        on=body.on,
        person=body.person,
        place=body.place,
        text=body.text,
        problem_ids=body.problem_ids,
    )
    return await once.keep(RhythmRecordView.of(record))


@router.get("/rhythm-records", responses=refusals(Invalid, WeekInvalid, NotFound))
async def get_rhythm_records(
    week: WeekCode,
    session: QuerySession,
    actor: Reader,
    page: PageQuery,
    region_code: RegionCode | None = None,
) -> Page[RhythmRecordView]:
    """The records of a week, by day; a department sees its own."""
    region = region_code or actor.region
    actor.must_cover(region)
    asked = parse_week(week, official_calendar())
    rows = await list_records(session, actor, region, asked, page)
    return page.page(rows, RhythmRecordView.of, lambda row: (row.on_day, row.id))


@router.get("/rhythm", responses=refusals(Invalid, WeekInvalid, RegionTooWide, NotFound))
async def get_rhythm(
    week: WeekCode,
    session: QuerySession,
    runtime: RunningService,
    actor: Reader,
    region_code: RegionCode | None = None,
) -> RhythmView:
    """For every unit of a county or township: on how many days of the week it was studied and
    patrolled, against one study and a patrol each workday, and what is missing (I-35). Days that
    are not over are not missing yet; a department sees its own week."""
    region = region_code or actor.region
    actor.must_cover(region)
    check_width(region)
    asked = parse_week(week, official_calendar())
    units = await list_unit_weeks(
        session, runtime.configuration, actor, region, asked, clock.today()
    )
    return RhythmView.of(region, asked.code, asked.workdays, units)
