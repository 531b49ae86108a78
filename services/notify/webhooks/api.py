"""HTTP for webhooks: secrets, the test delivery, the log of deliveries, replays."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from services.notify.feeds.api import Subscriber, Watcher
from services.notify.feeds.domain import State
from services.notify.webhooks import commands, queries
from services.notify.webhooks.domain import (
    DeliveryState,
    RangeInvalid,
    SecretsTooMany,
    TooManyTests,
    Verdict,
    WebhookNotReady,
    webhook_id_of,
)
from services.notify.webhooks.probing import send_test
from services.notify.webhooks.tables import WebhookAttempt
from shared.errors import IllegalMove, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.fields import Instant
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(tags=["webhooks"])

Operator = Annotated[Actor, allows(Role.OPS)]
Position = Annotated[
    int, Path(ge=1, le=2**62, description="its number among what was recorded", examples=[17])
]


class RotateSecret(BaseModel):
    """Whether the earlier secrets go on signing beside the new one for a while."""

    model_config = ConfigDict(extra="forbid")

    revoke_previous: bool = Field(
        False,
        description="旧密钥立即失效（如已泄露）；否则在重叠期内新旧签名并发",
        examples=[False],
    )


class SecretView(BaseModel):
    """A secret that signs the deliveries. `secret` is shown in this answer alone: it is null where
    an Idempotency-Key repeats it, because answers that are kept hold no secret. The earlier ones
    sign until `previous_until`."""

    secret_id: UUID
    secret: str | None = Field(description="签名密钥，仅显示一次", examples=["whsec_…"])
    created_at: datetime
    previous_until: datetime


class TestView(BaseModel):
    """What came back: a status, or the code of the error that kept it from coming (TIMEOUT,
    UNREACHABLE, TARGET_REFUSED, PROTOCOL). `state` is the subscription's now."""

    succeeded: bool
    status: int | None
    error: str | None
    duration_ms: int
    excerpt: str | None = Field(description="应答开头，证件号码等已遮盖")
    state: State


class DeliveryView(BaseModel):
    """A delivery. `webhook_id` is the same at every attempt and replay: receivers drop what they
    have seen."""

    subscription_id: UUID
    org: str
    position: int
    webhook_id: str
    event_id: UUID
    event_type: str
    problem_id: UUID | None
    state: DeliveryState
    attempts: int = Field(description="次数，重放后重新计")
    recorded_at: datetime
    next_at: datetime | None
    settled_at: datetime | None

    @classmethod
    def of(cls, row: queries.Recorded) -> Self:
        """The view of a row."""
        delivery = row.delivery
        webhook_id = webhook_id_of(delivery.event_id, delivery.subscription_id)
        return cls(
            **delivery.model_dump(), org=row.org, event_type=row.event_type, webhook_id=webhook_id
        )


class AttemptView(BaseModel):
    """One attempt: the status that came back, or the code of the error that kept it from coming."""

    attempt: int
    at: datetime
    status: int | None
    error: str | None
    duration_ms: int
    excerpt: str | None

    @classmethod
    def of(cls, row: WebhookAttempt) -> Self:
        """The view of a row."""
        return cls(**row.model_dump(exclude={"attempt_id", "subscription_id", "position"}))


class ReplayDeliveries(BaseModel):
    """What to deliver again: a range of positions, or what was recorded since an instant."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"from_position": 100, "to_position": 250},
                {"since": "2026-03-02T08:00:00+08:00"},
            ]
        },
    )

    from_position: int | None = Field(None, ge=1, le=2**62, description="起始序号")
    to_position: int | None = Field(None, ge=1, le=2**62, description="结束序号，含")
    since: Instant | None = Field(None, description="自该时刻起记录的")


class Replayed(BaseModel):
    """How many deliveries go out again."""

    deliveries: int


@router.post(
    "/subscriptions/{subscription_id}/secrets",
    status_code=201,
    responses=refusals(NotFound, SecretsTooMany, IdempotencyConflict, IdempotencyInProgress),
)
async def create_webhook_secret(
    subscription_id: UUID,
    session: WriteSession,
    once: OnceOnly,
    actor: Subscriber,
    body: RotateSecret | None = None,
) -> SecretView:
    """Give a webhook its first secret, or a new one; the value is shown in this answer alone."""
    made = await commands.rotate_secret(
        session, actor, subscription_id, revoke_previous=body is not None and body.revoke_previous
    )
    shown = SecretView(
        secret_id=made.secret_id,
        secret=made.secret,
        created_at=made.created_at,
        previous_until=made.previous_until,
    )
    await once.keep(shown.model_copy(update={"secret": None}))
    return shown


@router.post(
    "/subscriptions/{subscription_id}/test",
    responses=refusals(NotFound, WebhookNotReady, TooManyTests),
)
async def run_webhook_test(
    subscription_id: UUID, runtime: RunningService, actor: Subscriber
) -> TestView:
    """Send a signed ping now. When it succeeds, a webhook that is new or was suspended is active
    from then on, and gets what was kept for it."""
    outcome, state = await send_test(runtime, actor, subscription_id)
    return TestView(
        succeeded=outcome.verdict is Verdict.DELIVERED,
        status=outcome.status,
        error=outcome.error,
        duration_ms=outcome.duration_ms,
        excerpt=outcome.excerpt,
        state=state,
    )


@router.get("/subscriptions/{subscription_id}/deliveries", responses=refusals(NotFound))
async def list_webhook_deliveries(
    subscription_id: UUID,
    session: QuerySession,
    actor: Watcher,
    page: PageQuery,
    state: Annotated[DeliveryState | None, Query(description="状态")] = None,
    since: Annotated[Instant | None, Query(description="自该时刻起记录的")] = None,
) -> Page[DeliveryView]:
    """What was recorded for a webhook, by position."""
    await queries.get_webhook(session, actor, subscription_id)
    rows = await queries.list_deliveries(session, subscription_id, page, state=state, since=since)
    return page.page(rows, DeliveryView.of, lambda row: (row.delivery.position,))


@router.get(
    "/subscriptions/{subscription_id}/deliveries/{position}/attempts", responses=refusals(NotFound)
)
async def list_webhook_attempts(
    subscription_id: UUID,
    position: Position,
    session: QuerySession,
    actor: Watcher,
    page: PageQuery,
) -> Page[AttemptView]:
    """The attempts of a delivery in their order, as far as the log goes back."""
    await queries.get_webhook(session, actor, subscription_id)
    rows = await queries.list_attempts(session, subscription_id, position, page)
    return page.page(rows, AttemptView.of, lambda row: (row.attempt_id,))


@router.post(
    "/subscriptions/{subscription_id}/deliveries/{position}/replay",
    responses=refusals(NotFound, IllegalMove),
)
async def replay_webhook_delivery(
    subscription_id: UUID, position: Position, session: WriteSession, actor: Watcher
) -> Replayed:
    """Deliver one delivery again, whatever came of it, unless it is pending."""
    await commands.replay_delivery(session, actor, subscription_id, position)
    return Replayed(deliveries=1)


@router.post("/subscriptions/{subscription_id}/replay", responses=refusals(NotFound, RangeInvalid))
async def replay_webhook_deliveries(
    subscription_id: UUID, body: ReplayDeliveries, session: WriteSession, actor: Watcher
) -> Replayed:
    """Deliver again, each once and of one problem in order, what was delivered or given up."""
    if body.since is not None:
        if body.from_position is not None or body.to_position is not None:
            raise RangeInvalid.about("since")
        replayed = await commands.replay_deliveries(
            session, actor, subscription_id, since=body.since
        )
    elif body.from_position is None or body.to_position is None:
        raise RangeInvalid.about("from_position", "to_position")
    else:
        replayed = await commands.replay_deliveries(
            session, actor, subscription_id, body.from_position, body.to_position
        )
    return Replayed(deliveries=replayed)


@router.get("/ops/dead-deliveries")
async def list_dead_deliveries(
    session: QuerySession, actor: Operator, page: PageQuery
) -> Page[DeliveryView]:
    """Deliveries of the region's webhooks that were given up; they are replayed like any other."""
    rows = await queries.list_dead(session, actor.region, page)
    return page.page(
        rows, DeliveryView.of, lambda row: (row.delivery.subscription_id, row.delivery.position)
    )
