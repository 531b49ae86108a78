"""Work of which nobody reports progress: told every seven days ⚙ (I-34)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from services.inspection.problems.commands.events import prepare_next
from services.inspection.problems.domain.states import State
from services.inspection.problems.queries import lock_problems
from services.inspection.problems.tables import Problem
from services.inspection.work.domain.execution import next_reminder
from services.inspection.work.queries import last_heard, silent_days
from services.inspection.work.settings import STALLED_DAYS
from shared import clock
from shared.configuration import Configuration, configuration_of
from shared.database import Session
from shared.events.inspection import ProblemStalled
from shared.messaging.outbox import record_many
from shared.runtime import Runtime
from shared.timers import DueTimer, NewTimer, TimerKind, arm, arm_many

_SUBJECT, _KIND = "problem", "stalled"


async def watch_progress(session: Session, problems: Sequence[Problem]) -> None:
    """Count the days of silence of locked problems anew: they came into work, or progress was
    reported. To be called after the move, by whatever leads to RECTIFYING."""
    configuration = configuration_of(session)
    simulated = clock.is_simulated()
    await arm(session, *(_timer(configuration, problem, simulated) for problem in problems))


def _timer(configuration: Configuration, problem: Problem, simulated: bool) -> NewTimer:
    last, every = last_heard(problem), _every(configuration, problem)
    due_at = clock.end_of_day(next_reminder(last, silent_days(problem), every))
    return NewTimer(_SUBJECT, problem.id, _KIND, due_at, simulated)


def _every(configuration: Configuration, problem: Problem) -> int:
    return configuration.value(STALLED_DAYS, problem.village_code, clock.today())


async def _lock(session: Session, problem_ids: Sequence[UUID]) -> Collection[UUID]:
    return [problem.id for problem in await lock_problems(session, problem_ids)]


async def _fire(session: Session, due: Sequence[DueTimer]) -> None:
    """Tell of each problem still in work, and count on. After an outage it is told once."""
    configuration = configuration_of(session)
    simulated = {timer.subject_id: timer.simulated for timer in due}
    found = await lock_problems(session, list(simulated))
    in_work = [problem for problem in found if problem.state == State.RECTIFYING]
    events = []
    for problem in in_work:
        days = silent_days(problem)
        if days >= _every(configuration, problem):
            events.append(prepare_next(ProblemStalled, problem, days=days))
    await session.flush()
    connection = await session.driver()
    await record_many(connection, events)
    session.events_recorded()
    following = [_timer(configuration, problem, simulated[problem.id]) for problem in in_work]
    await arm_many(connection, following)


async def scan_stalled(runtime: Runtime, as_of: datetime) -> dict[str, int]:
    """The job `stalled_scan`: tell of all work that has stalled at `as_of` (X-15)."""
    simulating = runtime.settings.simulation_clock
    fired = await runtime.scheduler.tick(
        as_of if simulating else None, include_simulated=simulating, kinds=STALLED_KINDS
    )
    return {"fired": fired}


STALLED_TIMER = TimerKind(_SUBJECT, _KIND, _lock, _fire)
STALLED_KINDS = (STALLED_TIMER.kind,)
