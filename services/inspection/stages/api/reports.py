"""The final report of a campaign: drafted, signed by two, sent up."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.inspection.campaigns.domain import Action
from services.inspection.campaigns.queries import get_campaign
from services.inspection.roles import Reader
from services.inspection.scope import sight_of
from services.inspection.stages.api.stages import may
from services.inspection.stages.commands.reports import draft_report, send_report, sign_report
from services.inspection.stages.domain.reports import (
    AlreadySigned,
    ReportFixed,
    ReportNotSigned,
    ReportSent,
    SameSigner,
    Signatory,
    missing_signatures,
)
from services.inspection.stages.queries.reports import get_report, report_figures
from services.inspection.stages.tables import CampaignReport
from shared.errors import Forbidden, IllegalMove, Invalid, NotFound
from shared.security import Actor
from shared.web.dependencies import QuerySession, WriteSession
from shared.web.problem_details import refusals

router = APIRouter(prefix="/campaigns/{campaign_id}", tags=["campaigns"])


class UnitView(BaseModel):
    """The figures of one unit, and the number of files that prove them."""

    unit: str
    found: int
    closed: int
    open: int
    evidence: int


class SignatureView(BaseModel):
    """Who signed, in which capacity."""

    capacity: Signatory = Field(alias="as")
    person: str
    organisation: str
    at: datetime


class ReportView(BaseModel):
    """The final report; live figures until it is drafted."""

    total: UnitView
    departments: list[UnitView]
    townships: list[UnitView]
    drafted_at: datetime | None = None
    signatures: list[SignatureView] = []
    missing_signatures: list[Signatory]
    sent_at: datetime | None = None

    @classmethod
    def of(cls, report: CampaignReport) -> "ReportView":
        """The view of a drafted report."""
        return cls.model_validate(
            {
                **report.figures,
                **report.model_dump(include={"drafted_at", "signatures", "sent_at"}),
                "missing_signatures": missing_signatures(report.signatures),
            }
        )

    @classmethod
    def live(cls, figures: dict[str, Any]) -> "ReportView":
        """The view of what the report would say now."""
        return cls.model_validate({**figures, "missing_signatures": list(Signatory)})


class SignReport(BaseModel):
    """In which capacity the report is signed; the caller's role says it where it is left out."""

    model_config = ConfigDict(extra="forbid")

    capacity: Signatory | None = Field(None, alias="as")


@router.get("/report", responses=refusals(NotFound, Invalid))
async def get_final_report(campaign_id: UUID, session: QuerySession, actor: Reader) -> ReportView:
    """Found, closed and open per department and township, with the number of files of evidence, as
    drafted, or as of now before (I-47). For those who see the whole of the campaign."""
    campaign = await get_campaign(session, actor, campaign_id)
    actor.must_cover(campaign.region_code)
    if sight_of(actor).department is not None:
        raise NotFound
    report = await get_report(session, campaign.id)
    if report is not None:
        return ReportView.of(report)
    return ReportView.live(await report_figures(await session.driver(), campaign))


@router.post(
    "/draft-report",
    responses=refusals(NotFound, Forbidden, IllegalMove, ReportFixed),
)
async def draft_final_report(
    campaign_id: UUID,
    session: WriteSession,
    actor: Annotated[Actor, may(Action.DRAFT_REPORT)],
) -> ReportView:
    """Fix the figures of this instant; again until somebody has signed."""
    return ReportView.of(await draft_report(session, actor, campaign_id))


@router.post(
    "/sign-report",
    responses=refusals(NotFound, Forbidden, IllegalMove, AlreadySigned, SameSigner, Invalid),
)
async def sign_final_report(
    campaign_id: UUID,
    session: WriteSession,
    actor: Annotated[Actor, may(Action.SIGN_REPORT)],
    body: SignReport | None = None,
) -> ReportView:
    """Sign as party secretary (role leading_group) or mayor (role county_gov) of the campaign's
    county; two different persons must sign (I-47)."""
    asked = None if body is None else body.capacity
    return ReportView.of(await sign_report(session, actor, campaign_id, asked))


@router.post(
    "/send-report",
    responses=refusals(NotFound, Forbidden, IllegalMove, ReportNotSigned, ReportSent),
)
async def send_final_report(
    campaign_id: UUID,
    session: WriteSession,
    actor: Annotated[Actor, may(Action.SEND_REPORT)],
) -> ReportView:
    """Note that the report, signed by both, was sent up."""
    return ReportView.of(await send_report(session, actor, campaign_id))
