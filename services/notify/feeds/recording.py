"""What subscriptions get of an event: messages, copies on topics, and what is kept to be delivered.

CHANNEL tells who delivers to look at a subscription: it has recorded something, or has changed.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from services.notify.feeds.domain import (
    RECORDING,
    Channel,
    Fact,
    State,
    matches,
    sees,
)
from services.notify.feeds.queries import Standing, standing_subscriptions
from services.notify.mirror.domain import derived_id
from services.notify.queues.commands.telling import Happened, enqueue
from services.notify.queues.domain.notices import Notice, Priority, Purpose, priority_of
from shared import clock, telemetry
from shared.database import Session
from shared.events.base import Envelope
from shared.events.copies import COPIER, topic_of
from shared.messaging.outbox import INSERT_UNNEST_SQL, OutboxRow, columns_of

# Who listens on it gets the id of a subscription, once what was done to it is committed.
CHANNEL = "feeds"

Match = tuple[Fact, Standing]

# Positions are drawn one transaction after the other: rows locked one by one would be locked in
# another order by the next group of events in the same transaction.
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('feeds', 0))"
_RECORD = f"""
WITH happened AS (
  INSERT INTO happenings (event_id, event_type, at, data)
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::json[])
  ON CONFLICT DO NOTHING),
fresh AS MATERIALIZED (
  SELECT m.subscription_id, m.event_id, m.problem_id, s.channel,
         s.last_position
         + row_number() OVER (PARTITION BY m.subscription_id ORDER BY m.place) AS position
    FROM unnest($5::uuid[], $6::uuid[], $7::uuid[])
         WITH ORDINALITY AS m(subscription_id, event_id, problem_id, place)
    JOIN subscriptions s USING (subscription_id)
   WHERE NOT EXISTS (SELECT FROM deliveries d
                      WHERE d.subscription_id = m.subscription_id AND d.event_id = m.event_id)),
recorded AS (
  INSERT INTO deliveries (subscription_id, position, event_id, problem_id, state, recorded_at,
                          next_at)
  SELECT subscription_id, position, event_id, problem_id,
         CASE channel WHEN '{Channel.WEBHOOK}' THEN 'PENDING' ELSE 'RECORDED' END, $8,
         CASE channel WHEN '{Channel.WEBHOOK}' THEN $8::timestamptz END
    FROM fresh),
counted AS (
  UPDATE subscriptions s SET last_position = f.last
    FROM (SELECT subscription_id, max(position) AS last FROM fresh GROUP BY 1) AS f
   WHERE s.subscription_id = f.subscription_id
  RETURNING s.subscription_id)
SELECT count(pg_notify('{CHANNEL}', subscription_id::text)) FROM counted
"""
_LOOK = "SELECT pg_notify($1, $2)"
_COPY = f"{INSERT_UNNEST_SQL} ON CONFLICT DO NOTHING"


async def have_looked_at(session: Session, subscription_id: UUID) -> None:
    """Let who delivers to a subscription look at it once this transaction has committed."""
    await (await session.driver()).execute(_LOOK, CHANNEL, str(subscription_id))


async def record_facts(
    session: Session, facts: Sequence[Fact], envelopes: Iterable[Envelope]
) -> None:
    """Give the subscriptions in force when each event happened what they are to get of it.

    `envelopes` are those the events came in. Again changes nothing. To be called last of all that
    is done with the events: who is told by a message of its own gets no copy of it.
    """
    if not facts:
        return
    matched = list(_matches(facts, await standing_subscriptions(await session.driver(), facts)))
    if not matched:
        return
    enclosed = {envelope.id: envelope for envelope in envelopes}
    by_channel: dict[Channel, list[Match]] = {}
    for match in matched:
        by_channel.setdefault(match[1].channel, []).append(match)
    await _enqueue(session, by_channel.get(Channel.QUEUE, []), enclosed)
    await _copy(session, by_channel.get(Channel.KAFKA, []), enclosed)
    kept = [match for channel in RECORDING for match in by_channel.get(channel, [])]
    await _keep(session, kept, enclosed)


def _matches(facts: Sequence[Fact], standing: Mapping[str, Sequence[Standing]]) -> Iterator[Match]:
    """Each event with the subscriptions that get it, in the order of the events."""
    for fact in facts:
        for region in fact.regions:
            for subscription in standing.get(region, ()):
                version = subscription.at(fact.at)
                if (
                    version is not None
                    and _takes(subscription.channel, version.state)
                    and matches(version.filters, fact)
                    and sees(subscription.organisation, fact)
                ):
                    yield fact, subscription


def _takes(channel: Channel, state: State) -> bool:
    return state is State.ACTIVE or (channel in RECORDING and state is not State.DELETED)


async def _enqueue(
    session: Session, matched: Sequence[Match], enclosed: Mapping[UUID, Envelope]
) -> None:
    # One of each: the organisation may have several subscriptions.
    notices = {
        (fact.event_id, one.organisation): _notice(fact, one.organisation) for fact, one in matched
    }
    told = dict.fromkeys(event_id for event_id, _ in notices)
    await enqueue(session, [_happened(enclosed[one]) for one in told], list(notices.values()))


def _notice(fact: Fact, organisation: str) -> Notice:
    if fact.tier is None or fact.severity is None:  # no problem
        purpose, priority = Purpose.ACCOUNTABILITY, Priority.INFORMATION
    elif organisation in fact.leads:
        # In its queue the copy must not hold back the messages of the problem that follow (N-11).
        purpose, priority = Purpose.SUBSCRIBED, priority_of(fact.tier, fact.severity)
    else:
        purpose, priority = Purpose.SUBSCRIBED, Priority.INFORMATION
    return Notice(fact.event_id, organisation, fact.problem_id, purpose, priority)


async def _copy(
    session: Session, matched: Sequence[Match], enclosed: Mapping[UUID, Envelope]
) -> None:
    """Put events on the topics of organisations; one copy for however many subscriptions."""
    copies = dict.fromkeys((fact.event_id, topic_of(one.organisation)) for fact, one in matched)
    if not copies:
        return
    rows = [_copy_of(enclosed[event_id], topic) for event_id, topic in copies]
    await (await session.driver()).execute(_COPY, *columns_of(rows))
    session.events_recorded()


def _copy_of(envelope: Envelope, topic: str) -> OutboxRow:
    """The event as it is, under an id of the copy's own; subject and sequence stay, and are as
    unique on the topic as they were."""
    headers = {
        "source": f"/{COPIER}",
        "time": envelope.time.isoformat(),
        "correlationid": envelope.correlation_id,
        "causationid": str(envelope.id),
        "regioncode": envelope.region,
        "simulated": "true" if envelope.simulated else None,
        **telemetry.trace_headers(),
    }
    return OutboxRow(
        event_id=derived_id(envelope.id, topic),
        topic=topic,
        msg_key=envelope.partition_key,
        aggregate_type=topic,
        aggregate_id=envelope.subject,
        aggregate_seq=envelope.sequence,
        event_type=envelope.type,
        schema_version=int(envelope.type.rsplit(".v", 1)[1]),
        payload=envelope.data.decode(),
        headers=json.dumps({name: value for name, value in headers.items() if value is not None}),
    )


async def _keep(
    session: Session, matched: Sequence[Match], enclosed: Mapping[UUID, Envelope]
) -> None:
    """Record events for streams and webhooks, at positions that nobody else is drawing."""
    if not matched:
        return
    connection = await session.driver()
    await connection.execute(_ONE_AT_A_TIME)
    happened = [
        _happened(enclosed[event_id])
        for event_id in dict.fromkeys(fact.event_id for fact, _ in matched)
    ]
    await connection.execute(
        _RECORD,
        *zip(*((one.event_id, one.event_type, one.at, one.data) for one in happened), strict=True),
        *zip(
            *((one.subscription_id, fact.event_id, fact.problem_id) for fact, one in matched),
            strict=True,
        ),
        clock.now(),
    )


def _happened(envelope: Envelope) -> Happened:
    return Happened(envelope.id, envelope.type, envelope.time, envelope.data.decode())
