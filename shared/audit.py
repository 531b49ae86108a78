"""Audit rows: who did what to which object, written in the transaction of the change (X-04)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from shared import clock
from shared.database import Connection, Session
from shared.security import Actor
from shared.telemetry import correlation_id

AUDIT_DDL = """
CREATE TABLE audit (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at             timestamptz NOT NULL,
  object_type    text NOT NULL,
  object_id      text NOT NULL,
  action         text NOT NULL,
  person         text NOT NULL,
  organisation   text NOT NULL,
  remark         text,
  change         jsonb NOT NULL DEFAULT '{}',
  correlation_id text
);
CREATE INDEX audit_object ON audit (object_type, object_id, id);
CREATE INDEX audit_person ON audit (person, at)
"""

_INSERT_MANY = """
INSERT INTO audit (at, object_type, object_id, action, person, organisation, remark, change,
                   correlation_id)
SELECT $1, $2, entry.object_id, entry.action, $3, $4, entry.remark, entry.change::jsonb, $5
FROM unnest($6::text[], $7::text[], $8::text[], $9::text[])
     AS entry (object_id, action, remark, change)
"""

_INSERT = text(
    """
    INSERT INTO audit (at, object_type, object_id, action, person, organisation, remark, change,
                       correlation_id)
    VALUES (:at, :object_type, :object_id, :action, :person, :organisation, :remark,
            CAST(:change AS jsonb), :correlation_id)
    """
)


async def record_audit(
    session: Session,
    actor: Actor,
    action: str,
    object_type: str,
    object_id: object,
    *,
    remark: str | None = None,
    change: dict[str, Any] | None = None,
) -> None:
    """Append one audit row. `change` holds changed fields (`{"state": ["DRAFT", "OPEN"]}`), never
    an id number, phone, account or illness."""
    await session.execute(
        _INSERT,
        {
            "at": clock.now(),
            "object_type": object_type,
            "object_id": str(object_id),
            "action": action,
            "person": actor.person,
            "organisation": actor.organisation,
            "remark": remark,
            "change": json.dumps(change or {}, ensure_ascii=False, default=str),
            "correlation_id": correlation_id(),
        },
    )


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What was done to one of several objects; `change` as in `record_audit`."""

    object_id: object
    action: str
    remark: str | None = None
    change: Mapping[str, Any] = field(default_factory=dict)


async def record_audits(
    connection: Connection, actor: Actor, object_type: str, entries: Sequence[AuditEntry]
) -> None:
    """Append one audit row per entry, in their order, in one statement."""
    await connection.execute(
        _INSERT_MANY,
        clock.now(),
        object_type,
        actor.person,
        actor.organisation,
        correlation_id(),
        [str(entry.object_id) for entry in entries],
        [entry.action for entry in entries],
        [entry.remark for entry in entries],
        [json.dumps(entry.change, ensure_ascii=False, default=str) for entry in entries],
    )
