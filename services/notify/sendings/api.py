"""HTTP for what goes out to people: what became of it, trying again, and testing a contact."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.notify.contacts.api import Keeper
from services.notify.contacts.domain import Action, Channel, State, next_state
from services.notify.contacts.queries import get_contact
from services.notify.contacts.sealing import open_address
from services.notify.keys import keys_of
from services.notify.roles import WORKERS
from services.notify.sendings import queries
from services.notify.sendings.channels.adapter import send_through
from services.notify.sendings.channels.opening import open_channels
from services.notify.sendings.commands import SEND_SECONDS, note_test
from services.notify.sendings.commands import retry_sending as retry_failed
from services.notify.sendings.domain import Reason, TooManyTexts, Verdict
from services.notify.sendings.queries import ListedSending
from services.notify.sendings.saying import saying_of_content
from services.notify.settings import NotifySettings
from shared.errors import IllegalMove, NotFound
from shared.privacy import SealBroken
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(tags=["contacts"])

Watcher = Annotated[Actor, allows(*WORKERS, Role.OPS)]
_ACTIONS = {Verdict.SENT: Action.SEND, Verdict.IMPOSSIBLE: Action.SKIP}
_REASON = (
    "为何未发："
    "RECALLED 消息已撤回，STALE 已过时，CONTACT_REMOVED 联系人已移除，"
    "CHANNEL_NOT_CONFIGURED 通道未配置，"
    "CHANNEL_NOT_INSTALLED 通道组件未安装，NO_TEMPLATE 无短信模板，SIMULATED 模拟时间遗留，"
    "UNFORESEEN 意外故障（见日志），REFUSED_… 服务商拒绝及其代码；等待重试时为上次失败的原因"
)


class SendingView(BaseModel):
    """One message on its way to one contact, and what became of it."""

    id: UUID
    message_id: UUID | None
    contact_id: UUID
    label: str
    channel: Channel
    address_shown: str = Field(description="masked")
    priority: int = Field(description="9 urgent, 5 normal, 1 information")
    state: State
    reason: str | None = Field(description=_REASON)
    attempts: int
    created_at: datetime
    next_at: datetime = Field(description="while it is PENDING: when it is tried next")
    sent_at: datetime | None
    kept: str | None = Field(description="试运行通道上本应发出的文字")

    @classmethod
    def of(cls, listed: ListedSending) -> Self:
        """The view of a row with its contact."""
        sending, contact = listed
        return cls(
            **sending.model_dump(),
            id=sending.sending_id,
            label=contact.label,
            channel=Channel(contact.channel),
            address_shown=contact.address_shown,
        )


class SendingPage(Page[SendingView]):
    """A page of sendings; of one message that goes to nobody, `reason` says why."""

    reason: Reason | None = Field(
        None, description="NO_CONTACT 本单位未登记联系人；NOBODY_MINDS 没有联系人接收此类消息"
    )


class TestResult(BaseModel):
    """What became of a test."""

    __test__ = False  # it is no test of pytest

    state: State
    reason: str | None = Field(description=_REASON)
    kept: str | None = Field(description="试运行通道上本应发出的文字")


@router.get("/sendings", responses=refusals(NotFound))
async def list_sendings(
    session: QuerySession,
    actor: Watcher,
    page: PageQuery,
    message_id: Annotated[
        UUID | None, Query(description="只列该消息的发送；没有发给任何人的，reason 说明原因")
    ] = None,
    contact_id: Annotated[UUID | None, Query(description="只列发给该联系人的")] = None,
    state: Annotated[State | None, Query(description="只列处于该状态的")] = None,
) -> SendingPage:
    """What goes out to one's own organisation's contacts; an operator sees those of the region."""
    reason = None
    if message_id is not None:
        reason = await queries.why_nobody(session, actor, message_id)
    rows = await queries.list_sendings(
        session, actor, page, message_id=message_id, contact_id=contact_id, state=state
    )
    listed = page.page(
        rows, SendingView.of, lambda row: (row.sending.created_at, row.sending.sending_id)
    )
    return SendingPage(items=listed.items, next_cursor=listed.next_cursor, reason=reason)


@router.post("/sendings/{sending_id}/retry", responses=refusals(NotFound, IllegalMove))
async def retry_sending(sending_id: UUID, session: WriteSession, actor: Keeper) -> SendingView:
    """Try a failed sending again, from the first attempt on."""
    return SendingView.of(await retry_failed(session, actor, sending_id))


@router.post("/contacts/{contact_id}/test", responses=refusals(NotFound, TooManyTexts))
async def check_contact(contact_id: UUID, runtime: RunningService, actor: Keeper) -> TestResult:
    """Send a test text now, day or night, and say what became of it."""
    settings = runtime.settings
    assert isinstance(settings, NotifySettings)
    # No connection to the database is held while the provider is asked.
    async with runtime.database.transaction() as session:
        contact = await get_contact(session, actor, contact_id)
        await note_test(session, actor, contact)
        try:
            address = open_address(keys_of(session), contact)
        except SealBroken:
            return TestResult(
                state=next_state(State.PENDING, Action.GIVE_UP),
                reason=Reason.ADDRESS_UNREADABLE,
                kept=None,
            )
    text = f"这是一条测试消息。收到即说明“{contact.label}”可以接收通知。"
    saying = saying_of_content({"template": "TEST", "title": "通知服务测试", "text": text})
    async with open_channels(settings) as channels:
        adapter = channels[Channel(contact.channel)]
        parcel = adapter.parcels([saying])[0]
        outcome = await send_through(adapter, address, parcel, seconds=SEND_SECONDS)
    refused = "REFUSED_" if outcome.verdict is Verdict.REFUSED else ""
    action = _ACTIONS.get(outcome.verdict, Action.GIVE_UP)
    return TestResult(
        state=next_state(State.PENDING, action),
        reason=f"{refused}{outcome.code}" or None,
        kept=outcome.kept,
    )
