"""POST /campaigns/{id}/advance and GET /campaigns/{id}/coverage."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.inspection.campaigns.api import CampaignView
from services.inspection.campaigns.domain import WHO, Action, CampaignState
from services.inspection.campaigns.queries import get_campaign
from services.inspection.problems.api.requests import WithReason
from services.inspection.problems.commands.judging import desk_of
from services.inspection.roles import Reader
from services.inspection.stages.commands.advancing import advance_campaign
from services.inspection.stages.domain.checks import ObjectClass, StageWithoutCoverage
from services.inspection.stages.domain.conditions import StageNotDone
from services.inspection.stages.domain.reports import ReportNotSigned
from services.inspection.stages.queries.coverage import (
    Uncovered,
    count_coverage,
    coverage_wanted,
    list_uncovered,
)
from shared.errors import Forbidden, IllegalMove, Invalid, NotFound, VersionConflict
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/campaigns/{campaign_id}", tags=["campaigns"])


def may(*actions: Action) -> Any:
    """`Depends` on a caller who may take one of `actions`."""
    return allows(*(Role(role) for action in actions for role in WHO[action]))


class Advance(BaseModel):
    """The next stage is entered; `override` leaves the present one undone, by the leading group."""

    model_config = ConfigDict(extra="forbid")

    override: WithReason | None = None
    version: int | None = Field(None, description="所见行动的版本；他人已推进时拒绝，以免连进两步")


@router.post(
    "/advance",
    responses=refusals(
        NotFound,
        Forbidden,
        VersionConflict,
        IllegalMove,
        StageNotDone,
        ReportNotSigned,
        Invalid,
    ),
)
async def advance(
    campaign_id: UUID,
    session: WriteSession,
    runtime: RunningService,
    actor: Annotated[Actor, may(Action.ADVANCE, Action.OVERRIDE)],
    body: Advance | None = None,
) -> CampaignView:
    """Enter the next stage of the campaign's type once the present one is done (B.7).

    Asked of SELF_CHECK: every object covered, every department's ledger stamped; of CROSS_CHECK:
    every object covered; of RECTIFY: no open problem but systemic ones; of the last stage: the
    report signed by both. `override` is for the leading group and recorded (I-51).
    """
    override = None if body is None else body.override
    campaign = await advance_campaign(
        session,
        actor,
        campaign_id,
        desk_of(runtime).campaigns,
        version=None if body is None else body.version,
        override_reason=None if override is None else override.reason,
    )
    return CampaignView.of(campaign)


class CoverageCount(BaseModel):
    """How many objects of a class there are, and how many were checked."""

    object_class: ObjectClass
    total: int
    covered: int
    uncovered: int


class UncoveredView(BaseModel):
    """An object nobody has checked: a village by its code, a household by its id."""

    object_class: ObjectClass
    ref: str
    village_code: str
    household_no: str | None

    @classmethod
    def of(cls, uncovered: Uncovered) -> "UncoveredView":
        """The view of a row."""
        return cls.model_validate(uncovered, from_attributes=True)


class CoverageView(Page[UncoveredView]):
    """What a stage has not covered, in pages; `counts` stand on the first page."""

    stage: CampaignState
    counts: list[CoverageCount] | None


@router.get("/coverage", responses=refusals(NotFound, StageWithoutCoverage, Invalid))
async def get_stage_coverage(
    campaign_id: UUID,
    session: QuerySession,
    actor: Reader,
    page: PageQuery,
    stage: CampaignState | None = None,
) -> CoverageView:
    """Households and villages of the caller's region that nobody has checked in the stage (I-51);
    `stage` is the present one unless named."""
    campaign = await get_campaign(session, actor, campaign_id)
    asked = stage or CampaignState(campaign.state)
    wanted = coverage_wanted(campaign, asked, actor.region)
    connection = await session.driver()
    counts = None if page.cursor else await count_coverage(connection, wanted)
    rows = await list_uncovered(connection, wanted, page)
    shown = page.page(rows, UncoveredView.of, lambda row: row.key)
    return CoverageView(
        items=shown.items,
        next_cursor=shown.next_cursor,
        stage=asked,
        counts=counts
        and [CoverageCount.model_validate(one, from_attributes=True) for one in counts],
    )
