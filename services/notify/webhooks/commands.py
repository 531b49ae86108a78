"""What can be done with webhooks: rotate secrets, test, replay, suspend, forget old attempts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.notify.feeds.commands import reinstate, suspend
from services.notify.feeds.domain import State
from services.notify.feeds.recording import have_looked_at
from services.notify.feeds.tables import Subscription
from services.notify.keys import keys_of
from services.notify.minutes import of_last_minute
from services.notify.mirror.domain import derived_id, organisation_of
from services.notify.queues.commands.telling import Happened, enqueue
from services.notify.queues.domain.notices import Notice, Priority, Purpose
from services.notify.webhooks import metrics
from services.notify.webhooks.domain import (
    REPLAYABLE,
    DeliveryAction,
    DeliveryState,
    Reason,
    SecretsTooMany,
    TooManyTests,
    next_state,
)
from services.notify.webhooks.queries import OVERLAP_HOURS, get_own_webhook, get_webhook
from services.notify.webhooks.signing import new_secret
from services.notify.webhooks.tables import WebhookSecret
from shared import clock
from shared.audit import record_audit
from shared.configuration import configuration_of
from shared.database import Database, Session, delete_in_chunks
from shared.errors import NotFound
from shared.events.notify import SubscriptionSuspended
from shared.ids import new_id
from shared.labels import department_name
from shared.regions import region_of
from shared.security import Actor

# Every secret in force is one more signature in a header.
SECRETS_LIMIT = 5
# A test goes out past the endpoint's own rate, which the process that serves it keeps by itself.
TESTS_PER_MINUTE = 10
SUSPENDED = SubscriptionSuspended.wire_type

_REPLACE = """
UPDATE webhook_secrets SET expires_at = $2
 WHERE subscription_id = $1 AND (expires_at IS NULL OR expires_at > $2)
"""
_IN_FORCE = """
SELECT count(*) FROM webhook_secrets
 WHERE subscription_id = $1 AND (expires_at IS NULL OR expires_at > $2)
"""
_RECOVERED = """
UPDATE webhook_lanes SET failures = 0, failing_since = NULL, probes = 0, not_before = NULL
 WHERE subscription_id = $1
"""
# What failed meanwhile would wait for hours, and hold back what follows of the same problem.
_DUE_AT_ONCE = """
UPDATE deliveries SET next_at = $2
 WHERE subscription_id = $1 AND state = 'PENDING' AND next_at > $2
"""
_LATELY = of_last_minute("l.tested_at", "$2::timestamptz")
_NOTE_TEST = f"""
INSERT INTO webhook_lanes AS l (subscription_id, tested_at) VALUES ($1, ARRAY[$2::timestamptz])
ON CONFLICT (subscription_id) DO UPDATE SET tested_at = array_append({_LATELY}, $2)
 WHERE cardinality({_LATELY}) < $3
RETURNING 1
"""
_NEXT_TEST = f"""
SELECT ceil(extract(epoch FROM ({_LATELY})[1] + interval '1 minute' - $2))::int
  FROM webhook_lanes l WHERE subscription_id = $1
"""
_REPLAY = f"""
UPDATE deliveries SET state = '{DeliveryState.PENDING}', attempts = 0, next_at = $2,
       settled_at = NULL
 WHERE subscription_id = $1 AND state = ANY($3) AND position BETWEEN $4 AND $5
   AND ($6::timestamptz IS NULL OR recorded_at >= $6)
"""
_FORGET = """
DELETE FROM webhook_attempts
 WHERE attempt_id IN (SELECT attempt_id FROM webhook_attempts WHERE at < $1 LIMIT $2)
RETURNING 1
"""
_LAST_POSITION = 2**63 - 1


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret as it is shown, once; the earlier ones sign until `previous_until`."""

    secret_id: UUID
    secret: str
    created_at: datetime
    previous_until: datetime


async def rotate_secret(
    session: Session, actor: Actor, subscription_id: UUID, *, revoke_previous: bool
) -> NewSecret:
    """Give the webhook a new secret. The earlier ones go on signing beside it for a while, unless
    they are revoked. Raises `NotFound` and `SecretsTooMany`."""
    await get_own_webhook(session, actor, subscription_id, for_update=True)
    now = clock.now()
    hours = configuration_of(session).value(OVERLAP_HOURS, actor.region, clock.today())
    until = now if revoke_previous else now + timedelta(hours=hours)
    connection = await session.driver()
    if revoke_previous:
        await connection.execute(_REPLACE, subscription_id, until)
    elif await connection.fetchval(_IN_FORCE, subscription_id, now) >= SECRETS_LIMIT:
        raise SecretsTooMany(limit=SECRETS_LIMIT)
    await connection.execute(_REPLACE + "AND expires_at IS NULL", subscription_id, until)
    value = new_secret()
    secret_id = new_id()
    sealed = keys_of(session).column("webhook_secrets", "sealed").seal(value, secret_id)
    session.add(
        WebhookSecret(
            secret_id=secret_id,
            subscription_id=subscription_id,
            sealed=sealed,
            created_at=now,
            expires_at=None,
        )
    )
    await record_audit(
        session,
        actor,
        "ROTATE_SECRET",
        "subscription",
        subscription_id,
        change={"secret_id": secret_id, "previous_until": until},
    )
    await have_looked_at(session, subscription_id)
    return NewSecret(secret_id, value, now, until)


async def note_test(session: Session, subscription_id: UUID) -> None:
    """Note that a test goes out now; raises `TooManyTests`."""
    connection, now = await session.driver(), clock.now()
    if not await connection.fetch(_NOTE_TEST, subscription_id, now, TESTS_PER_MINUTE):
        raise TooManyTests(
            retry_after=max(1, await connection.fetchval(_NEXT_TEST, subscription_id, now))
        )


async def settle_test(
    session: Session, actor: Actor, tested: Subscription, *, succeeded: bool
) -> State:
    """Note a test of an endpoint; one that succeeded lets a suspended subscription go on and what
    failed before be tried at once, unless its target has been changed meanwhile. The state it is
    in now. Raises `NotFound`."""
    webhook = await get_own_webhook(session, actor, tested.subscription_id, for_update=True)
    await record_audit(
        session,
        actor,
        "TEST",
        "subscription",
        webhook.subscription_id,
        change={"succeeded": succeeded},
    )
    if succeeded and webhook.target == tested.target:
        connection = await session.driver()
        await connection.execute(_RECOVERED, webhook.subscription_id)
        await connection.execute(_DUE_AT_ONCE, webhook.subscription_id, clock.now())
        if webhook.state == State.SUSPENDED:
            await reinstate(session, webhook, clock.now())
        await have_looked_at(session, webhook.subscription_id)
    return State(webhook.state)


async def replay_delivery(
    session: Session, actor: Actor, subscription_id: UUID, position: int
) -> None:
    """Deliver one delivery again; raises `NotFound`, and `IllegalMove` while it is pending."""
    webhook = await get_webhook(session, actor, subscription_id, for_update=True)
    connection = await session.driver()
    state = await connection.fetchval(
        "SELECT state FROM deliveries WHERE subscription_id = $1 AND position = $2",
        *(subscription_id, position),
    )
    if state is None:
        raise NotFound
    next_state(DeliveryState(state), DeliveryAction.REPLAY)
    await replay_deliveries(session, actor, webhook.subscription_id, position, position)


async def replay_deliveries(
    session: Session,
    actor: Actor,
    subscription_id: UUID,
    from_position: int = 1,
    to_position: int = _LAST_POSITION,
    since: datetime | None = None,
) -> int:
    """Deliver again what was delivered or given up, by position or since it was recorded, in its
    order, each once; how many. What is pending stays as it is. Raises `NotFound`."""
    await get_webhook(session, actor, subscription_id, for_update=True)
    connection = await session.driver()
    status = await connection.execute(
        _REPLAY,
        *(subscription_id, clock.now(), list(REPLAYABLE), from_position, to_position),
        since,
    )
    replayed = int(status.rpartition(" ")[2])
    await record_audit(
        session,
        actor,
        DeliveryAction.REPLAY,
        "subscription",
        subscription_id,
        change={
            "positions": [from_position, to_position],
            "since": since,
            "deliveries": replayed,
        },
    )
    await have_looked_at(session, subscription_id)
    return replayed


async def suspend_endpoint(database: Database, subscription_id: UUID, reason: Reason) -> None:
    """Suspend a webhook and tell its organisation and the operators of its county; what it has not
    got is kept for it. Nothing happens to one that is not active any more (N-15)."""
    async with database.transaction() as session:
        webhook = await session.get(Subscription, subscription_id, with_for_update=True)
        if webhook is None or webhook.state != State.ACTIVE:
            return
        await suspend(session, webhook, reason, clock.now())
        await tell_suspended(session, [Suspension.of(webhook)])
        session.after_commit(metrics.SUSPENDED.labels(reason).inc)


@dataclass(frozen=True, slots=True)
class Suspension:
    """That a webhook is suspended, as its `version`-th version."""

    subscription_id: UUID
    organisation: str
    reason: str | None
    at: datetime
    version: int

    @classmethod
    def of(cls, webhook: Subscription) -> "Suspension":
        """What has just been done to `webhook`."""
        return cls(
            webhook.subscription_id,
            webhook.org,
            webhook.reason,
            webhook.changed_at,
            webhook.event_sequence,
        )


async def tell_suspended(session: Session, suspensions: Sequence[Suspension]) -> None:
    """Tell the organisations concerned and their operators; who has been told is not told again."""
    happened, notices = [], []
    for one in suspensions:
        event_id = derived_id(one.subscription_id, "suspended", one.version)
        region = region_of(one.organisation)
        data = {
            "subscription_id": str(one.subscription_id),
            "organisation": department_name(one.organisation),
            "reason": one.reason,
            "region_code": region,
        }
        happened.append(Happened(event_id, SUSPENDED, one.at, json.dumps(data)))
        told = dict.fromkeys((one.organisation, organisation_of("OPS", region)))
        notices += [
            Notice(event_id, organisation, None, Purpose.ENDPOINT_SUSPENDED, Priority.URGENT)
            for organisation in told
        ]
    await enqueue(session, happened, notices)


async def forget_attempts(database: Database, before: datetime) -> int:
    """Delete attempts made before an instant, a few at a time; how many."""
    async with database.statement() as connection:
        return await delete_in_chunks(connection, _FORGET, before)
