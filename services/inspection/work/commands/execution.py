"""Starting work, reporting progress, and what no policy pays for."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inspection.evidence.queries import check_refs
from services.inspection.problems.commands.changes import Changes
from services.inspection.problems.commands.moves import Outcome, for_each, must_lead
from services.inspection.problems.domain.states import (
    IN_WORK,
    Action,
    State,
    allowed_calls,
    next_state,
)
from services.inspection.problems.queries import get_problem_for_update
from services.inspection.problems.tables import Problem
from services.inspection.scope import sight_of
from services.inspection.work.commands.stalls import watch_progress
from services.inspection.work.domain.execution import (
    NoPolicySet,
    Organisation,
    check_progress,
)
from services.inspection.work.queries import find_progress
from services.inspection.work.tables import ProgressReport
from shared.database import Session
from shared.errors import Forbidden, IllegalMove
from shared.events.inspection import ProblemNoPolicyFound, ProblemProgressed
from shared.ids import new_id
from shared.money import display
from shared.security import Actor


def must_execute(actor: Actor, problem: Problem) -> None:
    """Raise `Forbidden` unless `actor` acts for the lead department, for the township or village
    of the problem, or for whoever the task was handed to."""
    own = Organisation(actor.unit, actor.region)
    handed = actor.organisation == problem.executing_org
    if not handed and not own.executes(problem.lead_dept, problem.village_code):
        raise Forbidden


def must_stand_in(problem: Problem, states: frozenset[State]) -> None:
    """Raise `IllegalMove` unless the problem is in one of `states`: for what is no move itself."""
    if problem.state not in states:
        raise IllegalMove(state=problem.state, allowed=allowed_calls(State(problem.state)))


async def start_work(session: Session, actor: Actor, problem_ids: Sequence[UUID]) -> list[Outcome]:
    """Work on planned problems begins, and with it the count of silent days (I-34). Each is
    started, or refused with `NotFound`, `Forbidden` or `IllegalMove`."""
    changes = Changes(actor)

    def start(problem: Problem) -> None:
        must_execute(actor, problem)
        changes.move(problem, Action.START)

    outcomes = await for_each(session, actor, problem_ids, start)
    await changes.write(session)
    await watch_progress(session, [one for one in outcomes if isinstance(one, Problem)])
    return outcomes


async def report_progress(
    session: Session,
    actor: Actor,
    problem_id: UUID,
    *,
    pct: int,
    text: str,
    evidence: Sequence[dict[str, Any]],
) -> Problem:
    """How far the work is (I-34). Raises `NotFound`, `Forbidden`, `IllegalMove`,
    `ProgressBackwards`, `EvidenceMismatch`."""
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    must_execute(actor, problem)
    next_state(State(problem.state), Action.PROGRESS)
    connection, attempt = await session.driver(), problem.attempt + 1
    check_progress(pct, await find_progress(connection, problem.id, attempt))
    await check_refs(connection, evidence)
    changes = Changes(actor)
    change = {"progress_pct": [problem.progress_pct, pct]}
    changes.move(
        problem, Action.PROGRESS, ProblemProgressed, remark=text, change=change, progress_pct=pct
    )
    problem.progress_pct, problem.progressed_on = pct, changes.today
    session.add(
        ProgressReport(
            id=new_id(),
            problem_id=problem.id,
            attempt=attempt,
            pct=pct,
            text=text,
            evidence=list(evidence),
            person=actor.person,
            organisation=actor.organisation,
            at=changes.at,
        )
    )
    await changes.write(session)
    await watch_progress(session, [problem])
    return problem


async def report_no_policy(
    session: Session, actor: Actor, problem_id: UUID, need: str, amount: Decimal | None
) -> Problem:
    """No policy pays for it: the county is asked to arrange funds, once (I-36). `amount` in yuan.
    Raises `NotFound`, `Forbidden`, `IllegalMove`, `NoPolicySet`."""
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    must_lead(actor, problem)
    must_stand_in(problem, IN_WORK)
    if problem.no_policy:
        raise NoPolicySet
    changes = Changes(actor)
    yuan = None if amount is None else display(amount)
    changes.note(problem, "NO_POLICY", remark=need, amount=yuan)
    problem.no_policy = True
    problem.version += 1
    changes.tell(problem, ProblemNoPolicyFound, need=need, amount=yuan)
    await changes.write(session)
    return problem
