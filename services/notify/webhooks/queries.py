"""Reading webhooks: how endpoints are treated, secrets, deliveries and their attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, and_, or_, select
from sqlmodel import col

from services.notify.feeds.domain import Channel
from services.notify.feeds.domain import State as SubscriptionState
from services.notify.feeds.queries import get_subscription, of_organisation, of_region
from services.notify.feeds.tables import Delivery, Subscription
from services.notify.keys import keys_of
from services.notify.queues.tables import Happening
from services.notify.tables import stands_at
from services.notify.webhooks.domain import DeliveryState, Policy
from services.notify.webhooks.signing import Secret, Signatures
from services.notify.webhooks.tables import WebhookAttempt, WebhookSecret
from shared import clock
from shared.configuration import Configuration, Setting
from shared.database import Connection, ReadSession
from shared.errors import NotFound
from shared.regions import region_of
from shared.security import Actor, Role
from shared.web.pagination import PageRequest

# Within bounds in which a lane still moves, and none has the process to itself.
_Delay = Annotated[float, Field(ge=0, le=30 * 86_400)]
_Hours = Annotated[float, Field(ge=0, le=30 * 24)]
_Seconds = Annotated[float, Field(ge=0.1, le=120)]
_AtOnce = Annotated[int, Field(ge=1, le=100)]
_PerSecond = Annotated[float, Field(ge=0, le=10_000)]

SCHEDULE: Setting[Sequence[float]] = Setting(
    "webhook_retry_seconds",
    (0.0, 5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0),
    Annotated[tuple[_Delay, ...], Field(min_length=1, max_length=50)],
    rule="N-11",
)
IN_FLIGHT = Setting("webhook_in_flight", 8, _AtOnce, rule="N-15")
PER_SECOND = Setting("webhook_per_second", 50.0, _PerSecond, rule="N-15")
TIMEOUT_SECONDS = Setting("webhook_timeout_seconds", 20.0, _Seconds, rule="N-15")
CIRCUIT_FAILURES = Setting("webhook_circuit_failures", 5, _AtOnce, rule="N-15")
SUSPENSION_HOURS = Setting("webhook_suspension_hours", 24.0, _Hours, rule="N-15")
OVERLAP_HOURS = Setting("webhook_secret_overlap_hours", 24.0, _Hours, rule="N-02")
SETTINGS: Sequence[Setting[Any]] = (
    SCHEDULE,
    IN_FLIGHT,
    PER_SECOND,
    TIMEOUT_SECONDS,
    CIRCUIT_FAILURES,
    SUSPENSION_HOURS,
    OVERLAP_HOURS,
)

_UNDELIVERED = """
SELECT count(*) FROM (SELECT FROM deliveries d JOIN subscriptions s USING (subscription_id)
                       WHERE d.state = '{}' AND s.state <> 'DELETED' LIMIT 100000) AS p
"""
_PENDING = _UNDELIVERED.format(DeliveryState.PENDING)
_DEAD = _UNDELIVERED.format(DeliveryState.DEAD)


def policy_of(configuration: Configuration, org: str) -> Policy:
    """How the endpoints of an organisation are treated today."""
    region, on = region_of(org), clock.today()
    return Policy(
        schedule=configuration.value(SCHEDULE, region, on),
        in_flight=configuration.value(IN_FLIGHT, region, on),
        per_second=configuration.value(PER_SECOND, region, on),
        timeout_seconds=configuration.value(TIMEOUT_SECONDS, region, on),
        circuit_failures=configuration.value(CIRCUIT_FAILURES, region, on),
        suspended_after=timedelta(hours=configuration.value(SUSPENSION_HOURS, region, on)),
    )


async def measure_undelivered(connection: Connection) -> tuple[int, int]:
    """How many deliveries of live webhooks wait, and how many are dead: at most 100,000 of each, an
    alarm needs no exact figure."""
    return await connection.fetchval(_PENDING), await connection.fetchval(_DEAD)


async def get_webhook(
    session: ReadSession, actor: Actor, subscription_id: UUID, *, for_update: bool = False
) -> Subscription:
    """A webhook of the actor's own organisation, or for operators one of their region; raises
    `NotFound`."""
    scope = of_organisation(actor.organisation)
    if actor.has(Role.OPS):
        scope = or_(scope, of_region(actor.region))
    return await _get_live(session, scope, subscription_id, for_update=for_update)


async def get_own_webhook(
    session: ReadSession, actor: Actor, subscription_id: UUID, *, for_update: bool = False
) -> Subscription:
    """A webhook of the actor's own organisation, whatever else he may watch over: its secrets and
    its tests are nobody else's matter. Raises `NotFound`."""
    scope = of_organisation(actor.organisation)
    return await _get_live(session, scope, subscription_id, for_update=for_update)


async def _get_live(
    session: ReadSession,
    scope: ColumnElement[bool],
    subscription_id: UUID,
    *,
    for_update: bool,
) -> Subscription:
    live = and_(
        scope,
        col(Subscription.channel) == Channel.WEBHOOK,
        col(Subscription.state) != SubscriptionState.DELETED,
    )
    return await get_subscription(session, live, subscription_id, for_update=for_update)


async def signatures_of(session: ReadSession, subscription_id: UUID) -> Signatures:
    """What signs the deliveries of a subscription now."""
    column = keys_of(session).column("webhook_secrets", "sealed")
    rows = await session.execute(
        select(WebhookSecret)
        .where(
            col(WebhookSecret.subscription_id) == subscription_id,
            or_(
                col(WebhookSecret.expires_at).is_(None),
                col(WebhookSecret.expires_at) > clock.now(),
            ),
        )
        .order_by(col(WebhookSecret.created_at).desc(), col(WebhookSecret.secret_id).desc())
    )
    return Signatures(
        [
            Secret(column.open(secret.sealed, secret.secret_id), secret.expires_at)
            for secret in rows.scalars()
        ]
    )


@dataclass(frozen=True, slots=True)
class Recorded:
    """A delivery, the organisation it is for, and the type of its event."""

    delivery: Delivery
    org: str
    event_type: str


_DELIVERIES = Delivery.__table__.c  # type: ignore[attr-defined]
_ATTEMPTS = WebhookAttempt.__table__.c  # type: ignore[attr-defined]


async def list_deliveries(
    session: ReadSession,
    subscription_id: UUID,
    page: PageRequest,
    *,
    state: DeliveryState | None,
    since: datetime | None,
) -> Sequence[Recorded]:
    """The deliveries of a webhook by position, optionally of one state or recorded since."""
    statement = _recorded().where(_DELIVERIES.subscription_id == subscription_id)
    if state is not None:
        statement = statement.where(_DELIVERIES.state == state)
    if since is not None:
        statement = statement.where(_DELIVERIES.recorded_at >= since)
    rows = await session.execute(page.after(statement, [_DELIVERIES.position], int))
    return [Recorded(*row) for row in rows]


async def list_dead(session: ReadSession, region: str, page: PageRequest) -> Sequence[Recorded]:
    """The dead deliveries of the webhooks of a region's organisations."""
    return [Recorded(*row) for row in await session.execute(dead_statement(region, page))]


def dead_statement(region: str, page: PageRequest) -> Any:
    """What `list_dead` asks the database."""
    statement = _recorded().where(
        stands_at(_DELIVERIES.state, DeliveryState.DEAD),
        col(Subscription.state) != SubscriptionState.DELETED,
        of_region(region),
    )
    order = [_DELIVERIES.subscription_id, _DELIVERIES.position]
    return page.after(statement, order, UUID, int)


async def list_attempts(
    session: ReadSession, subscription_id: UUID, position: int, page: PageRequest
) -> Sequence[WebhookAttempt]:
    """The attempts of a delivery in their order; raises `NotFound` for one that never was."""
    if await session.get(Delivery, (subscription_id, position)) is None:
        raise NotFound
    statement = select(WebhookAttempt).where(
        _ATTEMPTS.subscription_id == subscription_id, _ATTEMPTS.position == position
    )
    return (await session.scalars(page.after(statement, [_ATTEMPTS.attempt_id], int))).all()


def _recorded() -> Any:
    return (
        select(Delivery, col(Subscription.org), col(Happening.event_type))
        .join(Subscription, col(Subscription.subscription_id) == _DELIVERIES.subscription_id)
        .join(Happening, col(Happening.event_id) == _DELIVERIES.event_id)
    )
