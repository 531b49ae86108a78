"""Reading what streams send: a subscription, and the frames of what it recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import asyncpg

from services.notify.feeds.domain import Channel, State, mandatory_id
from services.notify.streams.domain import NotAStream, StreamSuspended, event_frame
from shared.database import Connection
from shared.errors import NotFound

FRAMES_AT_ONCE = 50

_SUBSCRIPTION = """
SELECT channel, state, last_position,
       coalesce((SELECT min(d.position) FROM deliveries d
                  WHERE d.subscription_id = s.subscription_id), last_position + 1) AS oldest
  FROM subscriptions s
 WHERE subscription_id = $1 AND org = $2 AND state <> 'DELETED'
"""

# Thin: what the event is about and where to look; nothing else of its data leaves by a stream.
_FIELDS = (
    "problem_id",
    "problem_no",
    "kind",
    "tier",
    "severity",
    "state",
    "due_on",
    "village_code",
)
_RECORDED = f"""
SELECT w.subscription_id, s.state AS standing, s.last_position,
       r.position, r.event_id, r.event_type, r.at, {", ".join(f"r.{name}" for name in _FIELDS)}
  FROM unnest($1::uuid[], $2::bigint[]) AS w(subscription_id, after)
  LEFT JOIN subscriptions s USING (subscription_id)
  LEFT JOIN LATERAL (
       SELECT d.position, d.event_id, h.event_type, h.at, t.*
         FROM deliveries d JOIN happenings h USING (event_id)
        CROSS JOIN LATERAL json_to_record(h.data)
                           AS t({", ".join(f"{name} text" for name in _FIELDS)})
        WHERE d.subscription_id = w.subscription_id AND d.position > w.after
          AND s.last_position > w.after AND s.state = '{State.ACTIVE}'
        ORDER BY d.position LIMIT {FRAMES_AT_ONCE}) AS r ON true
 ORDER BY 1, r.position
"""


class Standing(NamedTuple):
    """A subscription as a stream begins; `oldest` is the first position still kept."""

    state: State
    last_position: int
    oldest: int


@dataclass(slots=True)
class Recorded:
    """What a subscription has after some position: at most `FRAMES_AT_ONCE` frames, which follow
    one another. Without frames `first` is the position of the next event to come. Of a subscription
    that is not active there are none."""

    state: State
    last_position: int
    first: int
    frames: list[bytes] = field(default_factory=list)

    @property
    def reached(self) -> int:
        """The position of the last frame."""
        return self.first + len(self.frames) - 1


async def get_stream(connection: Connection, subscription_id: UUID, org: str) -> Standing:
    """The standing of a live subscription of channel SSE; raises `NotFound` for one that is not
    the organisation's, `NotAStream` and `StreamSuspended`."""
    row = await connection.fetchrow(_SUBSCRIPTION, subscription_id, org)
    if row is None and subscription_id != mandatory_id(org):
        raise NotFound
    if row is None or row["channel"] != Channel.SSE:
        raise NotAStream
    if row["state"] == State.SUSPENDED:
        raise StreamSuspended
    return Standing(State(row["state"]), row["last_position"], row["oldest"])


async def recorded_after(
    connection: Connection, positions: Mapping[UUID, int]
) -> dict[UUID, Recorded]:
    """What each subscription has recorded after a position, in one snapshot.

    Positions are given under the subscription's row lock, so nothing below one that is seen comes
    later: where one is missing it was kept long enough and deleted.
    """
    rows = await connection.fetch(_RECORDED, list(positions), list(positions.values()))
    found: dict[UUID, Recorded] = {}
    for row in rows:
        recorded = found.get(row["subscription_id"])
        if recorded is None:
            recorded = found[row["subscription_id"]] = _recorded(row)
        if row["position"] == recorded.reached + 1:  # else there is a gap, for the next reading
            recorded.frames.append(_frame(row))
    return found


def _recorded(row: asyncpg.Record) -> Recorded:
    if row["standing"] is None:
        return Recorded(State.DELETED, 0, 1)
    last = row["last_position"]
    return Recorded(State(row["standing"]), last, row["position"] or last + 1)


def _frame(row: asyncpg.Record) -> bytes:
    problem_id = row["problem_id"]
    data = {
        "event_id": str(row["event_id"]),
        "event_type": row["event_type"],
        "at": row["at"].isoformat(),
        **{name: row[name] for name in _FIELDS},
        "link": f"/api/v1/problems/{problem_id}" if problem_id else None,
        "position": row["position"],
    }
    return event_frame(row["position"], row["event_type"], data)
