"""Reading queues: their figures, the dead letters, and which of some queues have work."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.notify.mirror.tables import MirroredProblem
from services.notify.queues.domain.states import State
from services.notify.queues.tables import MESSAGES, UNKNOWN_PURPOSE, Happening, Message
from services.notify.tables import of_organisations_in, stands_at
from shared.database import Connection, ReadSession
from shared.errors import NotFound
from shared.web.pagination import PageRequest

# For statements that read messages with their happening `h` and, where there is one, problem `p`:
# the code of the place a message is about, and its full name.
PLACE_CODE = """
 CROSS JOIN LATERAL (SELECT coalesce(p.village_code, h.data->>'village_code',
                                     h.data->>'region_code') AS code) AS v
"""
PLACE = """
(SELECT string_agg(r.name, '' ORDER BY r.code) FROM regions r
  WHERE r.code = ANY(ARRAY[left(v.code, 6), left(v.code, 9), v.code]))
"""


class QueueFigures(NamedTuple):
    """How many messages of a queue wait, are handed out, and are dead."""

    queued: int
    leased: int
    dead: int


# A lease that has run out counts as what its message is about to become.
_FIGURES = text(
    """
    SELECT (SELECT count(*) FROM messages WHERE org = :org AND state = 'QUEUED')
           + count(*) FILTER (WHERE expired AND NOT final_delivery),
           count(*) FILTER (WHERE NOT expired),
           (SELECT count(*) FROM messages WHERE org = :org AND state = 'DEAD')
           + count(*) FILTER (WHERE expired AND final_delivery)
      FROM (SELECT final_delivery, leased_until <= :now AS expired
              FROM messages WHERE org = :org AND state = 'LEASED') AS leased
    """
)

_COUNT_DEAD = """
SELECT count(*) FROM (SELECT FROM messages WHERE state = 'DEAD' LIMIT 100000) AS dead
"""

# One look at the head of each queue: of EXISTS, and without an order, the planner would read all
# that waits anywhere.
WITH_WORK = """
SELECT org FROM unnest($1::text[]) AS waiting(org)
 WHERE (SELECT true FROM messages m WHERE m.org = waiting.org AND m.state = 'QUEUED'
         ORDER BY m.priority DESC, m.position LIMIT 1)
    OR (SELECT true FROM messages m
         WHERE m.org = waiting.org AND m.state = 'LEASED' AND m.leased_until <= $2
           AND NOT m.final_delivery
         ORDER BY m.leased_until LIMIT 1)
"""


async def figures_of(session: ReadSession, org: str, now: datetime) -> QueueFigures:
    """The figures of a queue at `now`."""
    row = (await session.execute(_FIGURES, {"org": org, "now": now})).one()
    return QueueFigures(*row)


async def queues_with_work(
    connection: Connection, organisations: Collection[str], now: datetime
) -> list[str]:
    """Those of `organisations` whose queue may hold something to hand out."""
    rows = await connection.fetch(WITH_WORK, list(organisations), now)
    return [row["org"] for row in rows]


async def count_dead_letters(connection: Connection) -> int:
    """How many messages are dead: at most 100,000, an alarm needs no exact figure."""
    dead: int = await connection.fetchval(_COUNT_DEAD)
    return dead


async def list_dead_letters(
    session: ReadSession, region: str, page: PageRequest
) -> Sequence[Message]:
    """Dead messages of the region's queues, oldest event first."""
    statement = page.after(_dead_letters(region), [MESSAGES.c.message_id], UUID)
    return (await session.scalars(statement)).all()


async def get_message(session: ReadSession, message_id: UUID, region: str) -> Message:
    """A message of the region's queues; raises `NotFound`."""
    statement = _of_region(region).where(col(Message.message_id) == message_id)
    message = await session.scalar(statement)
    if message is None:
        raise NotFound
    return message


async def lock_version(session: ReadSession, problem_id: UUID | None) -> int | None:
    """How many of a problem's events have come; no more can come until the transaction ends."""
    statement = select(MirroredProblem.version).where(col(MirroredProblem.problem_id) == problem_id)
    return await session.scalar(statement.with_for_update(read=True))


async def event_type_of(session: ReadSession, event_id: UUID) -> str:
    """The type of the event a message tells of."""
    found = await session.scalars(
        select(Happening.event_type).where(col(Happening.event_id) == event_id)
    )
    return found.one()


def _dead_letters(region: str) -> SelectOfScalar[Message]:
    return _of_region(region).where(stands_at(col(Message.state), State.DEAD))


def _of_region(region: str) -> SelectOfScalar[Message]:
    known = col(Message.purpose) != UNKNOWN_PURPOSE
    return select(Message).where(known, of_organisations_in(col(Message.org), region))
