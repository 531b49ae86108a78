"""HTTP for allocations."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.funds.allocations import commands, queries
from services.funds.allocations.domain import (
    AllocationDuplicate,
    Channel,
    PublishedBeforeReceived,
    Source,
    State,
    Task,
)
from services.funds.allocations.tables import Allocation
from services.funds.fields import PositiveMoney
from services.funds.mirror.domain import UnknownRegion
from services.funds.roles import READERS
from shared.errors import IllegalMove, NotFound, VersionConflict
from shared.money import AmountInvalid
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, WriteSession, allows
from shared.web.fields import Day, Money, RegionCode
from shared.web.idempotency import (
    IdempotencyConflict,
    IdempotencyInProgress,
    IdempotencyKeyRequired,
    OnceOnlyForMoney,
)
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/allocations", tags=["allocations"])

Keeper = Annotated[Actor, allows(Role.FINANCE, Role.POVERTY_OFFICE)]
Reader = Annotated[Actor, allows(*READERS)]
Year = Annotated[int, Field(ge=2000, le=2100, description="预算年度", examples=[2019])]


class ReceiveAllocation(BaseModel):
    """Money allotted to a region."""

    model_config = ConfigDict(extra="forbid")

    region_code: RegionCode
    year: Year
    source: Source = Field(description="资金来源", examples=["CENTRAL"])
    task: Task | None = Field(None, description="资金任务", examples=["CONSOLIDATE"])
    amount: PositiveMoney = Field(description="金额，元")
    doc_no: str = Field(
        min_length=1, max_length=100, description="下达文号", examples=["川财农〔2019〕12号"]
    )
    received_on: Day = Field(description="收到日期", examples=["2019-03-05"])


class PublishAllocation(BaseModel):
    """How and when the result was made public."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel = Field(description="公开方式", examples=["WEBSITE"])
    on: Day = Field(description="公开日期", examples=["2019-03-11"])
    version: int | None = Field(None, description="the version the caller has read", examples=[1])


class AllocationView(BaseModel):
    """An allocation; `balance` is what no payment has drawn yet."""

    id: UUID
    region_code: str
    year: int
    source: Source
    task: Task | None
    amount: Money
    paid: Money
    balance: Money
    doc_no: str
    received_on: date
    state: State
    channel: Channel | None
    published_on: date | None
    version: int

    @classmethod
    def of(cls, allocation: Allocation) -> Self:
        """The view of a row."""
        return cls(
            **allocation.model_dump(exclude={"event_sequence"}),
            balance=allocation.amount - allocation.paid,
        )


@router.post(
    "",
    status_code=201,
    responses=refusals(
        IdempotencyKeyRequired,
        NotFound,
        AllocationDuplicate,
        IdempotencyInProgress,
        IdempotencyConflict,
        UnknownRegion,
        AmountInvalid,
    ),
)
async def receive_allocation(
    body: ReceiveAllocation, session: WriteSession, once: OnceOnlyForMoney, actor: Keeper
) -> AllocationView:
    """Enter money allotted to a region (F-30)."""
    allocation = await commands.receive_allocation(session, actor, **dict(body))
    return await once.keep(AllocationView.of(allocation))


@router.post(
    "/{allocation_id}/publish",
    responses=refusals(NotFound, IllegalMove, VersionConflict, PublishedBeforeReceived),
)
async def publish_allocation(
    allocation_id: UUID, body: PublishAllocation, session: WriteSession, actor: Keeper
) -> AllocationView:
    """Record that the allocation was made public (F-22)."""
    allocation = await commands.publish_allocation(session, actor, allocation_id, **dict(body))
    return AllocationView.of(allocation)


@router.get("/{allocation_id}", responses=refusals(NotFound))
async def get_allocation(
    allocation_id: UUID, session: QuerySession, actor: Reader
) -> AllocationView:
    """One allocation within the caller's region."""
    allocation = await queries.get_allocation(session, allocation_id, actor.region)
    return AllocationView.of(allocation)


@router.get("", responses=refusals(NotFound))
async def list_allocations(
    session: QuerySession,
    actor: Reader,
    page: PageQuery,
    region_code: RegionCode | None = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    source: Source | None = None,
    state: State | None = None,
) -> Page[AllocationView]:
    """Allocations of a region and those below it, in the order they were entered."""
    region = region_code or actor.region
    actor.must_cover(region)
    rows = await queries.list_allocations(
        session, region, page, year=year, source=source, state=state
    )
    return page.page(rows, AllocationView.of, lambda row: (row.id,))
