"""What can be done to campaigns."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

from pydantic import TypeAdapter

from services.inspection.campaigns.domain import (
    CampaignState,
    CampaignType,
    Content,
    StagePlan,
    check_stages,
)
from services.inspection.campaigns.queries import LOOK_BACK_SINCE_YEAR, LOOK_BACK_STAGES, planned
from services.inspection.campaigns.tables import Campaign
from services.inspection.deadlines.domain import DeadlinePolicy
from shared import clock
from shared.audit import record_audit
from shared.configuration import configuration_of
from shared.database import Session
from shared.events.inspection import CampaignClosed, CampaignStageChanged
from shared.ids import new_id
from shared.messaging.outbox import record
from shared.security import Actor

_POLICY: TypeAdapter[DeadlinePolicy | None] = TypeAdapter(DeadlinePolicy | None)


async def create_campaign(
    session: Session,
    actor: Actor,
    *,
    name: str,
    type_: CampaignType,
    region_code: str,
    year: int,
    deadline_policy: DeadlinePolicy | None,
    self_check_until: date | None,
    stages: Sequence[StagePlan] = (),
    contents: Sequence[Content] = (),
    base_date: date | None = None,
    since_year: int | None = None,
) -> Campaign:
    """Draft a campaign; what a look-back does not say of itself is as usual (I-50, I-53).

    Raises `NotFound` outside the actor's region, `StagesInvalid`.
    """
    actor.must_cover(region_code)
    if type_ is CampaignType.LOOK_BACK:
        configuration, today = configuration_of(session), clock.today()
        usual = configuration.value(LOOK_BACK_STAGES, region_code, today)
        stages = stages or planned(year, usual)
        contents = contents or tuple(Content)
        base_date = base_date or date(year - 1, 12, 31)
        since_year = since_year or configuration.value(LOOK_BACK_SINCE_YEAR, region_code, today)
    check_stages(type_, stages)
    campaign = Campaign(
        id=new_id(),
        name=name,
        type=type_,
        region_code=region_code,
        year=year,
        deadline_policy=_POLICY.dump_python(deadline_policy, mode="json", exclude_none=True),
        self_check_until=self_check_until,
        stages=[{name: str(value) for name, value in asdict(stage).items()} for stage in stages],
        contents=[*dict.fromkeys(contents)],
        base_date=base_date,
        since_year=since_year,
        created_by=actor.person,
        created_at=clock.now(),
    )
    await tell_stage(session, campaign)
    await record_audit(session, actor, "CREATE", "campaign", campaign.id)
    return campaign


async def tell_stage(session: Session, campaign: Campaign) -> None:
    """Tell others of the stage a campaign has entered, and of its end."""
    plan = campaign.plan_of(CampaignState(campaign.state))
    facts = campaign.model_dump(include={"name", "type", "region_code"})
    changed = CampaignStageChanged(
        **facts,
        campaign_id=campaign.id,
        stage=campaign.state,
        starts_on=plan and plan.start,
        ends_on=plan and plan.end,
    )
    await record(session, campaign, changed)
    if campaign.state == CampaignState.CLOSED:
        closed = CampaignClosed(**facts, campaign_id=campaign.id, closed_on=clock.today())
        await record(session, campaign, closed)
