"""What can be done to campaigns."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

from pydantic import TypeAdapter

from services.inspection.campaigns.domain import CampaignType, StagePlan, check_stages
from services.inspection.campaigns.tables import Campaign
from services.inspection.deadlines.domain import DeadlinePolicy
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.events.inspection import CampaignStageChanged
from shared.ids import new_id
from shared.messaging.outbox import record
from shared.security import Actor

_POLICY = TypeAdapter(DeadlinePolicy)


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
    stages: Sequence[StagePlan],
) -> Campaign:
    """Draft a campaign. Raises `NotFound` outside the actor's region, `StagesInvalid`."""
    actor.must_cover(region_code)
    check_stages(type_, stages)
    policy = None
    if deadline_policy is not None:
        policy = _POLICY.dump_python(deadline_policy, mode="json", exclude_none=True)
    campaign = Campaign(
        id=new_id(),
        name=name,
        type=type_,
        region_code=region_code,
        year=year,
        deadline_policy=policy,
        self_check_until=self_check_until,
        stages=[{name: str(value) for name, value in asdict(stage).items()} for stage in stages],
        created_by=actor.person,
        created_at=clock.now(),
    )
    await record(
        session,
        campaign,
        CampaignStageChanged(
            campaign_id=campaign.id,
            name=name,
            type=type_,
            region_code=region_code,
            stage=campaign.state,
        ),
    )
    await record_audit(session, actor, "CREATE", "campaign", campaign.id)
    return campaign
