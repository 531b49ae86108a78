"""HTTP for broadcasts: issue, list, read, receipts, withdraw (N-09)."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from services.notify.broadcasts import queries
from services.notify.broadcasts.commands import (
    confirm_reading,
    issue_broadcast,
    withdraw_broadcast,
)
from services.notify.broadcasts.domain import (
    BroadcastTooWide,
    NoRecipients,
    ReadByPast,
    State,
)
from services.notify.broadcasts.queries import Reading, Tally
from services.notify.broadcasts.tables import Broadcast, Recipient
from services.notify.contacts.domain import PersonalIdentifier
from services.notify.queues.domain.notices import Priority
from shared import clock
from shared.database import ReadSession
from shared.errors import IllegalMove, Invalid, NotFound
from shared.security import Actor, Role
from shared.spreadsheets import Column, Row
from shared.web.dependencies import QuerySession, WriteSession, allows
from shared.web.downloads import FILE_ANSWERS, ChosenFormat, Format, download
from shared.web.fields import Day, RegionCode, Text, Title
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/broadcasts", tags=["broadcasts"])

Issuer = Annotated[Actor, allows(Role.POVERTY_OFFICE, Role.LEADING_GROUP, Role.COUNTY_GOV)]
# A letter may be addressed to any role, and whoever it is addressed to reads and confirms it.
Reader = Annotated[Actor, allows(*Role)]


class IssueBroadcast(BaseModel):
    """A letter to all who hold one of the roles in the region."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "region_code": "511132",
                    "roles": ["helper"],
                    "title": "致全县结对帮扶责任人的一封信",
                    "text": "请于本月内入户走访，核实住房和饮水安全情况。",
                    "read_within_days": 7,
                }
            ]
        },
    )

    region_code: RegionCode
    roles: list[Role] = Field(min_length=1, max_length=20, description="收件人的角色")
    title: Title = Field(description="标题，不得含身份证号、银行账号、手机号")
    text: Text = Field(description="正文，不得含身份证号、银行账号、手机号")
    read_by: Day | None = Field(None, description="阅读期限；与 read_within_days 填一项")
    read_within_days: int | None = Field(None, ge=1, le=365, description="几天内阅读")
    priority: Literal[5, 9] = Field(5, description="5 一般，9 紧急")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.read_by is None) == (self.read_within_days is None):
            raise PydanticCustomError(
                "READ_BY_REQUIRED",
                "read_by 与 read_within_days 须恰好填一项。",
                {"en": "Give exactly one of read_by and read_within_days."},
            )
        return self

    def last_day(self, today: date) -> date:
        """The day by which it is to be read, however it was given."""
        return self.read_by or today + timedelta(days=self.read_within_days or 0)


class WithdrawBroadcast(BaseModel):
    """Why a broadcast is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: Text = Field(description="撤回原因", examples=["日期有误，另行通知"])


class BroadcastLine(BaseModel):
    """A broadcast in a list."""

    broadcast_id: UUID
    region_code: str
    roles: list[str]
    title: str
    read_by: date
    priority: int
    issued_by: str = Field(description="发出单位", examples=["POV@511132"])
    issued_at: datetime
    state: State
    withdrawn_at: datetime | None
    addressed: bool = Field(description="是否发给本人")
    read_at: datetime | None = Field(description="本人阅读时间")

    @classmethod
    def of(cls, reading: Reading) -> Self:
        """The view of what the caller sees."""
        return cls(
            **reading.broadcast.model_dump(),
            addressed=reading.addressed,
            read_at=reading.read_at,
        )


class BroadcastView(BroadcastLine):
    """A broadcast with its text; the issuer sees how many have read it."""

    text: str
    recipients: int | None = Field(None, description="收件人数，仅发出单位可见")
    read: int | None = Field(None, description="已读人数，仅发出单位可见")


class ReceiptView(BaseModel):
    """A recipient as the contact book had him, and when he read it."""

    label: str = Field(description="通讯录中的名称", examples=["帮扶责任人王某"])
    org: str = Field(examples=["HOUS@511132"])
    read_at: datetime | None

    @classmethod
    def of(cls, recipient: Recipient) -> Self:
        """The view of a row."""
        return cls.model_validate(recipient, from_attributes=True)


@router.post(
    "",
    status_code=201,
    responses=refusals(
        Invalid,
        PersonalIdentifier,
        ReadByPast,
        NoRecipients,
        BroadcastTooWide,
        NotFound,
        IdempotencyConflict,
        IdempotencyInProgress,
    ),
)
async def post_broadcast(
    body: IssueBroadcast, session: WriteSession, once: OnceOnly, actor: Issuer
) -> BroadcastView:
    """Send a letter to every person of the contact book who holds one of the roles in a region;
    who they are is fixed now (N-09)."""
    broadcast = await issue_broadcast(
        session,
        actor,
        region_code=body.region_code,
        roles=body.roles,
        title=body.title,
        text=body.text,
        read_by=body.last_day(clock.today()),
        priority=Priority(body.priority),
    )
    return await once.keep(await _view_of_issued(session, actor, broadcast))


@router.get("", responses=refusals(Invalid))
async def list_broadcasts(
    session: QuerySession, actor: Reader, page: PageQuery
) -> Page[BroadcastLine]:
    """What one's own organisation has issued and what is addressed to oneself, newest first."""
    readings = await queries.list_broadcasts(session, actor, page)
    return page.page(readings, BroadcastLine.of, lambda one: (one.broadcast.broadcast_id,))


@router.get("/{broadcast_id}", responses=refusals(NotFound))
async def get_broadcast(broadcast_id: UUID, session: QuerySession, actor: Reader) -> BroadcastView:
    """A broadcast with its text."""
    reading = await queries.get_broadcast(session, actor, broadcast_id)
    if reading.broadcast.issued_by != actor.organisation:
        return BroadcastView.of(reading)
    return await _view_of_issued(session, actor, reading.broadcast)


@router.post("/{broadcast_id}/read", status_code=204, responses=refusals(NotFound, IllegalMove))
async def read_broadcast(broadcast_id: UUID, session: WriteSession, actor: Reader) -> Response:
    """Confirm that one has read a broadcast addressed to oneself; the first time stands."""
    await confirm_reading(session, actor, broadcast_id)
    return Response(status_code=204)


@router.get(
    "/{broadcast_id}/receipts",
    response_model=Page[ReceiptView],
    responses={**FILE_ANSWERS, **refusals(Invalid, NotFound)},
)
async def list_broadcast_receipts(
    broadcast_id: UUID,
    session: QuerySession,
    actor: Issuer,
    page: PageQuery,
    chosen: ChosenFormat,
    read: Annotated[bool | None, Query(description="true 已读，false 未读")] = None,
) -> Page[ReceiptView] | StreamingResponse:
    """Who was addressed by a broadcast of one's own organisation and who has read it, by
    organisation; the list of those who have not with `read=false` (N-09)."""
    await queries.get_issued(session, actor, broadcast_id)
    if chosen is not Format.JSON:
        rows = _receipt_rows(session, broadcast_id, read)
        return await download(chosen, _SHEET_NAMES[read], _RECEIPT_COLUMNS, rows)
    recipients = await queries.list_receipts(session, broadcast_id, read, page)
    return page.page(recipients, ReceiptView.of, lambda one: (one.org, one.person))


@router.post(
    "/{broadcast_id}/withdraw",
    responses=refusals(Invalid, PersonalIdentifier, NotFound, IllegalMove),
)
async def post_broadcast_withdrawal(
    broadcast_id: UUID, body: WithdrawBroadcast, session: WriteSession, actor: Issuer
) -> BroadcastView:
    """Take back a broadcast of one's own organisation: messages of it that are not acknowledged
    are recalled, it is shown as withdrawn, and takes no more receipts."""
    broadcast = await withdraw_broadcast(session, actor, broadcast_id, body.reason)
    return await _view_of_issued(session, actor, broadcast)


_SHEET_NAMES = {None: "通知阅读情况", True: "通知已读名单", False: "通知未读名单"}
_RECEIPT_COLUMNS = (
    Column("收件人", width=24),
    Column("单位", width=24),
    Column("阅读时间", width=20),
)


async def _receipt_rows(
    session: ReadSession, broadcast_id: UUID, read: bool | None
) -> AsyncIterator[Row]:
    async for one in queries.stream_receipts(session, broadcast_id, read):
        read_at = one.read_at and one.read_at.astimezone(clock.SHANGHAI)
        yield one.label, one.org, f"{read_at:%Y-%m-%d %H:%M}" if read_at else None


async def _view_of_issued(
    session: ReadSession, actor: Actor, broadcast: Broadcast
) -> BroadcastView:
    reading = await queries.get_broadcast(session, actor, broadcast.broadcast_id)
    tallies = await queries.tallies_of(session, [broadcast.broadcast_id])
    tally = tallies.get(broadcast.broadcast_id, Tally(0, 0))
    return BroadcastView.of(reading).model_copy(update=tally._asdict())
