"""Raising and ruling disputes."""

from uuid import UUID

from services.inspection.disputes.domain import check_dispute, check_ruling, window_end
from services.inspection.disputes.queries import get_unruled_for_update
from services.inspection.disputes.tables import Dispute
from services.inspection.fields import TermDays
from services.inspection.problems.commands.changes import Changes
from services.inspection.problems.commands.moves import must_lead
from services.inspection.problems.domain.states import Action, State, next_state
from services.inspection.problems.queries import get_problem_for_update
from services.inspection.problems.tables import Problem
from services.inspection.routing.domain import Department
from services.inspection.scope import sight_of
from shared import clock
from shared.configuration import Setting, configuration_of
from shared.database import Session
from shared.events.inspection import ProblemDisputed, ProblemDisputeRejected, ProblemRerouted
from shared.ids import new_id
from shared.security import Actor
from shared.workdays import official_calendar

DISPUTE_WORKDAYS = Setting("dispute_workdays", 2, TermDays, rule="I-11")


async def raise_dispute(
    session: Session, actor: Actor, problem_id: UUID, proposed: Department, clause: str
) -> Problem:
    """The lead department proposes another one; the deadline stays (I-11).

    Raises `NotFound`, `Forbidden`, `IllegalMove`, `RouteFixed`, `NoOtherDepartment`,
    `DisputeWindowClosed`.
    """
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    must_lead(actor, problem)
    next_state(State(problem.state), Action.DISPUTE)
    dispatched_on = clock.civil_date(problem.state_since)
    workdays = configuration_of(session).value(
        DISPUTE_WORKDAYS, problem.village_code, dispatched_on
    )
    check_dispute(
        kind=problem.kind,
        lead=problem.lead_dept,
        proposed=proposed,
        dispatched_on=dispatched_on,
        until=window_end(dispatched_on, workdays, official_calendar()),
        today=clock.today(),
    )
    changes = Changes(actor)
    session.add(
        Dispute(
            id=new_id(),
            problem_id=problem.id,
            county_code=problem.county_code,
            department=problem.lead_dept,
            proposed_dept=proposed,
            clause=clause,
            raised_by=actor.person,
            raised_at=changes.at,
        )
    )
    changes.move(
        problem,
        Action.DISPUTE,
        ProblemDisputed,
        remark=clause,
        change={"proposed_dept": proposed},
        proposed_dept=proposed,
        clause=clause,
    )
    await changes.write(session)
    return problem


async def rule_dispute(
    session: Session, actor: Actor, problem_id: UUID, ruled: Department
) -> Problem:
    """The poverty office decides who leads: another department gets the problem as newly
    dispatched, the present one has thereby accepted. The deadline stays (I-11).

    Raises `NotFound`, `IllegalMove`, `RouteFixed`.
    """
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    lead = problem.lead_dept
    action = Action.REJECT_DISPUTE if ruled == lead else Action.REROUTE
    next_state(State(problem.state), action)
    check_ruling(problem.kind, ruled, lead)
    dispute = await get_unruled_for_update(session, problem.id)
    changes = Changes(actor)
    dispute.ruled_dept, dispute.ruled_by, dispute.ruled_at = ruled, actor.person, changes.at
    if action is Action.REJECT_DISPUTE:
        changes.move(problem, action, ProblemDisputeRejected)
    else:
        changes.touch(problem)
        problem.lead_dept, problem.unrouted = ruled, False
        problem.co_depts = [helper for helper in problem.co_depts if helper != ruled]
        changes.move(
            problem,
            action,
            ProblemRerouted,
            change={"lead_dept": [lead, ruled]},
            previous_dept=lead,
        )
    await changes.write(session)
    return problem
