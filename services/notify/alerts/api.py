"""HTTP for bulletins: who has taken them over."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from services.notify.alerts import queries
from services.notify.queues.domain.states import State
from shared import clock
from shared.errors import NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, allows
from shared.web.problem_details import refusals

router = APIRouter(prefix="/bulletins", tags=["bulletins"])

Office = Annotated[Actor, allows(Role.POVERTY_OFFICE, Role.LEADING_GROUP)]


class ReceiptView(BaseModel):
    """Whether an organisation has taken a bulletin over."""

    organisation: str = Field(description="送达单位", examples=["TOWN@511132201"])
    state: State = Field(description="ACKED为已签收，QUEUED为待领取，LEASED为已领取待签收")
    settled_at: datetime | None = Field(description="签收或投递失败的时间，尚未了结为空")


class Receipts(BaseModel):
    """One receipt per organisation that a bulletin went to, by its code."""

    items: list[ReceiptView]


@router.get("/{bulletin_id}/receipts", responses=refusals(NotFound))
async def list_bulletin_receipts(
    bulletin_id: Annotated[UUID, Path(description="通报编号")],
    session: QuerySession,
    actor: Office,
) -> Receipts:
    """Who has acknowledged a bulletin of the caller's county and who has not (N-07)."""
    receipts = await queries.receipts_of_bulletin(session, actor, bulletin_id, clock.now())
    return Receipts(items=[ReceiptView(**receipt._asdict()) for receipt in receipts])
