"""Drafting, signing and sending the final report (I-47)."""

from uuid import UUID

from services.inspection.campaigns.domain import Action
from services.inspection.campaigns.queries import get_campaign_for_update
from services.inspection.campaigns.tables import Campaign
from services.inspection.stages.domain.reports import (
    ReportFixed,
    ReportSent,
    Signatory,
    check_signed,
    decide_signatory,
)
from services.inspection.stages.queries.reports import get_report, report_figures
from services.inspection.stages.tables import CampaignReport
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.errors import Forbidden
from shared.security import Actor


async def draft_report(session: Session, actor: Actor, campaign_id: UUID) -> CampaignReport:
    """Fix the figures of this instant as the report's; again as long as nobody has signed.

    Raises `NotFound`, `IllegalMove`, `ReportFixed`.
    """
    campaign = await get_campaign_for_update(session, actor, campaign_id)
    campaign.after(Action.DRAFT_REPORT)
    report = await get_report(session, campaign.id)
    if report is not None and report.signatures:
        raise ReportFixed
    if report is not None:
        await session.delete(report)
        await session.flush()
    report = await _draft(session, actor, campaign)
    await record_audit(session, actor, Action.DRAFT_REPORT, "campaign", campaign.id)
    return report


async def sign_report(
    session: Session, actor: Actor, campaign_id: UUID, asked: Signatory | None
) -> CampaignReport:
    """Sign as secretary or mayor of the campaign's county; what is not drafted yet is drafted now.

    Raises `NotFound`, `Forbidden` for others, `IllegalMove`, `AlreadySigned`, `SameSigner`.
    """
    campaign = await get_campaign_for_update(session, actor, campaign_id)
    if actor.region != campaign.region_code[:6]:
        raise Forbidden
    campaign.after(Action.SIGN_REPORT)
    report = await get_report(session, campaign.id)
    signatures = () if report is None else report.signatures
    signatory = decide_signatory(actor.roles, asked, actor.person, signatures)
    if report is None:
        report = await _draft(session, actor, campaign)
    report.sign(signatory, person=actor.person, organisation=actor.organisation, at=clock.now())
    change = {"signed": signatory}
    await record_audit(session, actor, Action.SIGN_REPORT, "campaign", campaign.id, change=change)
    return report


async def send_report(session: Session, actor: Actor, campaign_id: UUID) -> CampaignReport:
    """Note that the signed report was sent up.

    Raises `NotFound`, `IllegalMove`, `ReportNotSigned`, `ReportSent`.
    """
    campaign = await get_campaign_for_update(session, actor, campaign_id)
    campaign.after(Action.SEND_REPORT)
    report = await get_report(session, campaign.id)
    check_signed(() if report is None else report.signatures)
    assert report is not None
    if report.sent_at is not None:
        raise ReportSent
    report.sent_by, report.sent_at = actor.person, clock.now()
    await record_audit(session, actor, Action.SEND_REPORT, "campaign", campaign.id)
    return report


async def _draft(session: Session, actor: Actor, campaign: Campaign) -> CampaignReport:
    report = CampaignReport(
        campaign_id=campaign.id,
        figures=await report_figures(await session.driver(), campaign),
        drafted_by=actor.person,
        drafted_at=clock.now(),
    )
    session.add(report)
    return report
