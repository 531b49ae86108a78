"""What can be done to feedback: take it in, claim its items, link problems to them."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from services.inspection.campaigns.queries import get_named_campaign
from services.inspection.feedback.domain import (
    Item,
    LinkedElsewhere,
    NotOfTheCounty,
    OutsideFeedback,
    PlannedAspect,
    ReceivedInFuture,
    check_feedback,
)
from services.inspection.feedback.queries import count_item, get_item
from services.inspection.feedback.tables import Feedback, FeedbackItem
from services.inspection.mirror.queries import find_region_names
from services.inspection.problems.domain.findings import RegionUnknown, Source
from services.inspection.problems.queries import in_sight
from services.inspection.problems.tables import Problem
from services.inspection.routing.domain import Department
from services.inspection.scope import sight_of
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.errors import NotFound
from shared.ids import new_id
from shared.security import Actor

_CLAIM = """
INSERT INTO feedback_claims (item_id, department, claimed_by, claimed_at)
VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING 1
"""
_LINK = """
INSERT INTO feedback_links (feedback_id, problem_id, item_id, linked_by, linked_at)
SELECT $1, problem_id, $2, $3, $4 FROM unnest($5::uuid[]) AS problem_id ORDER BY problem_id
ON CONFLICT DO NOTHING RETURNING problem_id
"""
_ELSEWHERE = """
SELECT problem_id FROM feedback_links
WHERE feedback_id = $1 AND problem_id = ANY($2::uuid[]) AND item_id <> $3 ORDER BY problem_id
"""
_UNLINK = "DELETE FROM feedback_links WHERE feedback_id = $1 AND problem_id = $2 AND item_id = $3"


async def take_in_feedback(
    session: Session,
    actor: Actor,
    *,
    name: str,
    source: Source,
    region_code: str,
    campaign_id: UUID | None,
    received_on: date,
    aspects: Sequence[PlannedAspect],
) -> Feedback:
    """Take in the feedback to a county. Raises `NotFound` outside the actor's region,
    `CountyRequired`, `NumberRepeated`, `RegionUnknown`, `ReceivedInFuture`, `CampaignUnknown`,
    `OutsideCampaign`."""
    actor.must_cover(region_code)
    check_feedback(region_code, aspects)
    if received_on > clock.today():
        raise ReceivedInFuture.about("received_on")
    if not await find_region_names(await session.driver(), [region_code]):
        raise RegionUnknown.about("region_code")
    if campaign_id is not None:
        await get_named_campaign(session, actor, campaign_id, region_code)
    feedback = Feedback(
        id=new_id(),
        name=name,
        source=source,
        region_code=region_code,
        campaign_id=campaign_id,
        received_on=received_on,
        aspects=[{"no": aspect.no, "title": aspect.title} for aspect in aspects],
        created_by=actor.person,
        created_at=clock.now(),
    )
    session.add(feedback)
    session.add_all(
        FeedbackItem(
            id=new_id(),
            feedback_id=feedback.id,
            aspect_no=aspect.no,
            no=item.no,
            text=item.text,
            units=list(dict.fromkeys(item.units)),
        )
        for aspect in aspects
        for item in aspect.items
    )
    await record_audit(session, actor, "TAKE_IN", "feedback", feedback.id)
    return feedback


async def claim_item(session: Session, actor: Actor, item_id: UUID) -> Item:
    """The actor's department takes an item upon itself; a second time changes nothing.

    Raises `NotFound`, `NotOfTheCounty`.
    """
    item, feedback = await get_item(session, actor, item_id)
    if actor.unit not in set(Department) or actor.region != feedback.region_code:
        raise NotOfTheCounty
    driver = await session.driver()
    if await driver.fetchval(_CLAIM, item.id, actor.unit, actor.person, clock.now()):
        change = {"department": actor.unit}
        await record_audit(session, actor, "CLAIM", "feedback_item", item.id, change=change)
    return await count_item(session, actor, item)


async def link_problems(
    session: Session, actor: Actor, item_id: UUID, problem_ids: Collection[UUID]
) -> Item:
    """Put problems behind an item; those that are there already stay.

    Raises `NotFound` also for problems out of the actor's sight, `OutsideFeedback`,
    `LinkedElsewhere`.
    """
    item, feedback = await get_item(session, actor, item_id)
    wanted = set(problem_ids)
    seen = select(col(Problem.county_code)).where(
        col(Problem.id).in_(wanted), *in_sight(sight_of(actor))
    )
    counties = list(await session.scalars(seen))
    if len(counties) < len(wanted):
        raise NotFound
    if set(counties) != {feedback.region_code}:
        raise OutsideFeedback.about("problem_ids")
    driver = await session.driver()
    linked = await driver.fetch(
        _LINK, feedback.id, item.id, actor.person, clock.now(), list(wanted)
    )
    if len(linked) < len(wanted):
        elsewhere = await driver.fetch(_ELSEWHERE, feedback.id, list(wanted), item.id)
        if elsewhere:
            raise LinkedElsewhere(problem_ids=[row["problem_id"] for row in elsewhere])
    if linked:
        change = {"problem_ids": [row["problem_id"] for row in linked]}
        await record_audit(session, actor, "LINK", "feedback_item", item.id, change=change)
    return await count_item(session, actor, item)


async def unlink_problem(session: Session, actor: Actor, item_id: UUID, problem_id: UUID) -> Item:
    """Take a problem out from behind an item; raises `NotFound` unless it is there and in sight."""
    item, feedback = await get_item(session, actor, item_id)
    seen = select(col(Problem.id)).where(col(Problem.id) == problem_id, *in_sight(sight_of(actor)))
    driver = await session.driver()
    if (
        await session.scalar(seen) is None
        or await driver.execute(_UNLINK, feedback.id, problem_id, item.id) == "DELETE 0"
    ):
        raise NotFound
    change = {"problem_id": problem_id}
    await record_audit(session, actor, "UNLINK", "feedback_item", item.id, change=change)
    return await count_item(session, actor, item)
