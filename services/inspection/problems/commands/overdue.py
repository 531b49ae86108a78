"""Deadlines that pass: one timer per level, one after the other (N-04), and their watchdog."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.inspection.problems.commands.events import prepare_next
from services.inspection.problems.domain.states import IN_WORK, Action
from services.inspection.problems.queries import lock_problems, lock_unguarded_problems
from services.inspection.problems.tables import Problem
from shared import clock
from shared.audit import AuditEntry, record_audits
from shared.configuration import Configuration, Setting, configuration_of
from shared.database import Session
from shared.errors import field_error
from shared.events.inspection import ProblemOverdue
from shared.messaging.outbox import record_many
from shared.runtime import Runtime
from shared.security import system_actor
from shared.timers import DueTimer, NewTimer, TimerKind, Watchdog, arm_many, cancel


def _check_escalations(days: tuple[int, int, int]) -> None:
    if not days[0] < days[1] < days[2]:
        raise field_error(
            "value",
            "DAYS_INVALID",
            "各级逾期通报的天数须逐级递增。",
            "The days of each level are later than those of the one before.",
        )


# Days after the deadline on which it is told again; the first is the day it passes.
_Day = Annotated[int, Field(ge=1, le=365)]
ESCALATION_DAYS: Setting[tuple[int, int, int]] = Setting(
    "escalation_days",
    (1, 7, 15),
    tuple[_Day, _Day, _Day],
    rule="N-04",
    check=_check_escalations,
)

SUBJECT = "problem"
LEVELS = 3


def timer_kind(level: int) -> str:
    """The kind of the timer that tells for the `level`-th time (from 1) that a deadline passed."""
    return f"overdue_{level}"


async def arm_overdue(session: Session, problems: Sequence[Problem]) -> None:
    """Arm the next level of locked problems anew: their deadline was set or moved (I-26), or they
    came back into work (N-04). A level whose day has passed is told at the next tick."""
    due = [p for p in problems if p.state in IN_WORK and p.due_on and p.overdue_level < LEVELS]
    if not due:
        return
    await cancel(session, SUBJECT, [problem.id for problem in due], OVERDUE_KINDS)
    configuration = configuration_of(session)
    timers = [_next_timer(configuration, problem, clock.is_simulated()) for problem in due]
    await arm_many(await session.driver(), timers)


async def disarm(session: Session, problem_ids: Sequence[UUID]) -> None:
    """Stop every timer of locked problems: they left work, reported done or withdrawn."""
    if problem_ids:
        await cancel(session, SUBJECT, problem_ids)


def _next_timer(configuration: Configuration, problem: Problem, simulated: bool) -> NewTimer:
    level = problem.overdue_level + 1
    days_after = _days_after(configuration, problem, level) if level > 1 else 0
    return _timer(problem, level, days_after, simulated)


def _timer(problem: Problem, level: int, days_after: int, simulated: bool) -> NewTimer:
    assert problem.due_on is not None
    due_at = clock.end_of_day(problem.due_on + timedelta(days=days_after))
    return NewTimer(SUBJECT, problem.id, timer_kind(level), due_at, simulated)


def _days_after(configuration: Configuration, problem: Problem, level: int) -> int:
    """How many days after its deadline `level` of a problem is told."""
    assert problem.due_on is not None
    days = configuration.value(ESCALATION_DAYS, problem.village_code, problem.due_on)
    return days[level - 1] - 1


async def _lock(session: Session, problem_ids: Sequence[UUID]) -> Collection[UUID]:
    return [problem.id for problem in await lock_problems(session, problem_ids)]


async def _fire(level: int, session: Session, due: Sequence[DueTimer]) -> None:
    """Note level `level` of each problem still in work, and arm the next one."""
    configuration = configuration_of(session)
    timers = {timer.subject_id: timer for timer in due}
    late = [p for p in await lock_problems(session, list(timers)) if p.state in IN_WORK]
    if not late:
        return
    following: list[NewTimer] = []
    events = []
    for problem in late:
        assert problem.due_on is not None
        problem.fall_overdue(level, clock.now())
        passed_at = clock.end_of_day(problem.due_on)
        events.append(prepare_next(ProblemOverdue, problem, level=level, passed_at=passed_at))
        if level < LEVELS:
            days_after = _days_after(configuration, problem, level + 1)
            simulated = timers[problem.id].simulated
            following.append(_timer(problem, level + 1, days_after, simulated))
    await session.flush()
    connection = await session.driver()
    await record_many(connection, events)
    await arm_many(connection, following)
    session.events_recorded()
    await record_audits(
        connection,
        system_actor("inspection", late[0].county_code),
        "problem",
        [
            AuditEntry(problem.id, Action.FALL_OVERDUE, None, {"level": [level - 1, level]})
            for problem in late
        ],
    )


async def _find_unguarded(session: Session) -> list[NewTimer]:
    problems = await lock_unguarded_problems(session, sorted(IN_WORK), LEVELS)
    configuration = configuration_of(session)
    return [_next_timer(configuration, problem, simulated=False) for problem in problems]


async def scan_overdue(runtime: Runtime, as_of: datetime) -> dict[str, int]:
    """The job `overdue_scan`: tell every deadline that has passed at `as_of` (X-15)."""
    simulating = runtime.settings.simulation_clock
    fired = await runtime.scheduler.tick(
        as_of if simulating else None, include_simulated=simulating, kinds=OVERDUE_KINDS
    )
    return {"fired": fired}


OVERDUE_TIMERS = tuple(
    TimerKind(SUBJECT, timer_kind(level), _lock, partial(_fire, level))
    for level in range(1, LEVELS + 1)
)
OVERDUE_KINDS = tuple(kind.kind for kind in OVERDUE_TIMERS)
OVERDUE_WATCHDOG = Watchdog(_find_unguarded)
