"""POST and GET /list-deliveries, POST /list-deliveries/{id}/receipt (I-07)."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.inspection.campaigns.domain import CampaignUnknown, OutsideCampaign
from services.inspection.fields import CivilDate
from services.inspection.listing.commands import deliver_list, receive_list
from services.inspection.listing.domain import (
    AddresseeInvalid,
    DeliveryPlaceTooWide,
    ListName,
    OnlyAddressee,
)
from services.inspection.listing.queries import list_deliveries
from services.inspection.listing.tables import ListDelivery
from services.inspection.roles import Reader
from shared.errors import Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, WriteSession, allows
from shared.web.fields import OrganisationCode, PersonName, RegionCode
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/list-deliveries", tags=["lists"])

Deliverer = Annotated[
    Actor,
    allows(
        Role.INSPECTOR,
        Role.VILLAGE_CADRE,
        Role.RESIDENT_TEAM,
        Role.TOWNSHIP_REVIEWER,
        Role.POVERTY_OFFICE,
        Role.LEADING_GROUP,
    ),
]
Receiver = Annotated[
    Actor,
    allows(
        Role.TOWNSHIP_REVIEWER,
        Role.TOWNSHIP_PARTY_SECRETARY,
        Role.POVERTY_OFFICE,
        Role.LEADING_GROUP,
        Role.COUNTY_GOV,
        Role.PROVINCE_PLATFORM,
    ),
]


class DeliverList(BaseModel):
    """A list of a campaign about a place, and whom it goes to."""

    model_config = ConfigDict(extra="forbid")

    campaign_id: UUID
    list_name: ListName = Field(alias="list")
    region_code: RegionCode = Field(description="清单范围：村、乡镇或县")
    to: list[OrganisationCode] = Field(
        [], max_length=10, description="收件单位；不填为所在乡镇和县扶贫办，一式两份"
    )
    due_on: CivilDate | None = Field(None, description="签收期限；不填为行动当年4月15日")


class Receipt(BaseModel):
    """Who took the list."""

    model_config = ConfigDict(extra="forbid")

    received_by: PersonName


class DeliveryView(BaseModel):
    """A list as delivered to one addressee. `sha256` is that of its lines as GET /lists gave them
    at that instant: one JSON array, members by name, no blanks, UTF-8. `late`: received after its
    day."""

    id: UUID
    campaign_id: UUID
    list: ListName
    region_code: str
    addressee: str
    due_on: date
    count: int
    sha256: str
    delivered_by: str
    delivered_for: str
    delivered_at: datetime
    received_by: str | None
    received_at: datetime | None
    late: bool

    @classmethod
    def of(cls, delivery: ListDelivery) -> "DeliveryView":
        """The view of a row."""
        return cls.model_validate(delivery, from_attributes=True)


class DeliveriesView(BaseModel):
    """The deliveries of one list, one per addressee."""

    items: list[DeliveryView]


@router.post(
    "",
    status_code=201,
    responses=refusals(
        Invalid,
        NotFound,
        CampaignUnknown,
        OutsideCampaign,
        DeliveryPlaceTooWide,
        AddresseeInvalid,
        IdempotencyConflict,
        IdempotencyInProgress,
    ),
)
async def post_list_delivery(
    body: DeliverList, session: WriteSession, once: OnceOnly, actor: Deliverer
) -> DeliveriesView:
    """Deliver a list as it stands now: its length and its digest are kept for each addressee.
    Style and corruption are in no delivered list."""
    deliveries = await deliver_list(
        session,
        actor,
        campaign_id=body.campaign_id,
        list_name=body.list_name,
        region_code=body.region_code,
        to=body.to,
        due_on=body.due_on,
    )
    return await once.keep(DeliveriesView(items=[DeliveryView.of(row) for row in deliveries]))


@router.post("/{delivery_id}/receipt", responses=refusals(NotFound, OnlyAddressee, Invalid))
async def post_receipt(
    delivery_id: UUID, body: Receipt, session: WriteSession, actor: Receiver
) -> DeliveryView:
    """The addressee took the list; a second receipt changes nothing."""
    return DeliveryView.of(await receive_list(session, actor, delivery_id, body.received_by))


@router.get("", responses=refusals(Invalid))
async def get_list_deliveries(
    session: QuerySession,
    actor: Reader,
    page: PageQuery,
    campaign_id: UUID | None = None,
    missing: Annotated[bool, Query(description="只列期限已过而未签收的")] = False,
) -> Page[DeliveryView]:
    """The deliveries of lists about the caller's region, oldest first; line departments see
    none."""
    rows = await list_deliveries(session, actor, page, campaign_id=campaign_id, missing=missing)
    return page.page(rows, DeliveryView.of, lambda row: (row.id,))
