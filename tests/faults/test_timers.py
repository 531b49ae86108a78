"""B1, B2, B4, B6, B9, B10: deadlines fire at their instant, once, whatever else happens."""

import asyncio
import os
import random
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from shared import clock, timers
from shared.database import Database
from shared.timers import NewTimer, arm_many
from tests.faults.broken import (
    CLAIM_WHATEVER,
    careless_scheduler,
    impatient_scheduler,
    rectify_alone,
)
from tests.faults.conftest import NewToys
from tests.faults.counts import count
from tests.faults.duties import (
    LEVELS,
    REMINDER,
    SUBJECT,
    histories,
    new_duties,
    rectify,
    scheduler,
)
from tests.faults.stage import ROOT

DUE = datetime(2030, 3, 31, 15, 59, 59, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)

# -- B1 ------------------------------------------------------------------------------------------

DUTIES = count(1_000, 1_000)


async def test_a_deadline_fires_at_its_microsecond_and_once(new_toys: NewToys) -> None:
    database = await new_toys()
    duties = await new_duties(database, DUTIES, {LEVELS[0]: DUE})
    timing = scheduler(database)
    assert await timing.tick(DUE - MICROSECOND) == 0
    assert await timing.tick(DUE) == DUTIES
    assert await timing.tick(DUE + 30 * DAY) == 0
    assert await histories(database) == {duty: [LEVELS[0]] for duty in duties}


async def test_control_a_scheduler_that_rounds_the_instant_fires_too_early(
    new_toys: NewToys,
) -> None:
    database = await new_toys()
    await new_duties(database, 10, {LEVELS[0]: DUE})
    with pytest.raises(AssertionError):
        assert await impatient_scheduler(database).tick(DUE - MICROSECOND) == 0


# -- B2 ------------------------------------------------------------------------------------------

MISSED = {LEVELS[0]: DUE, LEVELS[1]: DUE + 3 * DAY, LEVELS[2]: DUE + 7 * DAY, REMINDER: DUE - DAY}


async def test_missed_levels_fire_once_and_in_order_and_missed_reminders_become_one(
    new_toys: NewToys,
) -> None:
    database = await new_toys()
    duties = await new_duties(database, count(300, 2_000), MISSED)
    started = monotonic()
    await scheduler(database).tick(DUE + 10 * DAY)
    assert monotonic() - started <= 60
    found = await histories(database)
    assert found.keys() == set(duties)
    assert {tuple(w for w in what if w != REMINDER) for what in found.values()} == {LEVELS}
    assert {what.count(REMINDER) for what in found.values()} == {1}
    async with database.statement() as connection:
        again = await connection.fetch("SELECT DISTINCT due_at FROM timer WHERE state = 'armed'")
    assert [row["due_at"] for row in again] == [DUE + 11 * DAY]


async def test_control_firing_without_regard_to_the_subject_breaks_the_order(
    new_toys: NewToys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "_DUE", timers._DUE.replace("BY due_at, id", "BY due_at DESC, id"))
    database = await new_toys()
    await new_duties(database, 10, MISSED)
    await scheduler(database).tick(DUE + 10 * DAY)
    found = await histories(database)
    with pytest.raises(AssertionError):
        assert {tuple(w for w in what if w != REMINDER) for what in found.values()} == {LEVELS}


# -- B4 ------------------------------------------------------------------------------------------

AT_ONCE = count(2_000, 10_000)


async def test_two_schedulers_fire_each_timer_once(new_toys: NewToys) -> None:
    database = await new_toys()
    duties = await new_duties(database, AT_ONCE, {LEVELS[0]: DUE})
    fired = await asyncio.gather(*(scheduler(database).tick(DUE) for _ in range(2)))
    assert sum(fired) == AT_ONCE
    assert await histories(database) == {duty: [LEVELS[0]] for duty in duties}


async def test_control_claiming_without_looking_at_the_state_fires_twice(
    new_toys: NewToys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "_CLAIM", CLAIM_WHATEVER)
    database = await new_toys()
    await new_duties(database, 1_000, {LEVELS[0]: DUE})
    fired = await asyncio.gather(*(scheduler(database).tick(DUE) for _ in range(2)))
    with pytest.raises(AssertionError):
        assert sum(fired) == 1_000


# -- B6 ------------------------------------------------------------------------------------------

PAIRS = count(300, 1_000)
LEGAL = (["rectified"], [LEVELS[0], "rectified"])


async def test_a_duty_rectified_at_its_deadline_never_falls_overdue_afterwards(
    new_toys: NewToys, seed: int
) -> None:
    database = await new_toys()
    duties = await new_duties(database, PAIRS, {LEVELS[0]: DUE})
    random.Random(seed).shuffle(duties)
    await asyncio.gather(scheduler(database).tick(DUE), *(rectify(database, d) for d in duties))
    found = await histories(database)
    assert found.keys() == set(duties)
    assert [what for what in found.values() if what not in LEGAL] == []


async def test_control_firing_without_looking_at_the_duty_overtakes_its_rectification(
    new_toys: NewToys, seed: int
) -> None:
    database = await new_toys()
    duties = await new_duties(database, 50, {LEVELS[0]: DUE})
    random.Random(seed).shuffle(duties)
    await asyncio.gather(*(rectify_alone(database, duty) for duty in duties))
    await careless_scheduler(database).tick(DUE)
    with pytest.raises(AssertionError):
        assert [w for w in (await histories(database)).values() if w not in LEGAL] == []


# -- B8, the database's part -----------------------------------------------------------------------


async def arm_by_hand(database: Database, due: str) -> None:
    """Insert a timer past all code."""
    async with database.statement() as connection:
        await connection.execute(
            "INSERT INTO timer (subject_type, subject_id, kind, due_at)"
            f" VALUES ('duty', uuidv7(), 'overdue_1', {due})"
        )


@pytest.mark.parametrize("due", ["'infinity'", "'-infinity'", "NULL"])
async def test_a_timer_needs_a_finite_instant(new_toys: NewToys, due: str) -> None:
    database = await new_toys()
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await arm_by_hand(database, due)


async def test_control_without_the_check_a_deadline_may_never_come(new_toys: NewToys) -> None:
    database = await new_toys()
    async with database.statement() as connection:
        await connection.execute("ALTER TABLE timer DROP CONSTRAINT timer_due_at_check")
    with pytest.raises(pytest.fail.Exception), pytest.raises(asyncpg.PostgresError):
        await arm_by_hand(database, "'infinity'")


# -- B9 ------------------------------------------------------------------------------------------

ZONES = ("UTC", "America/New_York", "Asia/Shanghai")
DAYS = (date(2026, 3, 8), date(2026, 11, 1), date(2026, 12, 31))


def instants(expression: str, zone: str) -> list[str]:
    """What a process in another time zone makes of the days."""
    program = (
        "from datetime import date, datetime, time\nfrom shared import clock\n"
        f"print(*[({expression}).timestamp() for day in {DAYS!r}])"
    ).replace("datetime.date", "date")
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TZ": zone},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_the_end_of_a_day_is_one_instant_in_every_server_zone() -> None:
    found = {zone: instants("clock.end_of_day(day)", zone) for zone in ZONES}
    assert found["UTC"] == [str(clock.end_of_day(day).timestamp()) for day in DAYS]
    assert len(set(map(tuple, found.values()))) == 1


def test_control_the_end_of_a_day_by_the_servers_own_zone_is_another_one() -> None:
    local = "datetime.combine(day, time(23, 59, 59)).astimezone()"
    found = {zone: instants(local, zone) for zone in ZONES}
    with pytest.raises(AssertionError):
        assert len(set(map(tuple, found.values()))) == 1


async def test_a_database_in_another_zone_fires_at_the_same_instant(new_toys: NewToys) -> None:
    database = await new_toys()
    due = clock.end_of_day(DAYS[0])
    async with database.driver_transaction() as connection:
        await connection.execute("SET LOCAL timezone = 'America/New_York'")
        duty = (await new_duties(database, 1))[0]
        await arm_many(connection, [NewTimer(SUBJECT, duty, LEVELS[0], due)])
    timing = scheduler(database)
    assert (await timing.tick(due - MICROSECOND), await timing.tick(due)) == (0, 1)


# -- B10 -----------------------------------------------------------------------------------------


async def unguarded(database: Database) -> int:
    """How many open duties have no timer."""
    async with database.statement() as connection:
        found: int = await connection.fetchval(
            "SELECT count(*) FROM duty d WHERE state = 'open'"
            " AND NOT EXISTS (SELECT FROM timer t WHERE t.subject_id = d.id)"
        )
    return found


async def without_some_timers(database: Database) -> list[UUID]:
    """Duties, a few of which somebody has taken the timers of."""
    duties = await new_duties(database, 50, {LEVELS[0]: DUE})
    async with database.statement() as connection:
        await connection.execute("DELETE FROM timer WHERE subject_id = ANY($1)", duties[:5])
    return duties


async def test_the_watchdog_rearms_a_timer_that_was_deleted_by_hand(new_toys: NewToys) -> None:
    database = await new_toys()
    await without_some_timers(database)
    timing = scheduler(database)
    with capture_logs() as logs:
        assert await timing.watch() == 5
    assert await unguarded(database) == 0
    assert await timing.watch() == 0
    assert [entry["armed"] for entry in logs if entry["log_level"] == "error"] == [5]


async def test_control_without_the_watchdog_the_problem_stays_without_a_deadline(
    new_toys: NewToys,
) -> None:
    database = await new_toys()
    await without_some_timers(database)
    await scheduler(database, watched=False).watch()
    with pytest.raises(AssertionError):
        assert await unguarded(database) == 0
