"""Subscriptions and what they record, put into the database as the recording of events does it."""

import json
from typing import Any
from uuid import UUID

from shared import clock
from shared.database import Connection
from shared.ids import new_id

SUBSCRIBE = """
INSERT INTO subscriptions (subscription_id, org, channel, filters, state, created_at, changed_at,
                           event_sequence, last_position)
VALUES ($1, $2, $3, '{}', 'ACTIVE', $4, $4, 0, 0)
"""
# The position is drawn under the subscription's row lock, which is held until the commit.
RECORD = """
WITH drawn AS (
  UPDATE subscriptions SET last_position = last_position + 1 WHERE subscription_id = $1
  RETURNING subscription_id, last_position),
happened AS (
  INSERT INTO happenings (event_id, event_type, at, data) VALUES ($2, $3, $4, $5)),
recorded AS (
  INSERT INTO deliveries (subscription_id, position, event_id, problem_id, state, recorded_at)
  SELECT subscription_id, last_position, $2, $6, 'RECORDED', $4 FROM drawn)
SELECT last_position FROM drawn, pg_notify('feeds', $1::text)
"""
DISPATCHED = "inspection.problem.dispatched.v1"


def problem(**facts: Any) -> dict[str, Any]:
    """What an event says of a problem."""
    return {
        "problem_id": str(new_id()),
        "problem_no": "511132-2086-000001",
        "kind": "HOUSING_UNSAFE",
        "tier": "GENERAL",
        "scope": "INDIVIDUAL",
        "severity": "GENERAL",
        "object": {"type": "VILLAGE", "ref": "511132201205"},
        "village_code": "511132201205",
        "lead_dept": "HOUS@511132",
        "due_on": "2086-04-01",
        "state": "DISPATCHED",
        **facts,
    }


async def subscribe(connection: Connection, org: str, channel: str = "SSE") -> UUID:
    """A new subscription."""
    subscription_id = new_id()
    await connection.execute(SUBSCRIBE, subscription_id, org, channel, clock.now())
    return subscription_id


async def record(
    connection: Connection, subscription_id: UUID, data: dict[str, Any] | None = None
) -> tuple[UUID, int]:
    """Record an event; its id and position."""
    event_id, said = new_id(), data or problem()
    position = await connection.fetchval(
        RECORD,
        *(subscription_id, event_id, DISPATCHED, clock.now(), json.dumps(said)),
        UUID(said["problem_id"]) if said.get("problem_id") else None,
    )
    return event_id, position
