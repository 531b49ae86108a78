"""What can be done with sendings: claim whose turn it is, settle, retry, forget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from services.notify.contacts.domain import Action, Channel, ContactState, State, next_state
from services.notify.contacts.tables import Contact, Sending
from services.notify.minutes import of_last_minute
from services.notify.sendings.domain import Reason, TooManyTexts, WorkingHours
from services.notify.sendings.queries import ListedSending, get_sending_for_update
from shared import clock
from shared.audit import record_audit
from shared.configuration import Setting, configuration_of
from shared.database import Connection, Database, Session, delete_in_chunks
from shared.errors import IllegalMove
from shared.security import Actor

LEASE_SECONDS = 120
SEND_SECONDS = 65.0  # the longest that one request may take; more than any provider is waited for


def _open_before_closed(hours: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= hours[0] < hours[1] <= 24:
        raise ValueError("hours of a day, the first before the second")
    return hours


_Hours = Annotated[tuple[int, int], AfterValidator(_open_before_closed)]
_Minutes = Annotated[tuple[Annotated[int, Field(ge=1, le=10_080)], ...], Field(max_length=20)]

SENDING_HOURS = Setting("sending_hours", (8, 21), _Hours, rule="N-03")
SENDING_RETRY_MINUTES = Setting("sending_retry_minutes", (1, 5, 30, 120), _Minutes, rule="N-10")
_Days = Annotated[int, Field(ge=1, le=3650)]
SENDING_STALE_DAYS = Setting("sending_stale_days", 7, _Days, rule="N-10")
SENDING_KEPT_DAYS = Setting("sending_kept_days", 180, _Days, rule="N-12")
# No fewer than the longest text has pieces.
_Rate = Annotated[int, Field(ge=5, le=10_000)]
WECOM_PER_MINUTE = Setting("wecom_per_minute", 20, _Rate, rule="N-02")
DINGTALK_PER_MINUTE = Setting("dingtalk_per_minute", 20, _Rate, rule="N-02")
FEISHU_PER_MINUTE = Setting("feishu_per_minute", 100, _Rate, rule="N-02")
PER_MINUTE: Mapping[Channel, Setting[int]] = {
    Channel.WECOM: WECOM_PER_MINUTE,
    Channel.DINGTALK: DINGTALK_PER_MINUTE,
    Channel.FEISHU: FEISHU_PER_MINUTE,
}

# A lane is a row in sending_lanes: taken, or at rest after a provider's limit, until `busy_until`;
# `sent_at` are the requests of the last minute. Providers limit a robot, so its contacts share one
# lane; every other contact has its own. Of each channel as many lanes are claimed as it has room
# for, each for that of its contacts whose turn it is. Who holds a lane alone serves it; should he
# die, it is free again when its lease is over.
_CLAIM = f"""
WITH due AS (
  SELECT contact_id, max(priority) AS priority, min(next_at) AS next_at FROM sendings
   WHERE state = 'PENDING' AND next_at <= $1 AND (NOT simulated OR $2) GROUP BY 1),
first AS (
  SELECT DISTINCT ON (lane_id) coalesce(c.robot, c.contact_id) AS lane_id, c.channel, d.*
    FROM due d JOIN contacts c USING (contact_id)
    LEFT JOIN sending_lanes l ON l.lane_id = coalesce(c.robot, c.contact_id)
   WHERE l.busy_until IS NULL OR l.busy_until <= $1
   ORDER BY lane_id, d.priority DESC, d.next_at, d.contact_id),
ranked AS (
  SELECT lane_id, contact_id, channel,
         row_number() OVER (PARTITION BY channel
                            ORDER BY priority DESC, next_at, contact_id) AS place
    FROM first),
chosen AS (
  SELECT r.lane_id, r.contact_id, r.channel
    FROM ranked r JOIN unnest($3::text[], $4::int[]) AS f(channel, free)
      ON f.channel = r.channel AND r.place <= f.free),
taken AS (
  INSERT INTO sending_lanes AS l (lane_id, busy_until)
  SELECT lane_id, $5 FROM chosen ORDER BY 1
  ON CONFLICT (lane_id) DO UPDATE SET busy_until = EXCLUDED.busy_until
   WHERE l.busy_until IS NULL OR l.busy_until <= $1
  RETURNING l.lane_id, {of_last_minute("l.sent_at", "$1::timestamptz")} AS sent_at)
SELECT lane_id, contact_id, channel, sent_at FROM taken JOIN chosen USING (lane_id)
"""
_SETTLE = """
WITH settled AS (
UPDATE sendings s
   SET state = r.state,
       reason = CASE WHEN r.state = 'PENDING' THEN coalesce(r.reason, s.reason) ELSE r.reason END,
       attempts = s.attempts + r.tried,
       next_at = coalesce(r.next_at, s.next_at), sent_at = r.sent_at, kept = r.kept
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::timestamptz[],
              $6::timestamptz[], $7::text[])
       AS r(sending_id, state, reason, tried, next_at, sent_at, kept)
 WHERE s.sending_id = r.sending_id AND s.state = 'PENDING')
UPDATE sending_lanes SET busy_until = $9, sent_at = $10 WHERE lane_id = $8
"""
# A request outside a turn counts like any other. Without room for it nothing is changed, nor while
# a turn, which counts for itself, is under way.
_LATELY = of_last_minute("l.sent_at", "$2::timestamptz")
_NOTE_REQUEST = f"""
INSERT INTO sending_lanes AS l (lane_id, sent_at) VALUES ($1, ARRAY[$2::timestamptz])
ON CONFLICT (lane_id) DO UPDATE SET sent_at = array_append({_LATELY}, $2)
 WHERE (l.busy_until IS NULL OR l.busy_until <= $2) AND cardinality({_LATELY}) < $3
RETURNING 1
"""
_NEXT_REQUEST = f"""
SELECT ceil(extract(epoch FROM CASE
         WHEN l.busy_until > $2 THEN l.busy_until
         ELSE ({_LATELY})[cardinality({_LATELY}) - $3 + 1] + interval '1 minute'
       END - $2))::int
  FROM sending_lanes l WHERE lane_id = $1
"""
_SKIP_SIMULATED = """
UPDATE sendings SET state = 'SKIPPED', reason = $1 WHERE state = 'PENDING' AND simulated
"""
_FORGET = """
DELETE FROM sendings WHERE sending_id IN (
  SELECT sending_id FROM sendings WHERE state <> 'PENDING' AND created_at < $1 LIMIT $2)
RETURNING 1
"""


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane with the contact whose turn it is, and when requests were made on it lately."""

    lane_id: UUID
    contact_id: UUID
    channel: Channel
    sent_at: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a sending; its fields are those of the statement, in their order."""

    sending_id: UUID
    state: State
    reason: str | None = None
    tried: int = 0
    next_at: datetime | None = None
    sent_at: datetime | None = None
    kept: str | None = None

    @classmethod
    def sent(cls, sending_id: UUID, at: datetime, kept: str | None) -> "Settled":
        """It went out."""
        state = next_state(State.PENDING, Action.SEND)
        return cls(sending_id, state, tried=1, sent_at=at, kept=kept)

    @classmethod
    def skipped(cls, sending_id: UUID, reason: Reason) -> "Settled":
        """It is not sent."""
        return cls(sending_id, next_state(State.PENDING, Action.SKIP), reason)

    @classmethod
    def given_up(cls, sending_id: UUID, reason: str) -> "Settled":
        """It cannot be sent."""
        return cls(sending_id, next_state(State.PENDING, Action.GIVE_UP), reason, tried=1)

    @classmethod
    def later(
        cls, sending_id: UUID, at: datetime, reason: str | None = None, *, tried: int = 0
    ) -> "Settled":
        """It waits on."""
        return cls(sending_id, State.PENDING, reason, tried=tried, next_at=at)


_SETTLED = tuple(field.name for field in fields(Settled))


def hours_of(value: tuple[int, int]) -> WorkingHours:
    """The configured hours."""
    return WorkingHours(*value)


async def claim_lanes(
    connection: Connection,
    now: datetime,
    free: Mapping[Channel, int],
    *,
    include_simulated: bool,
) -> list[Lane]:
    """Take lanes on which something is due, of each channel at most as many as are `free`."""
    rows = await connection.fetch(
        _CLAIM,
        *(now, include_simulated, list(free), list(free.values())),
        now + timedelta(seconds=LEASE_SECONDS),
    )
    return [
        Lane(row["lane_id"], row["contact_id"], Channel(row["channel"]), row["sent_at"])
        for row in rows
    ]


async def settle(
    database: Database,
    lane: Lane,
    settled: Sequence[Settled],
    *,
    busy_until: datetime | None,
    sent_at: Sequence[datetime],
) -> None:
    """Record what became of sendings, and leave the lane, or let it rest until `busy_until`."""
    columns = [[getattr(one, name) for one in settled] for name in _SETTLED]
    async with database.statement() as connection:
        await connection.execute(_SETTLE, *columns, lane.lane_id, busy_until, list(sent_at))


async def retry_sending(session: Session, actor: Actor, sending_id: UUID) -> ListedSending:
    """Try a failed sending again, from the first attempt on.

    Raises `NotFound`, and `IllegalMove` for one that has not failed or whose contact is gone.
    """
    listed = await get_sending_for_update(session, actor, sending_id)
    sending: Sending = listed.sending
    if listed.contact.state != ContactState.ACTIVE:
        raise IllegalMove(state=sending.state, allowed=())
    sending.retry(clock.now())
    await record_audit(session, actor, Action.RETRY, "sending", sending_id)
    return listed


async def note_test(session: Session, actor: Actor, contact: Contact) -> None:
    """Note that a test goes out to a contact now; raises `TooManyTexts`."""
    channel = Channel(contact.channel)
    setting = PER_MINUTE.get(channel, WECOM_PER_MINUTE)
    most = configuration_of(session).value(setting, contact.org.partition("@")[2], clock.today())
    connection = await session.driver()
    request = (contact.lane_id, clock.now(), most)
    if not await connection.fetch(_NOTE_REQUEST, *request):
        raise TooManyTexts(retry_after=max(1, await connection.fetchval(_NEXT_REQUEST, *request)))
    await record_audit(session, actor, "TEST", "contact", contact.contact_id)


async def count_pending(database: Database) -> int:
    """How many sendings wait."""
    async with database.statement() as connection:
        counted: int = await connection.fetchval(
            "SELECT count(*) FROM sendings WHERE state = 'PENDING'"
        )
    return counted


async def skip_simulated(database: Database) -> None:
    """Where time is real, nothing of simulated time goes out any more."""
    async with database.statement() as connection:
        await connection.execute(_SKIP_SIMULATED, Reason.SIMULATED)


async def forget_sendings(database: Database, before: datetime) -> int:
    """Delete what came to its end and was made before an instant; how many."""
    async with database.statement() as connection:
        return await delete_in_chunks(connection, _FORGET, before)
