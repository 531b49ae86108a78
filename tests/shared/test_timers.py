"""A deadline fires exactly once, at its instant, whatever else is running or has been off."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from deploy.embedded.postgres import EmbeddedPostgres
from shared import clock, telemetry
from shared.database import Connection, Database, Session
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
    confirm_clock,
)
from tests.shared.messaging.loops import running, until

DUE = datetime(2026, 6, 1, 15, 59, 59, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LETTERS_DDL = "CREATE TABLE letter (id uuid PRIMARY KEY, open boolean NOT NULL DEFAULT true);"


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    """A database with timers and the letters they are about."""
    name = f"timers_{new_id().hex}"
    postgres.create_database(name, "timers")
    postgres.execute(f"SET ROLE timers;{TIMERS_DDL}{LETTERS_DDL}", name)
    opened = Database(postgres.url(name, "timers"), service="letters")
    await opened.open()
    yield opened
    await opened.close()
    postgres.drop_database(name)


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[Connection]:
    """A connection of the test's own."""
    opened = await asyncpg.connect(database.url)
    yield opened
    await opened.close()


class Letters:
    """The subject: what fired, in order; a letter in `broken` cannot be handled."""

    def __init__(self) -> None:
        self.fired: list[tuple[str, UUID]] = []
        self.batches: list[int] = []
        self.times: list[datetime] = []
        self.broken: set[UUID] = set()

    async def lock(self, session: Session, ids: Sequence[UUID]) -> Collection[UUID]:
        rows = await (await session.driver()).fetch(
            "SELECT id FROM letter WHERE id = ANY($1) ORDER BY id FOR UPDATE", ids
        )
        return [row["id"] for row in rows]

    async def fire(self, session: Session, due: Sequence[DueTimer]) -> None:
        assert telemetry.correlation_id()
        for timer in due:
            if timer.subject_id in self.broken:
                raise ValueError
        self.fired += [(timer.kind, timer.subject_id) for timer in due]
        self.batches.append(len(due))
        self.times.append(clock.now())

    def kinds(self) -> list[TimerKind]:
        return [TimerKind("letter", kind, self.lock, self.fire) for kind in ("first", "second")]


@pytest.fixture
def letters() -> Letters:
    """A record of what fires."""
    return Letters()


@pytest.fixture
def scheduler(database: Database, letters: Letters) -> Scheduler:
    """A scheduler of both kinds of timers."""
    return Scheduler(database, letters.kinds())


async def written(
    connection: Connection, number: int = 1, kind: str = "first", due_at: datetime = DUE
) -> list[UUID]:
    """So many letters, each with a timer."""
    ids = [new_id() for _ in range(number)]
    await connection.executemany("INSERT INTO letter (id) VALUES ($1)", [(each,) for each in ids])
    await arm_many(connection, [NewTimer("letter", each, kind, due_at) for each in ids])
    return ids


async def states(connection: Connection) -> list[tuple[str, int, str]]:
    """Kind, generation and state of every timer."""
    rows = await connection.fetch("SELECT kind, generation, state FROM timer ORDER BY id")
    return [tuple(row) for row in rows]


async def test_a_timer_fires_at_its_instant_and_not_a_microsecond_before(
    connection: Connection, scheduler: Scheduler, letters: Letters
) -> None:
    await written(connection, 1000)
    assert await scheduler.tick(DUE - timedelta(microseconds=1)) == 0
    assert await scheduler.tick(DUE) == 1000
    assert await scheduler.tick(DUE + timedelta(days=9)) == 0
    assert len(set(letters.fired)) == 1000
    assert letters.batches == [200] * 5
    assert set(letters.times) == {DUE}


async def test_two_schedulers_fire_each_timer_once(
    database: Database, connection: Connection, letters: Letters
) -> None:
    await written(connection, 1000)
    schedulers = [Scheduler(database, letters.kinds()) for _ in "ab"]
    async with asyncio.timeout(20):
        while len(letters.fired) < 1000:
            await asyncio.gather(*(scheduler.tick(DUE) for scheduler in schedulers))
    assert len(set(letters.fired)) == len(letters.fired) == 1000
    assert await connection.fetchval("SELECT count(*) FROM timer WHERE state = 'fired'") == 1000


async def test_levels_missed_while_nothing_ran_fire_once_each_and_in_order(
    connection: Connection, scheduler: Scheduler, letters: Letters
) -> None:
    late = await written(connection, 1, "second", DUE)
    both = await written(connection, 3, "first", DUE + SECOND)
    await arm_many(
        connection, [NewTimer("letter", each, "second", DUE + 2 * SECOND) for each in both]
    )
    assert await scheduler.tick(DUE + timedelta(days=10)) == 7
    for each in both:
        assert [kind for kind, subject in letters.fired if subject == each] == ["first", "second"]
    assert ("second", late[0]) in letters.fired
    lateness = await connection.fetchval("SELECT max(late_by) FROM timer")
    assert lateness == timedelta(days=10)


async def test_moving_a_deadline_arms_the_next_generation(
    database: Database, connection: Connection, scheduler: Scheduler
) -> None:
    letter = (await written(connection))[0]
    async with database.transaction() as session:
        await arm(session, NewTimer("letter", letter, "first", DUE + timedelta(days=1)))
    assert await states(connection) == [("first", 1, "cancelled"), ("first", 2, "armed")]
    assert await scheduler.tick(DUE) == 0
    assert await scheduler.tick(DUE + timedelta(days=1)) == 1
    async with database.transaction() as session:
        await arm(session, NewTimer("letter", letter, "first", DUE + timedelta(days=2)))
    assert (await states(connection))[1:] == [("first", 2, "fired"), ("first", 3, "armed")]


async def test_cancelled_timers_stay_silent(
    database: Database, connection: Connection, scheduler: Scheduler
) -> None:
    one, two = await written(connection, 2)
    await arm_many(connection, [NewTimer("letter", one, "second", DUE)])
    async with database.transaction() as session:
        await cancel(session, "letter", [one], ["first"])
        await cancel(session, "letter", [two])
    assert await scheduler.tick(DUE) == 1
    assert await scheduler.tick(DUE) == 0


async def test_the_timer_of_a_subject_that_no_longer_exists_is_cancelled(
    connection: Connection, scheduler: Scheduler
) -> None:
    await written(connection, 2)
    await connection.execute(
        "DELETE FROM letter WHERE id = (SELECT min(id::text)::uuid FROM letter)"
    )
    assert await scheduler.tick(DUE) == 1
    assert sorted(state for _, _, state in await states(connection)) == ["cancelled", "fired"]


async def test_one_that_fails_neither_stops_the_others_nor_is_overtaken_by_its_next_level(
    connection: Connection, scheduler: Scheduler, letters: Letters
) -> None:
    ids = await written(connection, 250)
    broken = ids[3]
    letters.broken = {broken}
    await arm_many(connection, [NewTimer("letter", broken, "second", DUE + SECOND)])
    assert await scheduler.tick(DUE + timedelta(days=1)) == 249
    assert broken not in {subject for _, subject in letters.fired}
    letters.broken = set()
    again = Scheduler(scheduler._database, letters.kinds())
    assert await again.tick(DUE + timedelta(days=1)) == 2
    assert letters.fired[-2:] == [("first", broken), ("second", broken)]


async def test_real_time_leaves_simulated_timers_alone(
    connection: Connection, scheduler: Scheduler, letters: Letters
) -> None:
    with clock.simulate(DUE - timedelta(days=5)):
        simulated = await written(connection, due_at=DUE - timedelta(days=365))
    real = await written(connection, due_at=DUE - timedelta(days=365))
    assert await scheduler.tick() == 1
    assert letters.fired == [("first", real[0])]
    assert await scheduler.tick(DUE, include_simulated=True, kinds=["second"]) == 0
    assert await scheduler.tick(DUE, include_simulated=True, kinds=["first"]) == 1
    assert letters.fired[-1] == ("first", simulated[0])
    assert letters.times[-1] == DUE


async def test_a_jump_of_the_clock_pauses_firing_until_a_person_confirms_it(
    database: Database, connection: Connection, letters: Letters
) -> None:
    passed = [0.0]
    scheduler = Scheduler(database, letters.kinds(), elapsed_seconds=lambda: passed[0])
    await scheduler.tick()
    await written(connection, due_at=DUE - timedelta(days=365))
    passed[0] -= 61  # the database's clock is 61 seconds ahead of the time that has passed
    assert await scheduler.tick() == 0
    restarted = Scheduler(database, letters.kinds())
    assert await restarted.tick() == 0
    async with database.transaction() as session:
        await confirm_clock(session)
    assert await scheduler.tick() == 1
    assert await scheduler.tick() == 0


async def test_a_process_that_was_off_for_days_finds_no_jump(
    database: Database, connection: Connection, letters: Letters
) -> None:
    await connection.execute("INSERT INTO clock_guard VALUES (true, now() - interval '10 days')")
    await written(connection, due_at=DUE - timedelta(days=365))
    assert await Scheduler(database, letters.kinds()).tick() == 1


async def test_the_watchdog_arms_what_was_left_without_a_timer(
    database: Database, connection: Connection, letters: Letters
) -> None:
    async def find(session: Session) -> Sequence[NewTimer]:
        rows = await (await session.driver()).fetch(
            "SELECT id FROM letter WHERE open AND NOT EXISTS"
            " (SELECT FROM timer WHERE subject_id = letter.id AND state <> 'cancelled')"
        )
        return [NewTimer("letter", row["id"], "first", DUE) for row in rows]

    ids = await written(connection, 3)
    await connection.execute("DELETE FROM timer WHERE subject_id = $1", ids[0])
    await connection.execute("UPDATE timer SET state = 'cancelled' WHERE subject_id = $1", ids[1])
    scheduler = Scheduler(database, letters.kinds(), watchdog=Watchdog(find))
    assert await scheduler.watch() == 2
    assert await scheduler.watch() == 0
    assert await scheduler.tick(DUE) == 3


async def test_the_running_scheduler_fires_what_falls_due_and_survives_the_database(
    database: Database, connection: Connection, letters: Letters
) -> None:
    scheduler = Scheduler(database, letters.kinds(), poll_seconds=0.05)
    async with running(scheduler.run):
        for expected in (1, 2):
            await written(connection, due_at=clock.now() + timedelta(milliseconds=100))

            async def fired(number: int = expected) -> bool:
                return len(letters.fired) == number

            await until(fired)
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )


@pytest.mark.parametrize("due_at", ["infinity", "-infinity"])
async def test_a_timer_has_a_finite_deadline(connection: Connection, due_at: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            "INSERT INTO timer (subject_type, subject_id, kind, due_at)"
            " VALUES ('letter', uuidv7(), 'first', $1::text::timestamptz)",
            due_at,
        )
