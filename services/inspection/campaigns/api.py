"""POST and GET /campaigns."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.inspection.campaigns.commands import create_campaign
from services.inspection.campaigns.domain import (
    CampaignState,
    CampaignType,
    Content,
    StagePlan,
    StagesInvalid,
)
from services.inspection.campaigns.queries import get_campaign, list_campaigns
from services.inspection.campaigns.tables import Campaign
from services.inspection.deadlines.domain import DeadlinePolicy, PolicyInvalid
from services.inspection.fields import CivilDate
from services.inspection.roles import Reader, Steerer
from shared.errors import Invalid, NotFound
from shared.web.dependencies import QuerySession, WriteSession
from shared.web.fields import RegionCode, Title
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/campaigns", tags=["campaigns"])


class PlannedStage(BaseModel):
    """A stage with its first and last day."""

    model_config = ConfigDict(extra="forbid")

    stage: CampaignState
    start: CivilDate
    end: CivilDate


class CreateCampaign(BaseModel):
    """A new campaign."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Title, Field(max_length=100)] = Field(examples=["DPC-2019"])
    type: CampaignType
    region_code: RegionCode
    year: int = Field(ge=2000, le=2099)
    deadline_policy: DeadlinePolicy | None = Field(
        None,
        description="整改时限规则；不填则用所在区域的规则",
        examples=[
            {
                "rules": [
                    {
                        "id": "S-EXITED",
                        "match": {"cohort": ["EXITED", "EXIT_THIS_YEAR"]},
                        "due": {"date": "2019-09-30"},
                    }
                ],
                "late_days": 7,
            }
        ],
    )
    self_check_until: CivilDate | None = Field(
        None, description="自查免责的最后一日；不填则以自查阶段结束之日为准"
    )
    stages: list[PlannedStage] = Field(
        [], max_length=5, description="“回头看”不填则用所在区域的常规安排"
    )
    contents: list[Content] = Field([], max_length=4, description="“回头看”的内容；不填则四项全查")
    base_date: CivilDate | None = Field(
        None, description="数据基准日；“回头看”不填则为上年12月31日"
    )
    since_year: int | None = Field(
        None, ge=2000, le=2099, description="自哪一年以来的脱贫户；“回头看”不填则为2014年"
    )


class EnteredStage(BaseModel):
    """A stage the campaign has entered; `override` says why the one before was left undone."""

    stage: CampaignState
    entered_at: datetime
    by: str
    override: dict[str, Any] | None


class CampaignView(BaseModel):
    """A campaign."""

    id: UUID
    name: str
    type: CampaignType
    region_code: str
    year: int
    deadline_policy: dict[str, Any] | None
    self_check_until: CivilDate | None
    stages: list[PlannedStage]
    contents: list[Content]
    base_date: CivilDate | None
    since_year: int | None
    state: CampaignState
    course: list[EnteredStage]
    version: int

    @classmethod
    def of(cls, campaign: Campaign) -> "CampaignView":
        """The view of a row."""
        return cls.model_validate(campaign, from_attributes=True)


@router.post(
    "",
    status_code=201,
    responses=refusals(
        Invalid,
        PolicyInvalid,
        StagesInvalid,
        NotFound,
        IdempotencyConflict,
        IdempotencyInProgress,
    ),
)
async def post_campaign(
    body: CreateCampaign,
    session: WriteSession,
    once: OnceOnly,
    actor: Steerer,
) -> CampaignView:
    """Draft a campaign with its deadline policy (I-23, I-50)."""
    campaign = await create_campaign(
        session,
        actor,
        name=body.name,
        type_=body.type,
        region_code=body.region_code,
        year=body.year,
        deadline_policy=body.deadline_policy,
        self_check_until=body.self_check_until,
        stages=[StagePlan(item.stage, item.start, item.end) for item in body.stages],
        contents=body.contents,
        base_date=body.base_date,
        since_year=body.since_year,
    )
    return await once.keep(CampaignView.of(campaign))


@router.get("", responses=refusals(Invalid))
async def get_campaigns(
    session: QuerySession, actor: Reader, page: PageQuery
) -> Page[CampaignView]:
    """The campaigns that concern the caller's region, oldest first."""
    rows = await list_campaigns(session, actor, page)
    return page.page(rows, CampaignView.of, lambda row: (row.id,))


@router.get("/{campaign_id}", responses=refusals(NotFound, Invalid))
async def get_campaign_by_id(
    campaign_id: UUID, session: QuerySession, actor: Reader
) -> CampaignView:
    """One campaign."""
    return CampaignView.of(await get_campaign(session, actor, campaign_id))
