"""What can be done with allocations: enter one, record that it was made public."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from services.funds.allocations.domain import (
    Action,
    AllocationDuplicate,
    Channel,
    Source,
    Task,
    check_publication,
)
from services.funds.allocations.queries import get_allocation_for_update
from services.funds.allocations.tables import Allocation
from services.funds.mirror.queries import lock_region
from shared.audit import record_audit
from shared.database import Session
from shared.errors import VersionConflict
from shared.events.funds import AllocationPublished, AllocationReceived
from shared.ids import new_id
from shared.messaging import outbox
from shared.money import display
from shared.security import Actor


async def receive_allocation(
    session: Session,
    actor: Actor,
    *,
    region_code: str,
    year: int,
    source: Source,
    task: Task | None,
    amount: Decimal,
    doc_no: str,
    received_on: date,
) -> Allocation:
    """Enter money allotted to a region.

    Raises `NotFound` outside the actor's region, `UnknownRegion`, and `AllocationDuplicate` for
    the same sum of the same document.
    """
    actor.must_cover(region_code)
    await lock_region(session, region_code)
    allocation = Allocation(
        id=new_id(),
        region_code=region_code,
        year=year,
        source=source,
        task=task,
        amount=amount,
        doc_no=doc_no,
        received_on=received_on,
    )
    await _refuse_duplicate(session, allocation)
    await outbox.record(
        session, allocation, AllocationReceived(**_facts(allocation), received_on=received_on)
    )
    await record_audit(
        session,
        actor,
        "RECEIVE",
        "allocation",
        allocation.id,
        change={"amount": display(amount), "doc_no": doc_no},
    )
    return allocation


async def publish_allocation(
    session: Session,
    actor: Actor,
    allocation_id: UUID,
    *,
    channel: Channel,
    on: date,
    version: int | None = None,
) -> Allocation:
    """Record that the allocation was made public (F-22).

    Raises `NotFound`, `VersionConflict`, `IllegalMove` and `PublishedBeforeReceived`.
    """
    allocation = await get_allocation_for_update(session, allocation_id, actor.region)
    if version not in (None, allocation.version):
        raise VersionConflict(version=allocation.version)
    before = allocation.state
    allocation.move(Action.PUBLISH)
    check_publication(allocation.received_on, on)
    allocation.channel = channel
    allocation.published_on = on
    await record_audit(
        session,
        actor,
        Action.PUBLISH,
        "allocation",
        allocation.id,
        change={"state": [before, allocation.state], "channel": channel, "on": on},
    )
    await outbox.record(
        session,
        allocation,
        AllocationPublished(**_facts(allocation), channel=channel, published_on=on),
    )
    return allocation


async def _refuse_duplicate(session: Session, allocation: Allocation) -> None:
    on_record = await session.scalar(
        select(Allocation.id).where(
            col(Allocation.region_code) == allocation.region_code,
            col(Allocation.year) == allocation.year,
            col(Allocation.source) == allocation.source,
            col(Allocation.task).is_not_distinct_from(allocation.task),
            col(Allocation.doc_no) == allocation.doc_no,
            col(Allocation.amount) == allocation.amount,
        )
    )
    if on_record is not None:
        raise AllocationDuplicate(allocation_id=on_record)


def _facts(allocation: Allocation) -> dict[str, Any]:
    return {
        "allocation_id": allocation.id,
        "region_code": allocation.region_code,
        "year": allocation.year,
        "source": allocation.source,
        "task": allocation.task,
        "amount": display(allocation.amount),
    }
