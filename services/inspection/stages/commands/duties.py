"""A department submits its verification check (I-15), or stamps its ledger (I-54)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.inspection.campaigns.domain import Action
from services.inspection.campaigns.queries import get_campaign_for_update
from services.inspection.ledger.domain import Figures
from services.inspection.routing.domain import Department
from services.inspection.stages.domain.ledgers import check_figures
from services.inspection.stages.queries.facts import (
    get_duty_for_update,
    list_ledgers,
    whole_sight,
)
from services.inspection.stages.tables import CampaignDuty, LedgerStamp
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.errors import Forbidden
from shared.ids import new_id
from shared.security import Actor


async def submit_duty(
    session: Session,
    actor: Actor,
    campaign_id: UUID,
    department: Department,
    *,
    text: str,
    figures: Mapping[str, int],
    evidence: Sequence[Mapping[str, Any]],
) -> CampaignDuty:
    """Submit what a department verified; a further submission is kept beside the earlier ones.

    Raises `NotFound`, `Forbidden` for another department, `IllegalMove`.
    """
    campaign = await get_campaign_for_update(session, actor, campaign_id)
    _must_be(actor, department)
    campaign.after(Action.SUBMIT_DUTY)
    duty = await get_duty_for_update(session, campaign.id, department)
    submission = {
        "text": text,
        "figures": dict(figures),
        "evidence": list(evidence),
        "by": actor.person,
        "at": clock.now().isoformat(),
    }
    duty.submissions = [*duty.submissions, submission]
    change = {"department": department, "submission": len(duty.submissions)}
    await record_audit(session, actor, Action.SUBMIT_DUTY, "campaign", campaign.id, change=change)
    return duty


async def confirm_ledger(
    session: Session,
    actor: Actor,
    campaign_id: UUID,
    department: Department,
    *,
    found: int,
    still_open: int,
    stamp_no: str,
    signed_by: str,
) -> LedgerStamp:
    """Stamp a department's ledger: the figures given must be those of this instant.

    Raises `NotFound`, `Forbidden` for another department, `IllegalMove`, `LedgerDiffers`.
    """
    campaign = await get_campaign_for_update(session, actor, campaign_id)
    _must_be(actor, department)
    campaign.after(Action.CONFIRM_LEDGER)
    ledgers = await list_ledgers(await session.driver(), campaign, whole_sight(campaign))
    own = next((one for one in ledgers if one.key == department), Figures(department, 0, 0))
    check_figures(found, still_open, own)
    stamp = LedgerStamp(
        id=new_id(),
        campaign_id=campaign.id,
        department=department,
        found=found,
        open=still_open,
        stamp_no=stamp_no,
        signed_by=signed_by,
        person=actor.person,
        organisation=actor.organisation,
        confirmed_at=clock.now(),
    )
    session.add(stamp)
    change = {"department": department, "found": found, "open": still_open}
    await record_audit(
        session, actor, Action.CONFIRM_LEDGER, "campaign", campaign.id, change=change
    )
    return stamp


def _must_be(actor: Actor, department: Department) -> None:
    if actor.unit != department:
        raise Forbidden
