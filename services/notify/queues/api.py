"""HTTP for queues: pull with a lease, acknowledge, figures, dead letters."""

import time
from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.notify.queues import queries
from services.notify.queues.commands import handing
from services.notify.queues.commands.handing import (
    DELIVERY_LIMIT,
    LEASE_SECONDS,
    LONGEST_LEASE_SECONDS,
    Handed,
)
from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.states import State
from services.notify.queues.tables import Message
from services.notify.queues.waiting import waiting_of
from services.notify.roles import TAKERS
from shared import clock
from shared.errors import IllegalMove, NotFound
from shared.messaging.running import pause
from shared.runtime import Runtime
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(tags=["queues"])

Taker = Annotated[Actor, allows(*TAKERS)]
Operator = Annotated[Actor, allows(Role.OPS)]
Organisation = Annotated[
    str, Path(description="the organisation whose queue it is", examples=["HOUS@511132"])
]


class PullMessages(BaseModel):
    """How many messages, how long to wait for the first, and for how long they are leased."""

    model_config = ConfigDict(extra="forbid")

    max: int = Field(50, ge=1, le=100, description="一次最多领取条数", examples=[50])
    wait_seconds: float = Field(0, ge=0, le=20, description="无消息时最长等待秒数", examples=[20])
    lease_seconds: int | None = Field(
        None,
        ge=1,
        le=LONGEST_LEASE_SECONDS,
        description="签收期限（秒），逾期未签收重新投递；不填为60 ⚙",
        examples=[60],
    )


class PulledMessage(BaseModel):
    """A message under a lease. `payload` holds the event's data, `title` and `text` in Chinese,
    `purpose`, `information` (a copy: nothing to be done), `place`, `link`, and for the lead
    department of a dispatched problem `required_plan_fields`."""

    message_id: UUID
    event_id: UUID
    event_type: str = Field(examples=["inspection.problem.dispatched.v1"])
    problem_id: UUID | None = Field(description="null where it tells of no single problem")
    kind: str | None = Field(
        description="the problem's kind; null where it tells of none", examples=["HOUSING_UNSAFE"]
    )
    due_on: date | None
    village_code: str | None = Field(examples=["511132201205"])
    priority: int = Field(description="9 urgent, 5 normal, 1 information")
    payload: dict[str, Any]
    delivery_count: int = Field(description="1 on the first delivery")


class PulledMessages(BaseModel):
    """What was handed out; empty when nothing came within the time to wait."""

    items: list[PulledMessage]


class QueueStats(BaseModel):
    """How many messages wait, are handed out, and are dead."""

    queued: int
    leased: int
    dead: int


class DeadLetterView(BaseModel):
    """A message that was handed out too often without an acknowledgement, or was replayed."""

    id: UUID
    org: str
    event_id: UUID
    problem_id: UUID | None
    purpose: Purpose
    state: State
    delivery_count: int

    @classmethod
    def of(cls, message: Message) -> Self:
        """The view of a row."""
        return cls(**message.model_dump(), id=message.message_id)


@router.post("/queues/{org}/pull", responses=refusals(NotFound))
async def pull_messages(
    org: Organisation, body: PullMessages, request: Request, runtime: RunningService, actor: Taker
) -> PulledMessages:
    """Take messages of one's own queue under a lease, waiting for the first one (N-11): first what
    another lease has left, then by weight and age; of one problem in their order, and none while
    an earlier one is out. What is not acknowledged in time comes again, ten times ⚙ at most."""
    _own(actor, org)
    handed = await _pull_or_wait(runtime, request, actor, body)
    return PulledMessages(
        items=[PulledMessage.model_validate(one, from_attributes=True) for one in handed]
    )


@router.post(
    "/queues/{org}/messages/{message_id}/ack",
    status_code=204,
    responses=refusals(NotFound, IllegalMove),
)
async def ack_message(
    org: Organisation, message_id: UUID, runtime: RunningService, actor: Taker
) -> Response:
    """Acknowledge a message: it will not be handed out again. A second time changes nothing; one
    that was recalled after it had been handed out may still be acknowledged."""
    _own(actor, org)
    await handing.acknowledge(runtime.database, actor, message_id)
    return Response(status_code=204)


@router.get("/queues/{org}/stats", responses=refusals(NotFound))
async def get_queue_stats(org: Organisation, session: QuerySession, actor: Taker) -> QueueStats:
    """The figures of one's own queue; operators see those of their region."""
    if actor.has(Role.OPS):
        actor.must_cover(org.partition("@")[2])
    else:
        _own(actor, org)
    figures = await queries.figures_of(session, org, clock.now())
    return QueueStats(**figures._asdict())


@router.get("/ops/dead-letters")
async def list_dead_letters(
    session: QuerySession, actor: Operator, page: PageQuery
) -> Page[DeadLetterView]:
    """Messages of the region's queues that were handed out too often without an acknowledgement."""
    letters = await queries.list_dead_letters(session, actor.region, page)
    return page.page(letters, DeadLetterView.of, lambda letter: (letter.message_id,))


@router.post("/ops/dead-letters/{message_id}/replay", responses=refusals(NotFound, IllegalMove))
async def replay_dead_letter(
    message_id: UUID, session: WriteSession, actor: Operator
) -> DeadLetterView:
    """Put a dead message back into its queue, as if it had never been handed out."""
    return DeadLetterView.of(await handing.replay_dead_letter(session, actor, message_id))


def _own(actor: Actor, org: str) -> None:
    if actor.organisation != org:
        raise NotFound


async def _pull_or_wait(
    runtime: Runtime, request: Request, actor: Actor, body: PullMessages
) -> list[Handed]:
    """The messages, as soon as there are any; none once the caller has gone, the time is up or the
    process is to stop.

    No connection to the database is held while waiting.
    """
    org, region, on = actor.organisation, actor.region, clock.today()
    lease_seconds = body.lease_seconds or runtime.configuration.value(LEASE_SECONDS, region, on)
    delivery_limit = runtime.configuration.value(DELIVERY_LIMIT, region, on)
    deadline = time.monotonic() + body.wait_seconds
    with waiting_of(runtime).on(org) as signal:
        while not await request.is_disconnected():
            signal.clear()
            handed = await handing.pull(
                runtime.database,
                runtime.configuration,
                org,
                maximum=body.max,
                lease_seconds=lease_seconds,
                delivery_limit=delivery_limit,
            )
            left = deadline - time.monotonic()
            if handed or left <= 0 or runtime.stopping.is_set():
                return handed
            await pause(signal, left)
    return []
