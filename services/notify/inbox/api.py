"""HTTP for the inbox: what stands in it, how much of it is unread, marking it as read."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.notify.inbox import commands, queries
from services.notify.inbox.queries import INBOX_REACH, InboxFilters, InboxRow
from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.templates import Template
from services.notify.queues.domain.words import payload_of
from services.notify.queues.wordings import template_in_force
from services.notify.roles import READERS
from shared import clock
from shared.errors import Invalid, NotFound
from shared.runtime import Runtime
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.fields import Instant
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/inbox", tags=["inbox"])

Reader = Annotated[
    Actor,
    allows(*READERS, Role.HELPER, Role.RESIDENT_TEAM, Role.INSPECTOR),
]
Word = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, strip_whitespace=True, pattern=r"^[^\x00]*$"),
]


class InboxItem(BaseModel):
    """A message of the inbox, in Chinese, as far as its reader is concerned."""

    message_id: UUID
    event_id: UUID
    event_type: str = Field(examples=["inspection.problem.dispatched.v1"])
    at: datetime = Field(description="when it happened")
    purpose: Purpose
    title: str
    text: str
    place: str
    link: str
    problem_id: UUID | None
    kind: str | None
    due_on: date | None
    priority: int = Field(description="9 urgent, 5 normal, 1 information")
    information: bool = Field(description="a copy: nothing is to be done")
    role: str | None = Field(
        description="whom in the organisation it is meant for, roles parted by commas",
        examples=["dept_head"],
    )
    recalled: bool = Field(description="overtaken by events, or withdrawn")
    read: bool
    read_at: datetime | None = Field(description="when the caller first read it")

    @classmethod
    def of(cls, row: InboxRow, template: Template) -> Self:
        """The view of a row in the wording of `template`."""
        purpose = Purpose(row.purpose)
        payload = payload_of(
            purpose,
            information=row.information,
            data=row.data,
            place=row.place,
            template=template,
        )
        return cls(
            **{name: payload[name] for name in ("title", "text", "place", "link")},
            **{name: getattr(row, name) for name in _TAKEN},
            purpose=purpose,
            kind=row.data.get("kind"),
            due_on=row.data.get("due_on"),
            read=row.read_at is not None,
        )


_TAKEN = (
    *("message_id", "event_id", "event_type", "at", "problem_id"),
    *("priority", "information", "role", "recalled", "read_at"),
)


class UnreadCount(BaseModel):
    """How many of the newest messages (5,000 ⚙) the caller has not read, recalled ones aside."""

    total: int
    by_purpose: dict[Purpose, int] = Field(examples=[{"DISPATCH": 12, "BROADCAST": 1}])


class MarkAllRead(BaseModel):
    """Until when to mark."""

    model_config = ConfigDict(extra="forbid")

    before: Instant | None = Field(
        None,
        description="只标记此刻及以前发生的消息；不填为全部",
        examples=["2019-07-01T09:00:00+08:00"],
    )


class Marked(BaseModel):
    """How many messages were unread and are read now."""

    marked: int


@router.get("", responses=refusals(Invalid))
async def list_inbox(
    session: QuerySession,
    runtime: RunningService,
    actor: Reader,
    page: PageQuery,
    word: Annotated[
        Word | None,
        Query(alias="q", description="问题编号、问题类型、地名、消息类别、标题或正文中的词"),
    ] = None,
    unread: Annotated[bool | None, Query(description="true 未读，false 已读")] = None,
    purpose: Annotated[Purpose | None, Query(description="消息类别")] = None,
    since: Annotated[Instant | None, Query(description="此刻及以后发生的")] = None,
) -> Page[InboxItem]:
    """The messages of one's own organisation, newest first, and whether one has read them. Who
    does not work through its queue sees the broadcasts addressed to him. With a filter, the newest
    5,000 ⚙ are looked through."""
    filters = InboxFilters(unread, purpose, word, since)
    rows = await queries.list_inbox(session, actor, filters, _reach(runtime, actor), page)

    def view(row: InboxRow) -> InboxItem:
        purpose, on = Purpose(row.purpose), clock.civil_date(row.at)
        return InboxItem.of(
            row, template_in_force(runtime.configuration, purpose, actor.region, on)
        )

    return page.page(rows, view, lambda row: (row.position,))


@router.get("/unread-count")
async def count_unread_messages(
    session: QuerySession, runtime: RunningService, actor: Reader
) -> UnreadCount:
    """How many messages one has not read, by purpose."""
    counts = await queries.count_unread(session, actor, _reach(runtime, actor))
    return UnreadCount(total=sum(counts.values()), by_purpose=counts)


@router.post("/read-all")
async def read_all_messages(
    body: MarkAllRead, session: WriteSession, runtime: RunningService, actor: Reader
) -> Marked:
    """Mark everything that stands in one's inbox now as read. This is no receipt of a broadcast
    and acknowledges nothing."""
    reach = _reach(runtime, actor)
    return Marked(marked=await commands.mark_all_read(session, actor, reach, body.before))


@router.post("/{message_id}/read", status_code=204, responses=refusals(NotFound))
async def read_message(message_id: UUID, session: WriteSession, actor: Reader) -> Response:
    """Mark a message as read; again changes nothing (B.9). Its acknowledgement is another matter:
    that is for the organisation's own system."""
    await commands.mark_read(session, actor, message_id)
    return Response(status_code=204)


def _reach(runtime: Runtime, actor: Actor) -> int:
    return runtime.configuration.value(INBOX_REACH, actor.region, clock.today())
