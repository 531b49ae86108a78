"""Subjects with deadlines for the timer tests: duties fall overdue unless they are rectified."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from shared.database import Database, Session
from shared.ids import new_id
from shared.timers import (
    TIMERS_DDL,
    DueTimer,
    NewTimer,
    Scheduler,
    TimerKind,
    Watchdog,
    arm,
    arm_many,
    cancel,
)

SUBJECT = "duty"
LEVELS = ("overdue_1", "overdue_2", "overdue_3")
REMINDER = "reminder"

# `history` has no unique key on purpose: what happened twice must show.
DUTIES_DDL = f"""{TIMERS_DDL}
CREATE TABLE duty (id uuid PRIMARY KEY, state text NOT NULL DEFAULT 'open');
CREATE TABLE history (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  duty_id uuid NOT NULL, what text NOT NULL
);
"""


async def new_duties(
    database: Database, number: int, dues: dict[str, datetime] | None = None
) -> list[UUID]:
    """So many open duties, each with a timer of every kind given."""
    ids = [new_id() for _ in range(number)]
    timers = [
        NewTimer(SUBJECT, duty, kind, due_at)
        for duty in ids
        for kind, due_at in (dues or {}).items()
    ]
    async with database.driver_transaction() as connection:
        await connection.execute("INSERT INTO duty (id) SELECT unnest($1::uuid[])", ids)
        await arm_many(connection, timers)
    return ids


async def lock(session: Session, ids: Sequence[UUID]) -> Collection[UUID]:
    """Lock duties."""
    connection = await session.driver()
    rows = await connection.fetch(
        "SELECT id FROM duty WHERE id = ANY($1) ORDER BY id FOR UPDATE", list(ids)
    )
    return [row["id"] for row in rows]


async def note(session: Session, duties: Sequence[UUID], what: str) -> None:
    """Write down what happened to duties."""
    connection = await session.driver()
    await connection.execute(
        "INSERT INTO history (duty_id, what) SELECT unnest($1::uuid[]), $2", list(duties), what
    )


async def fall_due(session: Session, due: Sequence[DueTimer]) -> None:
    """Raise the level of those that are still open."""
    connection = await session.driver()
    rows = await connection.fetch(
        "SELECT id FROM duty WHERE state = 'open' AND id = ANY($1)", [t.subject_id for t in due]
    )
    await note(session, [row["id"] for row in rows], due[0].kind)


async def remind(session: Session, due: Sequence[DueTimer]) -> None:
    """Remind once, however many were missed, and arm the next after now."""
    connection = await session.driver()
    now: datetime = await connection.fetchval("SELECT max(fired_at) FROM timer")
    await note(session, [timer.subject_id for timer in due], REMINDER)
    for timer in due:
        days = (now - timer.due_at) // timedelta(days=1) + 1
        again = timer.due_at + timedelta(days=days)
        await arm(session, NewTimer(SUBJECT, timer.subject_id, REMINDER, again))


async def rectify(database: Database, duty: UUID) -> None:
    """Close a duty as a command would: the subject locked first, its timers second."""
    async with database.transaction() as session:
        await lock(session, [duty])
        connection = await session.driver()
        await connection.execute("UPDATE duty SET state = 'rectified' WHERE id = $1", duty)
        await cancel(session, SUBJECT, [duty])
        await note(session, [duty], "rectified")


async def find_unguarded(session: Session) -> Sequence[NewTimer]:
    """Open duties whose first deadline is neither armed nor past."""
    connection = await session.driver()
    rows = await connection.fetch(
        """SELECT id, now() + interval '1 day' AS due FROM duty d
            WHERE state = 'open' AND NOT EXISTS (
                  SELECT FROM timer t WHERE t.subject_id = d.id AND t.state <> 'cancelled')"""
    )
    return [NewTimer(SUBJECT, row["id"], LEVELS[0], row["due"]) for row in rows]


def scheduler(database: Database, *, watched: bool = True) -> Scheduler:
    """A scheduler of duties."""
    kinds = [TimerKind(SUBJECT, level, lock, fall_due) for level in LEVELS]
    kinds.append(TimerKind(SUBJECT, REMINDER, lock, remind))
    return Scheduler(database, kinds, watchdog=Watchdog(find_unguarded) if watched else None)


async def histories(database: Database) -> dict[UUID, list[str]]:
    """What happened to each duty, in order."""
    async with database.statement() as connection:
        rows = await connection.fetch("SELECT duty_id, what FROM history ORDER BY position")
    found: dict[UUID, list[str]] = {}
    for duty, what in rows:
        found.setdefault(duty, []).append(what)
    return found
