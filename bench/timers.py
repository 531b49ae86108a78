"""What 1,000 due timers cost among a million armed ones, beside the same among ten thousand."""

import time
from collections.abc import Collection, Sequence
from datetime import timedelta
from statistics import median
from uuid import UUID

from bench.databases import opened, patient
from bench.rounds import Figure, alternate
from bench.stack import Bench
from shared.database import Database, Session
from shared.timers import DueTimer, Scheduler, TimerKind

DUE = 1_000
FEW = 10_000
GOAL = 1.5

# One a second, the first of them `$2` from now.
ARM = """
INSERT INTO timer (subject_type, subject_id, kind, due_at)
SELECT 'problem', uuidv7(), 'overdue_1', now() + $2::interval + n * interval '1 second'
  FROM generate_series(1, $1) AS n
"""


async def measure(bench: Bench) -> list[Figure]:
    """Milliseconds of the tick that fires what is due."""
    many = bench.options.sized(1_000_000, 100_000)
    async with (
        opened(await bench.database("inspection"), "inspection") as small,
        opened(await bench.database("inspection"), "inspection") as large,
    ):
        await _arm(small, FEW, timedelta(hours=1))
        await _arm(large, many, timedelta(hours=1))
        times = await alternate(
            {"floor": lambda: _tick(small), "project": lambda: _tick(large)}, bench.options.rounds
        )
    name = f"{DUE:,} due timers among {many:,} ÷ {FEW:,}"
    return [Figure(name, "ms", median(times["floor"]), median(times["project"]), GOAL)]


async def _arm(database: Database, count: int, due_in: timedelta) -> None:
    async with patient(database) as connection:
        await connection.execute(ARM, count, due_in)
        await connection.execute("VACUUM (ANALYZE) timer")


async def _tick(database: Database) -> float:
    """Arm what is due and fire it; the milliseconds of firing alone."""
    await _arm(database, DUE, -timedelta(hours=2))
    scheduler = Scheduler(database, [TimerKind("problem", "overdue_1", _lock, _fire)])
    began = time.perf_counter()
    fired = await scheduler.tick()
    seconds = time.perf_counter() - began
    assert fired == DUE
    return seconds * 1000


async def _lock(_session: Session, subjects: Sequence[UUID]) -> Collection[UUID]:
    return subjects


async def _fire(_session: Session, _due: Sequence[DueTimer]) -> None:
    """Nothing: what a deadline sets off is another figure."""
