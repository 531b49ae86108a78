"""Reading an inbox: a page of it, found by words, and how much of it is unread.

Who works through an organisation's queue sees its messages; anybody else of the organisation the
broadcasts that are addressed to him. Dead letters are the operators' until they are replayed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import text

from services.notify.inbox.domain import Meaning, meaning_of
from services.notify.queues.domain.notices import Purpose
from services.notify.queues.queries import PLACE, PLACE_CODE
from services.notify.queues.tables import UNKNOWN_PURPOSE
from services.notify.roles import READERS
from shared.configuration import Setting
from shared.database import ReadSession
from shared.regions import prefix_range
from shared.security import Actor
from shared.web.pagination import PageRequest

# Whatever is looked for is looked for among an organisation's newest messages: what lies deeper was
# never meant to be worked off here, and every question stays as cheap as on the first day.
INBOX_REACH = Setting("inbox_reach", 5_000, Annotated[int, Field(ge=1, le=1_000_000)], rule="B.9")

_SHOWN = f"m.org = :org AND m.purpose <> '{UNKNOWN_PURPOSE}' AND m.state <> 'DEAD'"
_ADDRESSED = """
m.event_id IN (SELECT broadcast_id FROM broadcast_recipients
                WHERE person = :person AND org = :org)
"""
_NEWEST = "(SELECT * FROM messages WHERE org = :org ORDER BY position DESC LIMIT :reach)"
# The receipt of a broadcast is given where the broadcast is read, and says that it was. A scalar
# subquery is one look at an index per message, whatever the planner believes of these tables.
_UNREAD = """
m.state <> 'CANCELLED'
AND (SELECT true FROM read_marks k
      WHERE k.person = :person AND k.org = :org AND k.message_id = m.message_id)
    IS NOT TRUE
AND (m.purpose <> 'BROADCAST'
     OR (SELECT true FROM broadcast_recipients r
          WHERE r.broadcast_id = m.event_id AND r.org = :org AND r.person = :person
            AND r.read_at IS NOT NULL) IS NOT TRUE)
"""
_SINCE = "(SELECT h.at FROM happenings h WHERE h.event_id = m.event_id) >= :since"

_ITEMS = f"""
SELECT m.message_id, m.event_id, h.event_type, h.at, m.problem_id, m.purpose, m.information,
       m.role, m.priority, m.position, h.data::text AS data,
       m.state = 'CANCELLED' OR coalesce(b.state, '') = 'WITHDRAWN' AS recalled,
       coalesce((SELECT k.read_at FROM read_marks k
                  WHERE k.person = :person AND k.org = :org AND k.message_id = m.message_id),
                (SELECT r.read_at FROM broadcast_recipients r
                  WHERE r.broadcast_id = m.event_id AND r.org = :org AND r.person = :person)
               ) AS read_at,
       coalesce({PLACE}, '') AS place
  FROM (SELECT m.* FROM {{source}} AS m WHERE {{conditions}}
         ORDER BY m.position DESC LIMIT :limit) AS m
  JOIN happenings h USING (event_id)
  LEFT JOIN problems p USING (problem_id)
  LEFT JOIN broadcasts b ON b.broadcast_id = m.event_id
 {PLACE_CODE}
 ORDER BY m.position DESC LIMIT :limit
"""

# Every place of the actor's region that has such a name, or lies in one that has.
_PLACES = """
WITH named AS MATERIALIZED (
  SELECT code FROM regions WHERE code >= :low AND code < :high AND name LIKE :pattern)
SELECT code FROM regions
 WHERE code >= :low AND code < :high
   AND (code IN (SELECT code FROM named) OR left(code, 9) IN (SELECT code FROM named)
        OR left(code, 6) IN (SELECT code FROM named))
"""
_MEANT = """
(m.purpose = ANY(:purposes)
 OR (SELECT p.problem_no LIKE :pattern OR p.kind = ANY(:kinds) OR p.village_code = ANY(:places)
       FROM problems p WHERE p.problem_id = m.problem_id)
 OR m.problem_id IS NULL
    AND (SELECT h.data->>'title' LIKE :pattern OR h.data->>'text' LIKE :pattern
                OR h.data->>'kind' = ANY(:kinds)
                OR coalesce(h.data->>'village_code', h.data->>'region_code') = ANY(:places)
           FROM happenings h WHERE h.event_id = m.event_id))
"""


@dataclass(frozen=True, slots=True)
class InboxFilters:
    """What is asked of an inbox; None: everything."""

    unread: bool | None = None
    purpose: Purpose | None = None
    word: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A message of an inbox with the event it tells of, and when the reader read it."""

    message_id: UUID
    event_id: UUID
    event_type: str
    at: datetime
    problem_id: UUID | None
    purpose: str
    information: bool
    role: str | None
    priority: int
    position: int
    data: dict[str, Any]
    recalled: bool
    read_at: datetime | None
    place: str


def scope_of(actor: Actor) -> str:
    """The condition on a message `m` under which it stands in the actor's inbox (X-05)."""
    return _SHOWN if actor.has(*READERS) else f"{_SHOWN} AND {_ADDRESSED}"


def unread_of(actor: Actor) -> str:
    """The messages `m` that the actor has not read, from FROM on."""
    return f"FROM {_recent(actor)} AS m WHERE {scope_of(actor)} AND {_UNREAD}"


def reader_of(actor: Actor) -> dict[str, Any]:
    """The parameters of every condition about the actor."""
    return {"org": actor.organisation, "person": actor.person}


async def list_inbox(
    session: ReadSession, actor: Actor, filters: InboxFilters, reach: int, page: PageRequest
) -> Sequence[InboxRow]:
    """A page of the actor's inbox, newest first."""
    meaning, places = None, list[str]()
    if filters.word is not None:
        meaning = meaning_of(filters.word)
        places = await _places(session, actor, meaning.pattern)
    statement, values = page_statement(actor, filters, meaning, places, reach, page)
    rows = await session.execute(text(statement), values)
    return [InboxRow(**{**row, "data": json.loads(row["data"])}) for row in rows.mappings()]


def page_statement(
    actor: Actor,
    filters: InboxFilters,
    meaning: Meaning | None,
    places: Sequence[str],
    reach: int,
    page: PageRequest,
) -> tuple[str, dict[str, Any]]:
    """The statement that reads a page of an inbox, and its parameters; `meaning` and `places` are
    those of the word looked for."""
    conditions, values = _conditions(actor, filters, page)
    if meaning is not None:
        conditions.append(_MEANT)
        values |= {"pattern": meaning.pattern, "kinds": meaning.kinds, "places": list(places)}
        values["purposes"] = meaning.purposes
    source = "messages"
    if filters != InboxFilters():
        source = _recent(actor)
        values["reach"] = reach
    return _ITEMS.format(source=source, conditions=" AND ".join(conditions)), values


async def count_unread(session: ReadSession, actor: Actor, reach: int) -> dict[Purpose, int]:
    """How many of the newest `reach` messages the actor has not read, by purpose."""
    statement = text(f"SELECT m.purpose, count(*) {unread_of(actor)} GROUP BY 1 ORDER BY 1")
    rows = await session.execute(statement, reader_of(actor) | {"reach": reach})
    return {Purpose(purpose): count for purpose, count in rows}


def _recent(actor: Actor) -> str:
    """The messages among which is looked for the actor's: letters to one person are few."""
    return _NEWEST if actor.has(*READERS) else "messages"


def _conditions(
    actor: Actor, filters: InboxFilters, page: PageRequest
) -> tuple[list[str], dict[str, Any]]:
    """The conditions on a message `m` that hold whatever a word means, and their parameters."""
    conditions = [scope_of(actor)]
    values = reader_of(actor) | {"limit": page.limit + 1}
    if filters.unread is not None:
        conditions.append(_UNREAD if filters.unread else f"NOT ({_UNREAD})")
    if filters.purpose is not None:
        conditions.append("m.purpose = :purpose")
        values["purpose"] = filters.purpose.value
    if filters.since is not None:
        conditions.append(_SINCE)
        values["since"] = filters.since
    key = page.key(int)
    if key is not None:
        conditions.append("m.position < :position")
        values["position"] = key[0]
    return conditions, values


async def _places(session: ReadSession, actor: Actor, pattern: str) -> list[str]:
    """The codes of `_PLACES`, asked for once and not per message."""
    low, high = prefix_range(actor.region)
    rows = await session.scalars(text(_PLACES), {"low": low, "high": high, "pattern": pattern})
    return list(rows)
