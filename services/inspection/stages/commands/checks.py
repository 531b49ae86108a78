"""Recording checks of single objects, one or a thousand at a time (I-51)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.inspection.campaigns.domain import Action, CampaignState
from services.inspection.campaigns.queries import hold_campaign, terms_of
from services.inspection.campaigns.tables import Campaign
from services.inspection.deadlines.domain import ObjectType
from services.inspection.stages.domain.checks import (
    Check,
    Checker,
    CheckObjectElsewhere,
    CheckProblemMismatch,
    judge_check,
)
from shared import clock
from shared.audit import record_audit
from shared.database import Connection, Session
from shared.errors import DomainError
from shared.security import Actor

_VILLAGES = (
    "SELECT household_id, village_code FROM household_mirror WHERE household_id = ANY($1::uuid[])"
)
_SUBJECTS = (
    "SELECT id, object_type, object_ref FROM problems"
    " WHERE id = ANY($1::uuid[]) AND state <> 'WITHDRAWN'"
)
_STORE = """
INSERT INTO campaign_checks (campaign_id, stage, person, organisation, recorded_at, object_type,
                             object_ref, team, checked_on, village_code, result, problem_id)
SELECT $1, $2, $3, $4, $5, one.*
FROM unnest($6::text[], $7::text[], $8::text[], $9::date[], $10::text[], $11::text[], $12::uuid[])
     AS one
ON CONFLICT DO NOTHING
RETURNING object_type, object_ref, team, checked_on
"""


@dataclass(frozen=True, slots=True)
class _Facts:
    """Where households are registered, and what the problems named are about."""

    villages: Mapping[str, str]
    subjects: Mapping[UUID, tuple[str, str]]


async def record_checks(
    session: Session,
    actor: Actor,
    campaign_id: UUID,
    checks: Sequence[Check],
) -> list[bool | DomainError]:
    """Record what teams looked at in the present stage: for each check True, False when it was
    recorded before, or why it was refused.

    Raises `NotFound`, and `IllegalMove` in a stage without checks.
    """
    campaign = await hold_campaign(session, actor, campaign_id)
    campaign.after(Action.CHECK)
    connection = await session.driver()
    facts = await _gather(connection, checks)
    judged = [_judge(actor, campaign, check, facts) for check in checks]
    good = [one for one in judged if isinstance(one, Check)]
    stored = await _store(connection, actor, campaign, good)
    change = {"stage": campaign.state, "recorded": len(stored)}
    await record_audit(session, actor, Action.CHECK, "campaign", campaign.id, change=change)
    results: list[bool | DomainError] = []
    for one in judged:
        if isinstance(one, DomainError):
            results.append(one)
        else:
            results.append(one.key in stored)
            stored.discard(one.key)
    return results


def _judge(actor: Actor, campaign: Campaign, check: Check, facts: _Facts) -> Check | DomainError:
    checker = Checker(actor.unit, actor.region, actor.roles)
    try:
        judge_check(
            check,
            terms_of(campaign),
            checker,
            not_before=_first_day(campaign),
            today=clock.today(),
        )
        if facts.villages.get(check.object_ref, check.village_code) != check.village_code:
            raise CheckObjectElsewhere.about("village_code")
        if check.problem_id is not None:
            subject = facts.subjects.get(check.problem_id)
            if subject != (check.object_type, check.object_ref):
                raise CheckProblemMismatch.about("problem_id")
    except DomainError as refusal:
        return refusal
    return check


def _first_day(campaign: Campaign) -> date:
    """The day the stage began: as planned, or when it was entered, if that was earlier."""
    state = CampaignState(campaign.state)
    entered_at, _ = campaign.span_of(state)
    assert entered_at is not None
    entered_on, plan = clock.civil_date(entered_at), campaign.plan_of(state)
    return entered_on if plan is None else min(entered_on, plan.start)


async def _gather(connection: Connection, checks: Sequence[Check]) -> _Facts:
    households = [check.object_ref for check in checks if check.object_type is ObjectType.HOUSEHOLD]
    problems = [check.problem_id for check in checks if check.problem_id is not None]
    villages = await connection.fetch(_VILLAGES, households) if households else []
    subjects = await connection.fetch(_SUBJECTS, problems) if problems else []
    return _Facts(
        {str(row["household_id"]): row["village_code"] for row in villages},
        {row["id"]: (row["object_type"], row["object_ref"]) for row in subjects},
    )


async def _store(
    connection: Connection, actor: Actor, campaign: Campaign, checks: Sequence[Check]
) -> set[tuple[str, str, str, date]]:
    rows = await connection.fetch(
        _STORE,
        *(campaign.id, campaign.state, actor.person, actor.organisation, clock.now()),
        [check.object_type for check in checks],
        [check.object_ref for check in checks],
        [check.team for check in checks],
        [check.checked_on for check in checks],
        [check.village_code for check in checks],
        [check.result for check in checks],
        [check.problem_id for check in checks],
    )
    return {(row["object_type"], row["object_ref"], row["team"], row["checked_on"]) for row in rows}
