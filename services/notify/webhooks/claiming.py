"""The statements of the sender: taking lanes, claiming what is due, recording what came of it.

A lane belongs to one process by a lease. Deliveries stay PENDING until their attempt is recorded,
so what a process had under way when it died is sent again by the next one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from services.notify.webhooks.domain import DeliveryState, Health
from shared.database import Connection

LEASE_SECONDS = 15.0
RENEW_SECONDS = 10.0
# Whoever holds the connection of this name is alive; the holder of a lost one is not waited for.
SIGN_OF_LIFE = "webhooks "

_IS_FREE = f"""
(l.holder IS NULL OR l.leased_until < clock_timestamp()
 OR NOT EXISTS (SELECT FROM pg_stat_activity
                 WHERE application_name = '{SIGN_OF_LIFE}' || l.holder))
"""
# The LIMIT 1 keeps the planner from reading a lane of any length.
_TAKE = f"""
WITH wanting AS (
  SELECT s.subscription_id FROM subscriptions s LEFT JOIN webhook_lanes l USING (subscription_id)
   WHERE s.channel = 'WEBHOOK' AND s.state = 'ACTIVE' AND {_IS_FREE}
     AND (l.not_before IS NULL OR l.not_before <= $2)
     AND (SELECT true FROM deliveries d
           WHERE d.subscription_id = s.subscription_id AND d.state = 'PENDING' AND d.next_at <= $2
           LIMIT 1) IS TRUE
   ORDER BY s.subscription_id)
INSERT INTO webhook_lanes AS l (subscription_id, holder, leased_until)
SELECT subscription_id, $1, clock_timestamp() + make_interval(secs => {LEASE_SECONDS}) FROM wanting
ON CONFLICT (subscription_id) DO UPDATE
   SET holder = EXCLUDED.holder, leased_until = EXCLUDED.leased_until WHERE {_IS_FREE}
"""
_RENEW = f"""
UPDATE webhook_lanes
   SET leased_until = clock_timestamp() + make_interval(secs => {LEASE_SECONDS})
 WHERE holder = $1 AND leased_until > clock_timestamp()
   AND leased_until < clock_timestamp() + make_interval(secs => {RENEW_SECONDS})
"""
_HELD = """
SELECT l.subscription_id, s.org, s.target, s.state,
       extract(epoch FROM l.leased_until - clock_timestamp())::float8 AS seconds_left,
       l.failures, l.failing_since, l.probes, l.not_before,
       ARRAY(SELECT row(w.secret_id, w.sealed, w.expires_at) FROM webhook_secrets w
              WHERE w.subscription_id = l.subscription_id
                AND (w.expires_at IS NULL OR w.expires_at > $2)
              ORDER BY w.created_at DESC, w.secret_id DESC) AS secrets
  FROM webhook_lanes l JOIN subscriptions s USING (subscription_id)
 WHERE l.holder = $1 AND l.leased_until > clock_timestamp()
"""
_RELEASE = """
UPDATE webhook_lanes SET holder = NULL, leased_until = NULL
 WHERE holder = $1 AND subscription_id = ANY($2)
"""
# Of one problem only the earliest that is pending: the next one waits for what becomes of it.
_CLAIM = """
SELECT l.subscription_id, d.position, d.attempts, d.event_id, d.problem_id, h.event_type, h.at,
       h.data
  FROM unnest($1::uuid[], $2::int[]) AS l(subscription_id, wanted)
  JOIN subscriptions s ON s.subscription_id = l.subscription_id AND s.state = 'ACTIVE'
 CROSS JOIN LATERAL (
   SELECT d.position, d.attempts, d.event_id, d.problem_id, d.next_at FROM deliveries d
    WHERE d.subscription_id = l.subscription_id AND d.state = 'PENDING' AND d.next_at <= $3
      AND (SELECT true FROM deliveries e
            WHERE e.subscription_id = d.subscription_id AND e.problem_id = d.problem_id
              AND e.position < d.position AND e.state = 'PENDING' LIMIT 1) IS NOT TRUE
    ORDER BY d.next_at, d.position LIMIT l.wanted) AS d
  JOIN happenings h USING (event_id)
 ORDER BY d.next_at, d.position
"""
# What was replayed, or sent by another process, in the meantime is left as it is.
_RECORD = """
WITH result AS (
  SELECT * FROM unnest($2::uuid[], $3::bigint[], $4::int[], $5::text[], $6::timestamptz[],
                       $7::timestamptz[], $8::smallint[], $9::text[], $10::int[], $11::text[])
    AS r(subscription_id, position, attempt, state, next_at, at, status, error, duration_ms,
         excerpt)),
logged AS (
  INSERT INTO webhook_attempts (subscription_id, position, attempt, at, status, error, duration_ms,
                                excerpt)
  SELECT subscription_id, position, attempt, at, status, error, duration_ms, excerpt FROM result),
health AS (
  UPDATE webhook_lanes l
     SET failures = h.failures, failing_since = h.failing_since, probes = h.probes,
         not_before = h.not_before
    FROM unnest($12::uuid[], $13::int[], $14::timestamptz[], $15::int[], $16::timestamptz[])
         AS h(subscription_id, failures, failing_since, probes, not_before)
   WHERE l.subscription_id = h.subscription_id AND l.holder = $1)
UPDATE deliveries d
   SET state = r.state, attempts = r.attempt, next_at = r.next_at,
       settled_at = CASE WHEN r.state <> 'PENDING' THEN r.at END
  FROM result r
 WHERE d.subscription_id = r.subscription_id AND d.position = r.position
   AND d.state = 'PENDING' AND d.attempts = r.attempt - 1
"""
_FAILING = """
SELECT l.subscription_id, s.org, s.changed_at, l.failures, l.failing_since, l.probes, l.not_before
  FROM webhook_lanes l JOIN subscriptions s USING (subscription_id)
 WHERE l.failures > 0 AND s.state = 'ACTIVE'
"""


# The secrets in force, the newest first: id, sealed value, until when it signs.
Sealed: TypeAlias = tuple[tuple[UUID, str, datetime | None], ...]


@dataclass(frozen=True, slots=True)
class HeldLane:
    """A lane of this process."""

    subscription_id: UUID
    org: str
    target: str | None
    is_active: bool
    seconds_left: float
    health: Health
    sealed: Sealed


@dataclass(frozen=True, slots=True)
class FailingLane:
    """A lane whose endpoint has not succeeded since its first failure."""

    subscription_id: UUID
    org: str
    active_since: datetime
    health: Health


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery to be sent; `data` is the event's data as JSON."""

    subscription_id: UUID
    position: int
    attempts: int
    event_id: UUID
    problem_id: UUID | None
    event_type: str
    at: datetime
    data: str


class Result(NamedTuple):
    """What came of an attempt; the fields are the parameters of its record, in their order."""

    subscription_id: UUID
    position: int
    attempt: int
    state: DeliveryState
    next_at: datetime | None
    at: datetime
    status: int | None
    error: str | None
    duration_ms: int
    excerpt: str | None


async def introduce(connection: Connection, holder: UUID) -> None:
    """Make `connection` the sign of life of `holder`."""
    await connection.execute(
        "SELECT set_config('application_name', $1, false)", f"{SIGN_OF_LIFE}{holder}"
    )


async def take_lanes(connection: Connection, holder: UUID, now: datetime) -> list[HeldLane]:
    """Take every free lane that has something due, renew the others; all that are held now."""
    await connection.execute(_TAKE, holder, now)
    await connection.execute(_RENEW, holder)
    return [
        HeldLane(
            row["subscription_id"],
            row["org"],
            row["target"],
            row["state"] == "ACTIVE",
            row["seconds_left"],
            _health_of(row),
            tuple(tuple(secret) for secret in row["secrets"]),
        )
        for row in await connection.fetch(_HELD, holder, now)
    ]


async def claim_due(
    connection: Connection, wanted: Mapping[UUID, int], now: datetime
) -> dict[UUID, list[Due]]:
    """Up to so many deliveries of each lane, those that have waited longest first."""
    found: dict[UUID, list[Due]] = {lane: [] for lane in wanted}
    if wanted:
        for row in await connection.fetch(_CLAIM, list(wanted), list(wanted.values()), now):
            found[row["subscription_id"]].append(Due(*row))
    return found


async def record_results(
    connection: Connection,
    holder: UUID,
    results: Sequence[Result],
    healths: Mapping[UUID, Health],
) -> None:
    """Record what came of attempts and how their endpoints are doing, in one statement."""
    columns = zip(*results, strict=True)
    changed = zip(*((lane, *astuple(health)) for lane, health in healths.items()), strict=True)
    await connection.execute(
        _RECORD,
        holder,
        *([list(column) for column in columns] or [[]] * 10),
        *([list(column) for column in changed] or [[]] * 5),
    )


async def release_lanes(connection: Connection, holder: UUID, lanes: Sequence[UUID]) -> None:
    """Let other processes have these lanes."""
    await connection.execute(_RELEASE, holder, lanes)


async def failing_lanes(connection: Connection) -> list[FailingLane]:
    """The active lanes that do not get anything through, whoever holds them."""
    return [
        FailingLane(row["subscription_id"], row["org"], row["changed_at"], _health_of(row))
        for row in await connection.fetch(_FAILING)
    ]


def _health_of(row: Any) -> Health:
    return Health(row["failures"], row["failing_since"], row["probes"], row["not_before"])
