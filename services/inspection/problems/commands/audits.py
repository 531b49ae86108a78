"""Audit rows of many problems in one statement."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from shared import clock
from shared.database import Connection
from shared.security import Actor
from shared.telemetry import correlation_id

_INSERT = """
INSERT INTO audit (at, object_type, object_id, action, person, organisation, change, correlation_id)
SELECT $1, 'problem', id, $2, $3, $4, change::jsonb, $5
FROM unnest($6::text[], $7::text[]) AS rows (id, change)
"""


async def record_audits(
    connection: Connection,
    actor: Actor,
    action: str,
    changes: Sequence[tuple[UUID, dict[str, Any]]],
) -> None:
    """Append one audit row per problem, each with what changed of it."""
    await connection.execute(
        _INSERT,
        clock.now(),
        action,
        actor.person,
        actor.organisation,
        correlation_id(),
        [str(problem_id) for problem_id, _ in changes],
        [json.dumps(change, ensure_ascii=False, default=str) for _, change in changes],
    )
