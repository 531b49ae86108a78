"""Delivering a list to its addressees, and their receipts (I-07)."""

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from uuid import UUID

from services.inspection.campaigns.queries import get_named_campaign
from services.inspection.campaigns.tables import Campaign
from services.inspection.listing.domain import (
    LINES,
    ListName,
    OnlyAddressee,
    addressees,
    canonical,
)
from services.inspection.listing.queries import (
    DELIVERY_DUE,
    get_delivery_for_update,
    stream_list,
)
from services.inspection.listing.tables import ListDelivery
from services.inspection.problems.queries import ProblemFilters
from services.inspection.scope import Sight
from shared import clock
from shared.audit import record_audit
from shared.configuration import configuration_of
from shared.database import Session
from shared.ids import new_id
from shared.regions import prefix_range
from shared.security import Actor


async def deliver_list(
    session: Session,
    actor: Actor,
    *,
    campaign_id: UUID,
    list_name: ListName,
    region_code: str,
    to: Sequence[str],
    due_on: date | None,
) -> list[ListDelivery]:
    """Deliver a campaign's list about a place as it stands now, one delivery per addressee.

    Every addressee gets the same list, so style and corruption are not in it (I-13). Raises
    `NotFound` outside the actor's region, `CampaignUnknown`, `OutsideCampaign`,
    `DeliveryPlaceTooWide`, `AddresseeInvalid`.
    """
    actor.must_cover(region_code)
    campaign = await get_named_campaign(session, actor, campaign_id, region_code)
    receivers = addressees(region_code, to)
    at, today = clock.now(), clock.today()
    count, digest = await _seal(session, campaign_id, list_name, region_code, today)
    deliveries = [
        ListDelivery(
            id=new_id(),
            campaign_id=campaign_id,
            list=list_name,
            region_code=region_code,
            addressee=addressee,
            due_on=due_on or _usual_day(session, campaign, region_code, today),
            count=count,
            sha256=digest,
            delivered_by=actor.person,
            delivered_for=actor.organisation,
            delivered_at=at,
        )
        for addressee in receivers
    ]
    session.add_all(deliveries)
    for delivery in deliveries:
        change = {"addressee": delivery.addressee, "count": count, "sha256": digest}
        await record_audit(session, actor, "DELIVER", "list_delivery", delivery.id, change=change)
    return deliveries


async def receive_list(
    session: Session, actor: Actor, delivery_id: UUID, received_by: str
) -> ListDelivery:
    """The addressee's receipt; a second one changes nothing.

    Raises `NotFound`, `OnlyAddressee`.
    """
    delivery = await get_delivery_for_update(session, actor, delivery_id)
    if delivery.addressee != actor.organisation:
        raise OnlyAddressee
    if delivery.receive(received_by=received_by, person=actor.person, at=clock.now()):
        await record_audit(session, actor, "RECEIVE", "list_delivery", delivery.id)
    return delivery


async def _seal(
    session: Session, campaign_id: UUID, list_name: ListName, region_code: str, today: date
) -> tuple[int, str]:
    """How many lines the list has now, and the SHA-256 of them as one JSON array."""
    sight = Sight(*prefix_range(region_code), department=None, style=False, corruption=False)
    line = LINES[list_name]
    digest, count = sha256(b"["), 0
    async for listed in stream_list(session, sight, ProblemFilters(campaign_id), today):
        digest.update((b"," if count else b"") + canonical(line.of(listed, today)))
        count += 1
    digest.update(b"]")
    return count, digest.hexdigest()


def _usual_day(session: Session, campaign: Campaign, region_code: str, today: date) -> date:
    day = configuration_of(session).value(DELIVERY_DUE, region_code, today)
    return date.fromisoformat(f"{campaign.year}-{day}")
