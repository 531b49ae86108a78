"""Leaving a stage: allowed when it is done, or when the leading group says so (B.7)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.inspection.campaigns.commands import tell_stage
from services.inspection.campaigns.domain import WHO, Action, CampaignState
from services.inspection.campaigns.queries import (
    CampaignTermsCache,
    get_campaign_for_update,
    terms_of,
)
from services.inspection.campaigns.tables import Campaign
from services.inspection.scope import sight_of
from services.inspection.stages.domain.conditions import (
    EXIT_CONDITIONS,
    Condition,
    Missing,
    StageNotDone,
)
from services.inspection.stages.domain.duties import DUTIES
from services.inspection.stages.domain.ledgers import unconfirmed
from services.inspection.stages.domain.reports import check_signed
from services.inspection.stages.queries.coverage import (
    count_coverage,
    coverage_wanted,
    list_uncovered,
)
from services.inspection.stages.queries.facts import (
    count_open_problems,
    list_ledgers,
    newest_stamps,
    whole_sight,
)
from services.inspection.stages.queries.reports import get_report
from services.inspection.stages.tables import CampaignDuty
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.errors import Forbidden, VersionConflict
from shared.security import Actor, Role
from shared.web.pagination import PageRequest

# So many of what is missing are named in the refusal; the listing has them all.
_FIRST = 5

_Find = Callable[[Session, Actor, Campaign], Awaitable[Missing | None]]


async def advance_campaign(
    session: Session,
    actor: Actor,
    campaign_id: UUID,
    cache: CampaignTermsCache,
    *,
    override_reason: str | None = None,
    version: int | None = None,
) -> Campaign:
    """Enter the next stage. With `override_reason` the leading group leaves a stage undone (I-51);
    nobody can leave out the signatures (I-47). `version` is the one the caller has seen.

    Raises `NotFound`, `Forbidden`, `VersionConflict`, `IllegalMove`, `StageNotDone`,
    `ReportNotSigned`.
    """
    campaign = await get_campaign_for_update(session, actor, campaign_id)
    action = Action.ADVANCE if override_reason is None else Action.OVERRIDE
    if not actor.has(*map(Role, WHO[action])):
        raise Forbidden
    if version not in (None, campaign.version):
        raise VersionConflict(version=campaign.version)
    before = CampaignState(campaign.state)
    campaign.after(action)
    missing = await _missing(session, actor, campaign)
    if missing and override_reason is None:
        raise StageNotDone(stage=before, missing=missing)
    override = None if override_reason is None else _override(override_reason, missing)
    campaign.advance(action, at=clock.now(), by=actor.person, override=override)
    if before is CampaignState.DRAFT:
        session.add_all(_duties(campaign))
    await tell_stage(session, campaign)
    undone = [one.document() for one in missing]
    change = {"state": [before, campaign.state], "missing": undone}
    await record_audit(
        session, actor, action, "campaign", campaign.id, remark=override_reason, change=change
    )
    session.after_commit(lambda: cache.remember(terms_of(campaign)))
    return campaign


def _override(reason: str, missing: Sequence[Missing]) -> dict[str, Any]:
    """Everybody reads the campaign; what is missing by name stands in the audit."""
    return {"reason": reason, "missing": {one.condition.value: one.count for one in missing}}


def _duties(campaign: Campaign) -> list[CampaignDuty]:
    return [
        CampaignDuty(campaign_id=campaign.id, department=department, text=text)
        for department, text in DUTIES.items()
    ]


async def _missing(session: Session, actor: Actor, campaign: Campaign) -> list[Missing]:
    found = []
    for condition in EXIT_CONDITIONS.get(CampaignState(campaign.state), ()):
        missing = await _FIND[condition](session, actor, campaign)
        if missing is not None:
            found.append(missing)
    return found


def _missing_unless_none(
    condition: Condition, count: int, first: Any, listing: str
) -> Missing | None:
    return Missing(condition, count, list(first), f"/api/v1{listing}") if count else None


async def _find_uncovered(session: Session, _actor: Actor, campaign: Campaign) -> Missing | None:
    connection = await session.driver()
    stage = CampaignState(campaign.state)
    wanted = coverage_wanted(campaign, stage, campaign.region_code)
    count = sum(one.uncovered for one in await count_coverage(connection, wanted))
    first = await list_uncovered(connection, wanted, PageRequest(None, _FIRST)) if count else []
    return _missing_unless_none(
        Condition.COVERAGE,
        count,
        [one.ref for one in first[:_FIRST]],
        f"/campaigns/{campaign.id}/coverage?stage={stage}",
    )


async def _find_unconfirmed(session: Session, _actor: Actor, campaign: Campaign) -> Missing | None:
    ledgers = await list_ledgers(await session.driver(), campaign, whole_sight(campaign))
    left = unconfirmed(ledgers, await newest_stamps(session, campaign.id))
    return _missing_unless_none(
        Condition.LEDGERS, len(left), left[:_FIRST], f"/campaigns/{campaign.id}/ledgers"
    )


async def _find_open(session: Session, actor: Actor, campaign: Campaign) -> Missing | None:
    count, first = await count_open_problems(
        await session.driver(), campaign.id, sight_of(actor), _FIRST
    )
    return _missing_unless_none(
        Condition.OPEN_PROBLEMS, count, first, f"/problems?campaign_id={campaign.id}"
    )


async def _find_unsigned(session: Session, _actor: Actor, campaign: Campaign) -> Missing | None:
    report = await get_report(session, campaign.id)
    check_signed(() if report is None else report.signatures)
    return None


_FIND: Mapping[Condition, _Find] = {
    Condition.COVERAGE: _find_uncovered,
    Condition.LEDGERS: _find_unconfirmed,
    Condition.OPEN_PROBLEMS: _find_open,
    Condition.REPORT: _find_unsigned,
}
