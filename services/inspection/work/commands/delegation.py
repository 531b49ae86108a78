"""Handing a task on, and an organisation's own look at the work (I-14)."""

from datetime import date
from uuid import UUID

from services.inspection.problems.commands.changes import Changes
from services.inspection.problems.domain.states import State
from services.inspection.problems.queries import get_problem_for_update
from services.inspection.problems.tables import Problem
from services.inspection.scope import sight_of
from services.inspection.work.commands.execution import must_execute, must_stand_in
from services.inspection.work.domain.execution import (
    Organisation,
    check_delegation,
    check_own_check,
)
from services.inspection.work.tables import Delegation, OwnCheck
from shared.database import Session
from shared.errors import Forbidden
from shared.events.inspection import ProblemPartnersChanged
from shared.ids import new_id
from shared.security import Actor

_TO_BE_DONE = frozenset({State.ACCEPTED, State.PLANNED, State.RECTIFYING})
_BEING_DONE = frozenset({State.RECTIFYING})


async def delegate(
    session: Session, actor: Actor, problem_id: UUID, to_org: str, note: str
) -> Problem:
    """Hand the task on: the lead department to whoever does the work, or the last one it was
    handed to further down. Another department becomes a co-department.

    Raises `NotFound`, `Forbidden`, `IllegalMove`, `DelegateInvalid`.
    """
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    if actor.unit != problem.lead_dept and actor.organisation != problem.executing_org:
        raise Forbidden
    must_stand_in(problem, _TO_BE_DONE)
    taker = Organisation.of(to_org)
    check_delegation(
        Organisation(actor.unit, actor.region),
        taker,
        lead_dept=problem.lead_dept,
        kind=problem.kind,
        place=problem.village_code,
    )
    changes = Changes(actor)
    changes.note(problem, "DELEGATE", remark=note, executing_org=[problem.executing_org, to_org])
    problem.executing_org = to_org
    problem.version += 1
    if not taker.is_executor and taker.unit not in problem.co_depts:
        problem.co_depts = [*problem.co_depts, taker.unit]
        changes.tell(problem, ProblemPartnersChanged)
    session.add(
        Delegation(
            id=new_id(),
            problem_id=problem.id,
            from_org=actor.organisation,
            to_org=to_org,
            note=note,
            person=actor.person,
            at=changes.at,
        )
    )
    await changes.write(session)
    return problem


async def record_own_check(
    session: Session, actor: Actor, problem_id: UUID, *, by: str, on: date, text: str
) -> Problem:
    """Keep that the actor's organisation looked at the work itself before it is submitted.

    Raises `NotFound`, `Forbidden`, `IllegalMove`, `CheckOutOfTime`.
    """
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    must_execute(actor, problem)
    must_stand_in(problem, _BEING_DONE)
    changes = Changes(actor)
    check_own_check(on, found_on=problem.found_on, today=changes.today)
    changes.note(problem, "OWN_CHECK", remark=text, on=on)
    session.add(
        OwnCheck(
            id=new_id(),
            problem_id=problem.id,
            attempt=problem.attempt + 1,
            checked_by=by,
            checked_on=on,
            text=text,
            person=actor.person,
            organisation=actor.organisation,
            at=changes.at,
        )
    )
    await changes.write(session)
    return problem
