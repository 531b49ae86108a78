"""HTTP for streams: the events of a subscription as they are recorded, resumable."""

import time
from random import SystemRandom
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Query
from pydantic import Field

from services.notify.feeds.api import Subscriber
from services.notify.streams.domain import (
    Ending,
    LastEventIdInvalid,
    NotAStream,
    PositionAhead,
    StreamSuspended,
    position_of,
)
from services.notify.streams.queries import Standing, get_stream
from services.notify.streams.response import EventStream
from services.notify.streams.tails import Client, tails_of
from shared import clock
from shared.configuration import Setting
from shared.errors import NotFound
from shared.web.dependencies import RunningService
from shared.web.problem_details import refusals

router = APIRouter(tags=["subscriptions"])

# At most: a stream ends with the token it was opened with, which may come sooner.
_Lasting = Annotated[int, Field(ge=1, le=86_400)]
_Beat = Annotated[int, Field(ge=1, le=3600)]

STREAM_SECONDS = Setting("stream_seconds", 3600, _Lasting, rule="N-02")
STREAM_HEARTBEAT_SECONDS = Setting("stream_heartbeat_seconds", 15, _Beat, rule="N-02")
# Streams opened together do not end together.
_SHORTEST = 0.9

LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", description="从该编号之后继续，断线重连时由客户端自动带上"),
]
LastEventIdQuery = Annotated[
    str | None,
    Query(alias="last_event_id", description="不能设置请求头的客户端用；请求头优先"),
]
Beginning = Annotated[
    Literal["start"] | None,
    Query(alias="from", description="start：没有 Last-Event-ID 时从保存的最早一条开始"),
]


@router.get(
    "/subscriptions/{subscription_id}/stream",
    status_code=200,  # FastAPI would look for it among what makes an EventStream
    response_class=EventStream,
    responses=refusals(NotFound, NotAStream, StreamSuspended, PositionAhead, LastEventIdInvalid),
)
async def stream_subscription(
    subscription_id: UUID,
    runtime: RunningService,
    actor: Subscriber,
    header: LastEventId = None,
    query: LastEventIdQuery = None,
    beginning: Beginning = None,
) -> EventStream:
    """What one's own subscription of channel SSE records, in order, from after the last event seen.

    Each event is named by its type, its id is its position. `gap` says from where on events are
    available when older ones were asked for, `end` why the stream ends (N-02), which it
    does with the token it was opened with at the latest.
    """
    last_event_id = header or query
    seen = position_of(last_event_id) if last_event_id else None
    async with runtime.database.statement() as connection:
        standing = await get_stream(connection, subscription_id, actor.organisation)
    position = _position(standing, seen, from_start=beginning == "start")
    value, today = runtime.configuration.value, clock.today()
    longest = SystemRandom().uniform(_SHORTEST, 1) * value(STREAM_SECONDS, actor.region, today)
    lasting_seconds, ending = min(
        (longest, Ending.EXPIRED), (actor.expires_at - time.time(), Ending.TOKEN_EXPIRED)
    )
    return EventStream(
        runtime.database,
        tails_of(runtime),
        Client(subscription_id, standing, position),
        lasting_seconds=lasting_seconds,
        ending=ending,
        heartbeat_seconds=value(STREAM_HEARTBEAT_SECONDS, actor.region, today),
    )


def _position(standing: Standing, seen: int | None, *, from_start: bool) -> int:
    """The position after which a stream begins."""
    if seen is None:
        return standing.oldest - 1 if from_start else standing.last_position
    if seen > standing.last_position:
        raise PositionAhead(last_position=standing.last_position)
    return seen
