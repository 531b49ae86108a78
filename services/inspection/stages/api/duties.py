"""Departments' duties and stamped ledgers of a campaign."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.inspection.campaigns.domain import Action, CampaignState, CampaignType
from services.inspection.campaigns.queries import get_campaign
from services.inspection.campaigns.tables import Campaign
from services.inspection.ledger.domain import Figures
from services.inspection.problems.api.requests import Evidence
from services.inspection.roles import Reader
from services.inspection.routing.domain import Department
from services.inspection.scope import sight_of
from services.inspection.stages.api.stages import may
from services.inspection.stages.commands.duties import confirm_ledger, submit_duty
from services.inspection.stages.domain.duties import duty_stage, is_missing
from services.inspection.stages.domain.ledgers import LedgerDiffers, unconfirmed
from services.inspection.stages.queries.facts import (
    list_duties,
    list_ledgers,
    newest_stamps,
    whole_sight,
)
from services.inspection.stages.tables import CampaignDuty, LedgerStamp
from shared import clock
from shared.errors import Forbidden, IllegalMove, Invalid, NotFound
from shared.security import Actor
from shared.web.dependencies import QuerySession, WriteSession
from shared.web.fields import Text, Title
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.problem_details import refusals

router = APIRouter(prefix="/campaigns/{campaign_id}", tags=["campaigns"])

Figure = Annotated[int, Field(ge=0, le=10**9)]


class SubmitDuty(BaseModel):
    """What a department verified."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    figures: dict[Title, Figure] = Field(
        {}, max_length=50, examples=[{"核查在校学生": 1203, "辍学": 0}]
    )
    evidence: list[Evidence] = Field([], max_length=50)


class SubmissionView(BaseModel):
    """One check a department submitted."""

    text: str
    figures: dict[str, int]
    evidence: list[Evidence]
    by: str
    at: datetime


class DutyView(BaseModel):
    """A department's duty; `missing`: nothing was submitted by the end of the stage."""

    department: str
    text: str
    submissions: list[SubmissionView]
    missing: bool


class DutiesView(BaseModel):
    """The duties of a campaign; `until` is the planned end of the stage they belong to."""

    stage: CampaignState
    until: date | None
    items: list[DutyView]
    missing: list[str]


def _duty_view(campaign: Campaign, duty: CampaignDuty) -> DutyView:
    stage = duty_stage(CampaignType(campaign.type))
    plan, (_, left_at) = campaign.plan_of(stage), campaign.span_of(stage)
    submissions = [SubmissionView.model_validate(one) for one in duty.submissions]
    return DutyView(
        department=duty.department,
        text=duty.text,
        submissions=submissions,
        missing=is_missing(
            submitted_on=clock.civil_date(submissions[0].at) if submissions else None,
            until=None if plan is None else plan.end,
            stage_left=left_at is not None,
            today=clock.today(),
        ),
    )


@router.post(
    "/duties/{department}/submit", responses=refusals(NotFound, Forbidden, IllegalMove, Invalid)
)
async def submit_duty_of(
    campaign_id: UUID,
    department: Department,
    body: SubmitDuty,
    session: WriteSession,
    actor: Annotated[Actor, may(Action.SUBMIT_DUTY)],
) -> SubmissionView:
    """The department submits what it verified (I-15); later submissions stand beside the first."""
    duty = await submit_duty(
        session,
        actor,
        campaign_id,
        department,
        text=body.text,
        figures=body.figures,
        evidence=[one.model_dump() for one in body.evidence],
    )
    return SubmissionView.model_validate(duty.submissions[-1])


@router.get("/duties", responses=refusals(NotFound, Invalid))
async def get_duties(campaign_id: UUID, session: QuerySession, actor: Reader) -> DutiesView:
    """What each department has to verify and has submitted (I-15); a department sees its own."""
    campaign = await get_campaign(session, actor, campaign_id)
    actor.must_cover(campaign.region_code)
    stage = duty_stage(CampaignType(campaign.type))
    plan = campaign.plan_of(stage)
    own = sight_of(actor).department
    duties = await list_duties(session, campaign.id, own)
    items = [_duty_view(campaign, duty) for duty in duties]
    return DutiesView(
        stage=stage,
        until=plan and plan.end,
        items=items,
        missing=[item.department for item in items if item.missing],
    )


class ConfirmLedger(BaseModel):
    """A department's figures as it stamps them."""

    model_config = ConfigDict(extra="forbid")

    found: Figure
    open: Figure
    stamp_no: Title = Field(examples=["峨住建〔2019〕31号"])
    signed_by: Title


class StampView(BaseModel):
    """The figures a department stamped, by whom and when."""

    id: UUID
    department: str
    found: int
    open: int
    stamp_no: str
    signed_by: str
    confirmed_at: datetime

    @classmethod
    def of(cls, stamp: LedgerStamp) -> "StampView":
        """The view of a row."""
        return cls.model_validate(stamp, from_attributes=True)


class LedgerView(BaseModel):
    """A department's figures now, and its newest stamp, unless it covers problems that are not
    shown to the caller; `confirmed`: it covers all found."""

    department: str
    found: int
    open: int
    confirmed: bool
    stamp: StampView | None


class LedgersView(BaseModel):
    """The ledgers of a campaign's departments; `unconfirmed` names those yet to be stamped."""

    items: list[LedgerView]
    unconfirmed: list[str]


@router.post(
    "/ledgers/{department}/confirm",
    status_code=201,
    responses=refusals(
        *(NotFound, Forbidden, IllegalMove, LedgerDiffers, Invalid),
        *(IdempotencyConflict, IdempotencyInProgress),
    ),
)
async def confirm_ledger_of(
    campaign_id: UUID,
    department: Department,
    body: ConfirmLedger,
    session: WriteSession,
    once: OnceOnly,
    actor: Annotated[Actor, may(Action.CONFIRM_LEDGER)],
) -> StampView:
    """The department stamps its ledger; its figures must be those of this instant (I-54)."""
    stamp = await confirm_ledger(
        session,
        actor,
        campaign_id,
        department,
        found=body.found,
        still_open=body.open,
        stamp_no=body.stamp_no,
        signed_by=body.signed_by,
    )
    return await once.keep(StampView.of(stamp))


@router.get("/ledgers", responses=refusals(NotFound, Invalid))
async def get_ledgers(campaign_id: UUID, session: QuerySession, actor: Reader) -> LedgersView:
    """Each department's figures at this instant and its newest stamp; a department sees its own."""
    campaign = await get_campaign(session, actor, campaign_id)
    actor.must_cover(campaign.region_code)
    connection = await session.driver()
    ledgers = await list_ledgers(connection, campaign, sight_of(actor))
    stamps = await newest_stamps(session, campaign.id)
    stamped = await list_ledgers(connection, campaign, whole_sight(campaign))
    found = {one.key: one.found for one in stamped}
    left = set(unconfirmed(stamped, stamps))
    return LedgersView(
        items=[
            _ledger_view(
                one,
                stamps.get(one.key) if found.get(one.key) == one.found else None,
                one.key not in left,
            )
            for one in ledgers
        ],
        unconfirmed=[one.key for one in ledgers if one.key in left],
    )


def _ledger_view(ledger: Figures, stamp: LedgerStamp | None, confirmed: bool) -> LedgerView:
    return LedgerView(
        department=ledger.key,
        found=ledger.found,
        open=ledger.open,
        confirmed=confirmed,
        stamp=None if stamp is None else StampView.of(stamp),
    )
