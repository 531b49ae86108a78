"""Deadlines that survive restarts: armed in the subject's transaction, fired exactly once.

Lock order everywhere: the subject first, its timer second.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from shared import clock, telemetry
from shared.database import Connection, Database, Session
from shared.ids import new_id
from shared.messaging import metrics
from shared.messaging.failures import describe, is_passing
from shared.messaging.rounds import groups_in_order
from shared.messaging.running import pause, run_until_stopped

log = structlog.get_logger()

TIMERS_DDL = """
CREATE TABLE timer (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subject_type text NOT NULL,
  subject_id   uuid NOT NULL,
  kind         text NOT NULL,
  -- +1 each time the deadline is moved
  generation   int NOT NULL DEFAULT 1,
  due_at       timestamptz NOT NULL CHECK (isfinite(due_at)),
  simulated    boolean NOT NULL DEFAULT false,
  state        text NOT NULL DEFAULT 'armed' CHECK (state IN ('armed', 'fired', 'cancelled')),
  fired_at     timestamptz,
  late_by      interval,
  UNIQUE (subject_type, subject_id, kind, generation)
);
CREATE INDEX timer_due ON timer (due_at, id) WHERE state = 'armed';

CREATE TABLE clock_guard (
  one       boolean PRIMARY KEY DEFAULT true CHECK (one),
  last_seen timestamptz NOT NULL,
  -- Set when the clock jumped; nothing fires until a person confirms the clock.
  paused_at timestamptz
);
"""

BATCH_TIMERS = 200
CLOCK_TOLERANCE_SECONDS = 60.0
WATCHDOG_SECONDS = 60.0
RETRY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class NewTimer:
    """A timer to be armed; the fields are the columns of `TIMER_COLUMNS`, in their order."""

    subject_type: str
    subject_id: UUID
    kind: str
    due_at: datetime
    simulated: bool = field(default_factory=clock.is_simulated)


TIMER_COLUMNS = tuple(column.name for column in fields(NewTimer))


@dataclass(frozen=True, slots=True)
class DueTimer:
    """A timer that has been claimed: it is fired by the transaction in hand and by no other."""

    id: int
    subject_type: str
    subject_id: UUID
    kind: str
    generation: int
    due_at: datetime
    simulated: bool


@dataclass(frozen=True, slots=True)
class TimerKind:
    """What happens when timers of one kind fall due.

    `lock(session, ids)` locks the subjects FOR UPDATE, in the order of their ids, waiting for them,
    and answers the ids that exist; the timers of the others are cancelled. `fire(session, due)`
    then gets at most one timer per subject and must itself see whether the subject still minds.
    """

    subject_type: str
    kind: str
    lock: Callable[[Session, Sequence[UUID]], Awaitable[Collection[UUID]]]
    fire: Callable[[Session, Sequence[DueTimer]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Watchdog:
    """`find_unguarded` answers the timers that ought to be armed and are not."""

    find_unguarded: Callable[[Session], Awaitable[Sequence[NewTimer]]]


def arm_unnest_sql(first: int = 1) -> str:
    """An INSERT of any number of timers whose five array parameters start at `$first`.

    Each becomes the next generation of its subject and kind. It can be a part of a larger
    data-modifying statement that creates the subjects.
    """
    types = ("text[]", "uuid[]", "text[]", "timestamptz[]", "boolean[]")
    arrays = ", ".join(f"${first + place}::{kind}" for place, kind in enumerate(types))
    columns = ", ".join(TIMER_COLUMNS)
    return f"""
        INSERT INTO timer ({columns}, generation)
        SELECT {columns},
               1 + coalesce((SELECT max(o.generation) FROM timer o
                              WHERE o.subject_type = n.subject_type
                                AND o.subject_id = n.subject_id AND o.kind = n.kind), 0)
          FROM unnest({arrays}) AS n({columns})
        ON CONFLICT DO NOTHING
    """


def columns_of(timers: Sequence[NewTimer]) -> list[list[Any]]:
    """The five array parameters of `arm_unnest_sql`."""
    return [[getattr(timer, column) for timer in timers] for column in TIMER_COLUMNS]


async def arm_many(connection: Connection, timers: Sequence[NewTimer]) -> None:
    """Arm timers of subjects that are new in this transaction."""
    await connection.execute(arm_unnest_sql(), *columns_of(timers))


async def arm(session: Session, *timers: NewTimer) -> None:
    """Arm timers of subjects locked in this transaction; each replaces an armed one of its kind."""
    if not timers:
        return
    connection = await session.driver()
    subjects = [(timer.subject_type, timer.subject_id, timer.kind) for timer in timers]
    await connection.execute(_CANCEL, *map(list, zip(*subjects, strict=True)))
    await arm_many(connection, timers)


async def cancel(
    session: Session,
    subject_type: str,
    subject_ids: Sequence[UUID],
    kinds: Sequence[str] | None = None,
) -> None:
    """Cancel the armed timers (of `kinds`, or all) of subjects locked in this transaction."""
    connection = await session.driver()
    await connection.execute(
        """
        UPDATE timer SET state = 'cancelled'
         WHERE state = 'armed' AND subject_type = $1 AND subject_id = ANY($2)
           AND ($3::text[] IS NULL OR kind = ANY($3))
        """,
        subject_type,
        list(subject_ids),
        None if kinds is None else list(kinds),
    )


async def confirm_clock(session: Session) -> None:
    """A person has seen that the clock is right: firing goes on with the next tick."""
    await (await session.driver()).execute("UPDATE clock_guard SET paused_at = NULL")


_CANCEL = """
UPDATE timer t SET state = 'cancelled'
  FROM unnest($1::text[], $2::uuid[], $3::text[]) AS n(subject_type, subject_id, kind)
 WHERE t.state = 'armed' AND t.subject_type = n.subject_type AND t.subject_id = n.subject_id
   AND t.kind = n.kind
"""
_SEE_CLOCK = """
INSERT INTO clock_guard (last_seen) VALUES (clock_timestamp())
ON CONFLICT (one) DO UPDATE SET last_seen = EXCLUDED.last_seen
RETURNING last_seen, paused_at
"""
_DUE = """
SELECT id, subject_type, subject_id, kind, generation, due_at, simulated FROM timer
 WHERE state = 'armed' AND due_at <= $1
   AND (subject_type, kind) IN (SELECT * FROM unnest($2::text[], $3::text[]))
   AND ($4 OR NOT simulated) AND subject_id <> ALL($5)
 ORDER BY due_at, id LIMIT $6
"""
# Whoever holds a timer's row, or has changed its state, is another scheduler that fires it.
_CLAIM = """
WITH mine AS (
  SELECT id FROM timer WHERE id = ANY($1) AND state = 'armed' AND due_at <= $2
   ORDER BY id FOR UPDATE SKIP LOCKED)
UPDATE timer t
   SET state = CASE WHEN t.subject_id = ANY($3) THEN 'fired' ELSE 'cancelled' END,
       fired_at = CASE WHEN t.subject_id = ANY($3) THEN $2 END, late_by = $2 - t.due_at
  FROM mine WHERE t.id = mine.id RETURNING t.id
"""


def _elapsed_seconds() -> float:
    # Where the system has it, the clock that also runs while the machine sleeps: waking up in the
    # morning is no jump.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Scheduler:
    """Fires the due timers of a service; any number of processes may run one.

    `now` is the database's clock in production, and an argument of `tick` where a run is asked for
    an instant. When the database's clock and the time that has passed differ by more than a minute
    firing pauses until `confirm_clock`; a restart, however late, is no jump.
    """

    def __init__(
        self,
        database: Database,
        kinds: Sequence[TimerKind],
        *,
        poll_seconds: float = 1.0,
        watchdog: Watchdog | None = None,
        elapsed_seconds: Callable[[], float] = _elapsed_seconds,
    ) -> None:
        self._database = database
        self._kinds = {(kind.subject_type, kind.kind): kind for kind in kinds}
        self._poll_seconds = poll_seconds
        self._watchdog = watchdog
        self._elapsed_seconds = elapsed_seconds
        self._seen: tuple[datetime, float] | None = None
        self._next_watch = 0.0
        # Subjects whose timers failed, and when to try again: until then the others go on.
        self._failing: dict[UUID, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Fire by the database's clock until `stop` is set."""
        await run_until_stopped(self._run(stop), stop)

    async def _run(self, stop: asyncio.Event) -> None:
        self._next_watch = time.monotonic() + WATCHDOG_SECONDS
        while not stop.is_set():
            try:
                await self.tick()
                if time.monotonic() >= self._next_watch:
                    self._next_watch = time.monotonic() + WATCHDOG_SECONDS
                    await self.watch()
            except Exception as error:  # noqa: BLE001 - what is due stays due
                log.warning("timers interrupted", cause=describe(error))
            await pause(stop, self._poll_seconds)

    async def tick(
        self,
        now: datetime | None = None,
        *,
        include_simulated: bool = False,
        kinds: Collection[str] | None = None,
    ) -> int:
        """Fire what is due (of `kinds`, or all) and answer how many timers were fired.

        With `now` the run is for that instant, which is also "now" for what it causes.
        """
        instant = now or await self._trusted_now()
        if instant is None:
            return 0
        wanted = [key for key in self._kinds if kinds is None or key[1] in kinds]
        fired = 0
        with clock.simulate(now):
            while due := await self._due(instant, wanted, include_simulated):
                settled, now_fired = await self._fire_all(due, instant)
                fired += now_fired
                if not settled:
                    break
        return fired

    async def watch(self) -> int:
        """Arm what the watchdog finds unguarded; answers how many timers."""
        if self._watchdog is None:
            return 0
        async with self._database.transaction() as session:
            missing = await self._watchdog.find_unguarded(session)
            if missing:
                await arm_many(await session.driver(), missing)
        for timer in missing:
            metrics.TIMERS_REARMED.labels(timer.kind).inc()
        if missing:
            log.error("subjects without a timer", armed=len(missing))
        return len(missing)

    async def _trusted_now(self) -> datetime | None:
        """The database's clock, None while it waits for a person's confirmation."""
        async with self._database.driver_transaction() as connection:
            row = await connection.fetchrow(_SEE_CLOCK)
            wall, elapsed = row["last_seen"], self._elapsed_seconds()
            paused = row["paused_at"] is not None
            if self._seen is not None and not paused:
                step = (wall - self._seen[0]).total_seconds() - (elapsed - self._seen[1])
                if abs(step) > CLOCK_TOLERANCE_SECONDS:
                    paused = True
                    await connection.execute("UPDATE clock_guard SET paused_at = last_seen")
                    log.error("the clock jumped, timers are paused", seconds=round(step))
        self._seen = wall, elapsed
        metrics.TIMERS_PAUSED.set(paused)
        return None if paused else wall

    async def _due(
        self, instant: datetime, wanted: Sequence[tuple[str, str]], include_simulated: bool
    ) -> list[DueTimer]:
        present = time.monotonic()
        self._failing = {key: again for key, again in self._failing.items() if again > present}
        async with self._database.driver_transaction() as connection:
            rows = await connection.fetch(
                _DUE,
                instant,
                [subject_type for subject_type, _ in wanted],
                [kind for _, kind in wanted],
                include_simulated,
                list(self._failing),
                BATCH_TIMERS,
            )
        return [DueTimer(*row) for row in rows]

    async def _fire_all(self, due: Sequence[DueTimer], instant: datetime) -> tuple[int, int]:
        """Fire in batches that keep each subject's order; answers how many settled and fired."""
        settled = fired = 0
        groups = groups_in_order(
            due,
            lambda timer: (timer.subject_type, timer.subject_id),
            lambda timer: (timer.subject_type, timer.kind),
        )
        for key, group in groups:
            kind = self._kinds[key]
            # A later level must not overtake one that failed.
            timers = [timer for timer in group if timer.subject_id not in self._failing]
            try:
                counts = [await self._fire(kind, timers, instant)]
            except Exception as error:
                if is_passing(error):
                    raise
                counts = [await self._fire_alone(kind, timer, instant) for timer in timers]
            settled += sum(count[0] for count in counts)
            fired += sum(count[1] for count in counts)
        return settled, fired

    async def _fire_alone(
        self, kind: TimerKind, timer: DueTimer, instant: datetime
    ) -> tuple[int, int]:
        try:
            return await self._fire(kind, [timer], instant)
        except Exception as error:
            if is_passing(error):
                raise
            self._failing[timer.subject_id] = time.monotonic() + RETRY_SECONDS
            metrics.TIMERS_FAILED.labels(kind.kind).inc()
            log.error(  # noqa: TRY400 - a traceback's message could hold personal data
                "timer failed", kind=kind.kind, timer=timer.id, error=describe(error)
            )
            return 1, 0

    async def _fire(
        self, kind: TimerKind, timers: Sequence[DueTimer], instant: datetime
    ) -> tuple[int, int]:
        if not timers:
            return 0, 0
        with telemetry.caused_by(str(new_id())):
            async with self._database.transaction() as session:
                ids = sorted({timer.subject_id for timer in timers})
                present = list(await kind.lock(session, ids))
                connection = await session.driver()
                rows = await connection.fetch(
                    _CLAIM, [timer.id for timer in timers], instant, present
                )
                claimed, known = {row["id"] for row in rows}, set(present)
                mine = [t for t in timers if t.id in claimed and t.subject_id in known]
                if mine:
                    await kind.fire(session, mine)
        metrics.TIMERS_FIRED.labels(kind.kind).inc(len(mine))
        return len(claimed), len(mine)
