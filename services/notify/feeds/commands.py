"""What can be done with subscriptions; each change is a version and an event of its own."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.notify.feeds import queries
from services.notify.feeds.domain import (
    RECORDING,
    Action,
    Channel,
    Filters,
    Reason,
    State,
    SubscriptionLimit,
    SubscriptionMandatory,
    TargetNotChoosable,
    mandatory_id,
)
from services.notify.feeds.recording import have_looked_at
from services.notify.feeds.tables import Subscription, SubscriptionVersion
from shared import clock
from shared.audit import record_audit
from shared.configuration import Setting, configuration_of
from shared.database import Session
from shared.errors import VersionConflict
from shared.events.base import Received
from shared.events.copies import topic_of
from shared.events.notify import (
    SubscriptionChanged,
    SubscriptionCreated,
    SubscriptionDeleted,
    SubscriptionEvent,
    SubscriptionFilters,
    SubscriptionSuspended,
)
from shared.messaging import outbox
from shared.regions import region_of
from shared.security import Actor, system_actor

SUBSCRIPTION_LIMIT = Setting(
    "subscription_limit", 50, Annotated[int, Field(ge=0, le=1000)], rule="N-02"
)

# What is known already, by the command that published it or from a backup, stays; a newer state
# replaces it, but for what only the target and its secret could make true. What is numbered anew
# begins above every number given before, at the milliseconds of now: a stream that resumes from one
# of the old finds a gap, never another event in its place.
_RESTORE = f"""
INSERT INTO subscriptions AS s (subscription_id, org, channel, target, filters, state, reason,
                                created_at, changed_at, event_sequence, last_position)
SELECT i, o, c, t, f, CASE WHEN lost THEN '{State.SUSPENDED}' ELSE w END,
       CASE WHEN lost THEN '{Reason.TARGET_LOST}' ELSE r END, a, a, q,
       CASE WHEN c = ANY('{{{",".join(sorted(RECORDING))}}}')
            THEN floor(extract(epoch FROM clock_timestamp()) * 1000) ELSE 0 END
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::json[], $6::text[], $7::text[],
              $8::timestamptz[], $9::bigint[]) AS e(i, o, c, t, f, w, r, a, q)
 CROSS JOIN LATERAL (SELECT c = '{Channel.WEBHOOK}' AND w <> '{State.DELETED}') AS l(lost)
ON CONFLICT (subscription_id) DO UPDATE
   SET filters = EXCLUDED.filters, state = EXCLUDED.state, reason = EXCLUDED.reason,
       changed_at = EXCLUDED.changed_at, event_sequence = EXCLUDED.event_sequence
 WHERE s.event_sequence < EXCLUDED.event_sequence
"""
_RESTORE_VERSIONS = """
INSERT INTO subscription_versions (subscription_id, version, valid_from, state, filters)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[], $5::json[])
ON CONFLICT DO NOTHING
"""
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('subscribing ' || $1, 0))"


async def subscribe(
    session: Session, actor: Actor, channel: Channel, filters: Filters, target: str | None = None
) -> Subscription:
    """Subscribe the actor's organisation; a webhook begins with its test. Raises
    `SubscriptionLimit`."""
    org, now = actor.organisation, clock.now()
    limit = configuration_of(session).value(SUBSCRIPTION_LIMIT, actor.region, clock.today())
    await (await session.driver()).execute(_ONE_AT_A_TIME, org)
    if await queries.count_live(session, org) >= limit:
        raise SubscriptionLimit(limit=limit)
    untested = channel is Channel.WEBHOOK
    subscription = Subscription(
        org=org,
        channel=channel,
        target=topic_of(org) if channel is Channel.KAFKA else target,
        filters=filters.to_json(),
        state=State.SUSPENDED if untested else State.ACTIVE,
        reason=Reason.UNTESTED if untested else None,
        created_at=now,
        changed_at=now,
    )
    await _publish(session, subscription, SubscriptionCreated)
    change = {"channel": channel, "filters": subscription.filters}
    await _audit(session, actor, "CREATE", subscription, change)
    return subscription


async def change_subscription(
    session: Session,
    actor: Actor,
    subscription_id: UUID,
    version: int,
    *,
    filters: Filters | None = None,
    target: str | None = None,
    state: State | None = None,
) -> Subscription:
    """Change what is given of the organisation's subscription; `state` is ACTIVE or PAUSED.

    A webhook with another target is to be tested again. Raises `NotFound`,
    `SubscriptionMandatory`, `VersionConflict`, `TargetNotChoosable` and `IllegalMove`.
    """
    subscription = await _own(session, actor, subscription_id)
    if version != subscription.event_sequence:
        raise VersionConflict(version=subscription.event_sequence)
    before, now = subscription.model_copy(), clock.now()
    change: dict[str, Any] = {}
    if filters is not None and filters.to_json() != before.filters:
        subscription.move(Action.CHANGE, now, subscription.reason)
        subscription.filters = filters.to_json()
        change["filters"] = [before.filters, subscription.filters]
    if target is not None:
        if before.channel != Channel.WEBHOOK:
            raise TargetNotChoosable.about("target")
        subscription.move(Action.RETARGET, now, Reason.UNTESTED)
        subscription.target = target
        change["target"] = "***"  # it may hold a secret
    if state is not None and state != before.state:
        subscription.move(Action.PAUSE if state is State.PAUSED else Action.RESUME, now)
    if before.state != subscription.state:
        change["state"] = [before.state, subscription.state]
    if change:
        await _publish(session, subscription, SubscriptionChanged)
        await _audit(session, actor, Action.CHANGE, subscription, change)
    return subscription


async def unsubscribe(session: Session, actor: Actor, subscription_id: UUID) -> None:
    """End the organisation's subscription; its row is kept. Raises `NotFound`,
    `SubscriptionMandatory`, and `IllegalMove` for one that has ended."""
    subscription = await _own(session, actor, subscription_id)
    before = subscription.state
    subscription.move(Action.DELETE, clock.now())
    await _publish(session, subscription, SubscriptionDeleted)
    change = {"state": [before, subscription.state]}
    await _audit(session, actor, Action.DELETE, subscription, change)


async def suspend(session: Session, subscription: Subscription, reason: str, at: datetime) -> None:
    """Suspend an active subscription, which the caller has locked; raises `IllegalMove`."""
    before = subscription.state
    subscription.move(Action.SUSPEND, at, reason)
    await _publish(session, subscription, SubscriptionSuspended)
    await _audit_own(session, Action.SUSPEND, subscription, before)


async def reinstate(session: Session, subscription: Subscription, at: datetime) -> None:
    """Let a suspended subscription, which the caller has locked, go on; raises `IllegalMove`."""
    before = subscription.state
    subscription.move(Action.REINSTATE, at)
    await _publish(session, subscription, SubscriptionChanged)
    await _audit_own(session, Action.REINSTATE, subscription, before)


async def restore(session: Session, received: Sequence[Received[SubscriptionEvent]]) -> None:
    """Make subscriptions what their events say, where that is news; a webhook's target and secret
    are in no event, so it waits for another one."""
    connection = await session.driver()
    events = [one.event for one in received]
    ids = [event.subscription_id for event in events]
    filters = [json.dumps(event.filters.model_dump()) for event in events]
    states = [event.state for event in events]
    since = [event.valid_from for event in events]
    versions = [event.version for event in events]
    await connection.execute(
        _RESTORE,
        ids,
        [event.organisation for event in events],
        [event.channel for event in events],
        [
            topic_of(event.organisation) if event.channel == Channel.KAFKA else None
            for event in events
        ],
        filters,
        states,
        [event.reason for event in events],
        since,
        versions,
    )
    await connection.execute(_RESTORE_VERSIONS, ids, versions, since, states, filters)


async def _own(session: Session, actor: Actor, subscription_id: UUID) -> Subscription:
    if subscription_id == mandatory_id(actor.organisation):
        raise SubscriptionMandatory
    scope = queries.of_organisation(actor.organisation)
    return await queries.get_subscription(session, scope, subscription_id, for_update=True)


async def _publish(
    session: Session, subscription: Subscription, event_class: type[SubscriptionEvent]
) -> None:
    """Keep what the subscription is from now on as a version, and say so, also to who delivers."""
    version = subscription.event_sequence + 1
    session.add(
        SubscriptionVersion(
            subscription_id=subscription.subscription_id,
            version=version,
            valid_from=subscription.changed_at,
            state=subscription.state,
            filters=subscription.filters,
        )
    )
    event = event_class(
        subscription_id=subscription.subscription_id,
        organisation=subscription.org,
        channel=subscription.channel,
        filters=SubscriptionFilters.model_validate(subscription.filters),
        state=subscription.state,
        reason=subscription.reason,
        valid_from=subscription.changed_at,
        version=version,
    )
    await outbox.record(session, subscription, event)
    await have_looked_at(session, subscription.subscription_id)


async def _audit_own(
    session: Session, action: Action, subscription: Subscription, before: str
) -> None:
    actor = system_actor(session.info["service"], region_of(subscription.org))
    change = {"state": [before, subscription.state], "reason": subscription.reason}
    await _audit(session, actor, action, subscription, change)


async def _audit(
    session: Session,
    actor: Actor,
    action: str,
    subscription: Subscription,
    change: dict[str, Any],
) -> None:
    await record_audit(
        session, actor, action, "subscription", subscription.subscription_id, change=change
    )
