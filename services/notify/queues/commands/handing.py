"""Handing messages out under a lease: pull, acknowledge, bury, replay."""

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.notify.mirror.domain import derived_id
from services.notify.queues.commands.telling import CHANNEL
from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.states import Action, State, next_state
from services.notify.queues.domain.words import payload_of
from services.notify.queues.queries import (
    PLACE,
    PLACE_CODE,
    event_type_of,
    get_message,
    lock_version,
)
from services.notify.queues.tables import Message
from services.notify.queues.wordings import template_in_force
from shared import clock
from shared.audit import record_audit
from shared.configuration import Configuration, Setting
from shared.database import Database, Session
from shared.errors import NotFound
from shared.events.notify import NotificationAcked, NotificationDead, NotificationReplayed
from shared.messaging import outbox
from shared.security import Actor
from shared.telemetry import correlation_id

# Without a lease everybody would be handed the same message; with a limit of 0 none would
# come twice.
LONGEST_LEASE_SECONDS = 3600
LEASE_SECONDS = Setting(
    "queue_lease_seconds", 60, Annotated[int, Field(ge=1, le=LONGEST_LEASE_SECONDS)], rule="N-11"
)
DELIVERY_LIMIT = Setting(
    "queue_delivery_limit", 10, Annotated[int, Field(ge=1, le=1000)], rule="N-11"
)

BURIED_AT_ONCE = 500

# Of one problem a message is held back while an earlier one is out under a lease, or waits with a
# lower priority. The last step drops what a pull running beside this one has overtaken. The
# LIMIT 1 keeps the planner from reading the whole queue for an anti-join, and IS TRUE from sorting
# it: of IS NULL it would expect next to nothing. The organisations are compared so that no index
# of theirs fits: while the queue is short all of them look cheap, and the plan made then is kept
# when it has grown, and reads all of it for every message.
_HELD_BACK = """
(SELECT true FROM messages e
  WHERE e.problem_id = m.problem_id AND (e.org = m.org) IS TRUE AND e.position < m.position
    AND (e.state = 'QUEUED' AND e.priority < m.priority
         OR e.state = 'LEASED' AND (e.leased_until > $3 OR e.final_delivery))
  LIMIT 1) IS TRUE
"""
PULL = f"""
WITH expired AS MATERIALIZED (
  SELECT message_id, event_id, problem_id, priority, position FROM messages m
   WHERE org = $1 AND state = 'LEASED' AND leased_until <= $3 AND NOT final_delivery
     AND NOT {_HELD_BACK}
   ORDER BY leased_until LIMIT $2 FOR UPDATE SKIP LOCKED),
waiting AS MATERIALIZED (
  SELECT message_id, event_id, problem_id, priority, position FROM messages m
   WHERE org = $1 AND state = 'QUEUED' AND NOT {_HELD_BACK}
   ORDER BY priority DESC, position LIMIT $2 FOR UPDATE SKIP LOCKED),
chosen AS MATERIALIZED (
  SELECT * FROM (SELECT 1 AS turn, * FROM expired UNION ALL SELECT 2, * FROM waiting) AS both_of
   ORDER BY turn, priority DESC, position LIMIT $2),
granted AS MATERIALIZED (
  SELECT c.message_id, h.event_type, h.at, h.data,
         {PLACE} AS place
    FROM chosen c JOIN happenings h USING (event_id) LEFT JOIN problems p USING (problem_id)
   {PLACE_CODE}
   WHERE NOT EXISTS (
         SELECT FROM messages e
          WHERE e.problem_id = c.problem_id AND (e.org = $1) IS TRUE AND e.position < c.position
            AND e.state IN ('QUEUED', 'LEASED')
            AND NOT EXISTS (SELECT FROM chosen o WHERE o.message_id = e.message_id)))
UPDATE messages m
   SET state = 'LEASED', leased_until = $4, delivery_count = delivery_count + 1,
       final_delivery = delivery_count + 1 >= $5, lease_simulated = $6
  FROM granted g WHERE m.message_id = g.message_id
RETURNING m.message_id, m.event_id, g.event_type, g.at, m.problem_id, m.purpose, m.information,
          m.priority, m.position, m.delivery_count, g.data, coalesce(g.place, '') AS place
"""

# One statement: the message, the event with what only the row knows, and the audit row.
_ACK = f"""
WITH acked AS (
  UPDATE messages m SET state = 'ACKED', event_sequence = event_sequence + 1, settled_at = $12
    FROM happenings h
   WHERE m.message_id = $1 AND m.org = $2 AND h.event_id = m.event_id
     AND (m.state = 'LEASED' OR m.state = 'CANCELLED' AND m.delivery_count > 0)
  RETURNING m.event_id, h.event_type, m.problem_id, m.event_sequence),
told AS (
  INSERT INTO outbox ({", ".join(outbox.OUTBOX_COLUMNS)})
  SELECT $3::uuid, $4::text, $5::text, $6::text, $7::text, acked.event_sequence, $8::text,
         $9::smallint,
         $10::jsonb || jsonb_build_object('event_id', event_id, 'event_type', event_type,
                                          'problem_id', problem_id),
         $11::jsonb
    FROM acked),
audited AS (
  INSERT INTO audit (at, object_type, object_id, action, person, organisation, correlation_id)
  SELECT $12, 'message', $1::text, 'ACK', $13, $2, $14 FROM acked)
SELECT count(*) FROM acked
"""
_STATE = "SELECT state FROM messages WHERE message_id = $1 AND org = $2"

_BURY = """
UPDATE messages m SET state = 'DEAD', event_sequence = event_sequence + 1, settled_at = $1
  FROM (SELECT message_id, h.event_type FROM messages JOIN happenings h USING (event_id)
         WHERE state = 'LEASED' AND final_delivery AND leased_until <= $1
           AND (org = $2 OR $2::text IS NULL AND NOT lease_simulated)
         ORDER BY leased_until LIMIT $3 FOR UPDATE OF messages SKIP LOCKED) AS failed
 WHERE m.message_id = failed.message_id
RETURNING m.message_id, m.org, m.event_id, failed.event_type, m.problem_id, m.event_sequence
"""


@dataclass(frozen=True, slots=True)
class Handed:
    """A message as it is handed out under a lease."""

    message_id: UUID
    event_id: UUID
    event_type: str
    problem_id: UUID | None
    kind: str | None
    due_on: date | None
    village_code: str | None
    priority: int
    payload: dict[str, Any]
    delivery_count: int


async def pull(
    database: Database,
    configuration: Configuration,
    org: str,
    *,
    maximum: int,
    lease_seconds: int,
    delivery_limit: int,
) -> list[Handed]:
    """Hand out up to `maximum` messages of a queue under a lease, the weightiest first.

    Of one problem they come in order, and none while an earlier one is out. The cost does not
    grow with the queue.
    """
    now = clock.now()
    if clock.is_simulated():  # what fails in simulated time is not buried by real time
        async with database.transaction() as session:
            await bury_failed(session, now, org)
    async with database.statement() as connection:
        rows = await connection.fetch(
            PULL,
            *(org, maximum, now, now + timedelta(seconds=lease_seconds)),
            *(delivery_limit, clock.is_simulated()),
        )
    return [
        _handed(row, configuration, org.partition("@")[2])
        for row in sorted(rows, key=lambda row: (-row["priority"], row["position"]))
    ]


async def acknowledge(database: Database, actor: Actor, message_id: UUID) -> None:
    """Take a message out of the actor's queue; again is no error.

    Raises `NotFound` for a message of another queue, and `IllegalMove` for one that is not handed
    out: only waiting, dead or cancelled before anyone had it.
    """
    org = actor.organisation
    # The row fills in which event the message told of.
    event = NotificationAcked(
        message_id=message_id, organisation=org, event_id=message_id, event_type="", problem_id=None
    )
    row = outbox.prepare(event, 1)
    async with database.statement(records_events=True) as connection:
        acked = await connection.fetchval(
            _ACK,
            *(message_id, org, derived_id(message_id, "acked"), row.topic, row.msg_key),
            *(row.aggregate_type, row.aggregate_id, row.event_type, row.schema_version),
            *(row.payload, row.headers, clock.now(), actor.person, correlation_id()),
        )
        state = None if acked else await connection.fetchval(_STATE, message_id, org)
    if acked:
        return
    if state is None:
        raise NotFound
    # What was recalled before anyone had it cannot be done with.
    next_state(State.QUEUED if state == State.CANCELLED else State(state), Action.ACK)


async def bury_failed(session: Session, now: datetime, org: str | None = None) -> int:
    """Declare messages dead whose last lease has run out, of one queue or of all; how many.

    Of all queues, those handed out in simulated time are left alone.
    """
    connection = await session.driver()
    rows = await connection.fetch(_BURY, now, org, BURIED_AT_ONCE)
    events = [
        (
            NotificationDead(
                message_id=row["message_id"],
                organisation=row["org"],
                event_id=row["event_id"],
                event_type=row["event_type"],
                problem_id=row["problem_id"],
            ),
            row["event_sequence"],
        )
        for row in rows
    ]
    if events:
        prepared = [
            replace(
                outbox.prepare(event, sequence),
                event_id=derived_id(event.message_id, "dead", sequence),
            )
            for event, sequence in events
        ]
        await outbox.record_many(connection, prepared)
        session.events_recorded()
    return len(events)


async def replay_dead_letter(session: Session, actor: Actor, message_id: UUID) -> Message:
    """Put a dead message back into its place in the queue.

    Raises `NotFound` outside the actor's region, `IllegalMove` for one that is not dead.
    """
    message = await get_message(session, message_id, actor.region)
    # Like the events of the problem: first its row, then its messages.
    version = await lock_version(session, message.problem_id)
    await session.refresh(message, with_for_update=True)
    before = message.state
    message.replay(clock.now(), version)
    replayed = NotificationReplayed(
        message_id=message_id,
        organisation=message.org,
        event_id=message.event_id,
        event_type=await event_type_of(session, message.event_id),
        problem_id=message.problem_id,
        version=version,
    )
    await outbox.record(session, message, replayed)
    await record_audit(
        session,
        actor,
        Action.REPLAY,
        "message",
        message_id,
        change={"state": [before, message.state]},
    )
    await session.flush()
    connection = await session.driver()
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, message.org)
    return message


def _handed(row: Any, configuration: Configuration, region: str) -> Handed:
    data = json.loads(row["data"])
    purpose = Purpose(row["purpose"])
    return Handed(
        message_id=row["message_id"],
        event_id=row["event_id"],
        event_type=row["event_type"],
        problem_id=row["problem_id"],
        kind=data.get("kind"),
        due_on=data.get("due_on"),
        village_code=data.get("village_code"),
        priority=row["priority"],
        payload=payload_of(
            purpose,
            information=row["information"],
            data=data,
            place=row["place"],
            template=template_in_force(configuration, purpose, region, clock.civil_date(row["at"])),
        ),
        delivery_count=row["delivery_count"],
    )
