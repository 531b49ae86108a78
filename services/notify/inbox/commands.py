"""What a person can do with his inbox: mark one message as read, or all that stand in it.

A mark is its reader's own: it acknowledges nothing and is told to nobody, so it leaves no audit row
beside itself.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.notify.inbox.queries import reader_of, scope_of, unread_of
from shared import clock
from shared.database import Session
from shared.errors import NotFound
from shared.security import Actor

_MARK = """
INSERT INTO read_marks (person, org, message_id, read_at)
SELECT CAST(:person AS text), CAST(:org AS text), m.message_id, CAST(:now AS timestamptz)
  FROM messages m
 WHERE m.message_id = :message_id AND {scope}
ON CONFLICT (person, org, message_id) DO UPDATE SET read_at = read_marks.read_at
RETURNING message_id
"""
# One row for every message this statement sees, and none for what is committed after it began,
# however low its position (reliability: a bare id cursor loses a third).
_MARK_ALL = """
WITH marked AS (
  INSERT INTO read_marks (person, org, message_id, read_at)
  SELECT CAST(:person AS text), CAST(:org AS text), m.message_id, CAST(:now AS timestamptz)
  {unread} {until}
  ON CONFLICT DO NOTHING RETURNING 1)
SELECT count(*) FROM marked
"""
_UNTIL = "AND (SELECT h.at FROM happenings h WHERE h.event_id = m.event_id) <= :before"


async def mark_read(session: Session, actor: Actor, message_id: UUID) -> None:
    """Note that the actor has read a message; the first time stands. Raises `NotFound` for one
    that does not stand in his inbox."""
    found = await session.execute(
        text(_MARK.format(scope=scope_of(actor))),
        reader_of(actor) | {"message_id": message_id, "now": clock.now()},
    )
    if found.first() is None:
        raise NotFound


async def mark_all_read(session: Session, actor: Actor, reach: int, before: datetime | None) -> int:
    """Note that the actor has read every message counted as unread, or those of what happened
    until `before`; how many."""
    values = reader_of(actor) | {"reach": reach, "now": clock.now()}
    if before is not None:
        values["before"] = before
    statement = _MARK_ALL.format(unread=unread_of(actor), until=_UNTIL if before else "")
    marked = await session.scalar(text(statement), values)
    return int(marked or 0)
