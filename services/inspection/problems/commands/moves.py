"""Moves of one problem: accept, confirm, refute, withdraw, extend."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.inspection.deadlines.domain import Deadline, Tier
from services.inspection.evidence.queries import check_refs
from services.inspection.problems.commands.changes import Changes
from services.inspection.problems.commands.merging import confirm_and_dispatch
from services.inspection.problems.domain.findings import EvidenceRequired
from services.inspection.problems.domain.states import (
    Action,
    CannotDecline,
    PartnerLeads,
    State,
    decide_extension,
    next_state,
)
from services.inspection.problems.queries import (
    get_problem,
    get_problem_for_update,
    lock_seen_problems,
)
from services.inspection.problems.tables import Problem
from services.inspection.scope import sight_of
from shared import clock
from shared.database import ReadSession, Session
from shared.errors import DomainError, Forbidden, NotFound
from shared.events.inspection import (
    ProblemAccepted,
    ProblemEvent,
    ProblemPartnersChanged,
    ProblemWithdrawn,
)
from shared.security import Actor

EXTENDED = "EXTENDED"


# What became of each of several problems.
Outcome = Problem | DomainError


async def accept_problems(
    session: Session, actor: Actor, problem_ids: Sequence[UUID]
) -> list[Outcome]:
    """The lead department accepts; each one is accepted, or refused with `NotFound`, `Forbidden`
    or `IllegalMove`."""
    changes = Changes(actor)

    def accept(problem: Problem) -> None:
        must_lead(actor, problem)
        changes.move(problem, Action.ACCEPT, ProblemAccepted)

    outcomes = await for_each(session, actor, problem_ids, accept)
    await changes.write(session)
    return outcomes


async def for_each(
    session: Session,
    actor: Actor,
    problem_ids: Sequence[UUID],
    move: Callable[[Problem], None],
) -> list[Outcome]:
    """Lock the problems and `move` each one; what it raises is the outcome of that one alone. A
    `move` decides before it changes."""
    return decide_each(
        problem_ids, await lock_seen_problems(session, sight_of(actor), problem_ids), move
    )


def decide_each(
    problem_ids: Sequence[UUID],
    seen: Mapping[UUID, Problem],
    move: Callable[[Problem], None],
) -> list[Outcome]:
    """`for_each` of problems that are locked already; those not `seen` are `NotFound`."""
    outcomes: list[Outcome] = []
    for problem_id in problem_ids:
        problem = seen.get(problem_id)
        try:
            if problem is None:
                raise NotFound
            move(problem)
            outcomes.append(problem)
        except DomainError as refusal:
            outcomes.append(refusal)
    return outcomes


def only(outcomes: Sequence[Outcome]) -> Problem:
    """The one outcome of a move of one problem; raises what refused it."""
    (outcome,) = outcomes
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


async def decline_problem(session: ReadSession, actor: Actor, problem_id: UUID) -> None:
    """Raises `CannotDecline` whatever the state (I-11), `NotFound` outside the sight."""
    await get_problem(session, sight_of(actor), problem_id)
    raise CannotDecline


async def confirm_problem(
    session: Session, actor: Actor, problem_id: UUID, evidence: Sequence[Mapping[str, Any]]
) -> Problem:
    """A suspected problem is real: it is dispatched, counted, and its clock runs (I-03)."""
    problem = await _get_suspected(session, actor, problem_id, evidence)
    changes = Changes(actor)
    confirm_and_dispatch(problem, changes, evidence)
    await changes.write(session)
    return problem


async def refute_problem(
    session: Session,
    actor: Actor,
    problem_id: UUID,
    evidence: Sequence[Mapping[str, Any]],
    reason: str,
) -> Problem:
    """A suspected problem is none (I-03)."""
    problem = await _get_suspected(session, actor, problem_id, evidence)
    change = {"evidence": list(evidence)}
    return await _move(
        session, actor, problem, Action.REFUTE, ProblemWithdrawn, remark=reason, change=change
    )


async def _get_suspected(
    session: Session, actor: Actor, problem_id: UUID, evidence: Sequence[Mapping[str, Any]]
) -> Problem:
    """A problem to be judged, locked; raises `NotFound`, `Forbidden` for others than its lead
    department and the poverty office, `EvidenceRequired`, `EvidenceMismatch`."""
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    _must_act_for(actor, problem.lead_dept, "POV")
    if not evidence:
        raise EvidenceRequired.about("evidence")
    await check_refs(await session.driver(), evidence)
    return problem


async def withdraw_problem(
    session: Session, actor: Actor, problem_id: UUID, reason: str
) -> Problem:
    """The poverty office takes back a problem that was logged in error."""
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    return await _move(session, actor, problem, Action.WITHDRAW, ProblemWithdrawn, remark=reason)


async def extend_deadline(
    session: Session, actor: Actor, problem_id: UUID, due_on: date, reason: str
) -> Problem:
    """The leading group moves the deadline, once (I-25); reminders follow the event (I-26).

    Raises `NotFound`, `IllegalMove`, `ExtensionForbidden`, `DueNotLater`.
    """
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    next_state(State(problem.state), Action.EXTEND)
    decide_extension(
        immediate=problem.tier == Tier.IMMEDIATE,
        extended=problem.extended,
        due_on=problem.due_on,
        new_due_on=due_on,
        today=clock.today(),
    )
    changes = Changes(actor)
    before = problem.due_on
    changes.set_deadline(problem, Deadline(due_on, (EXTENDED,)), reason=reason)
    problem.extended = True
    changes.note(problem, Action.EXTEND, remark=reason, due_on=[before, due_on])
    await changes.write(session)
    return problem


async def set_partners(
    session: Session, actor: Actor, problem_id: UUID, departments: Sequence[str]
) -> Problem:
    """Name the departments that help the lead; they are told, and see the problem (I-12).

    Raises `NotFound`, `Forbidden` for others than the lead, the poverty office and the leading
    group, `IllegalMove` once the problem was reported done, `PartnerLeads`.
    """
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    _must_act_for(actor, problem.lead_dept, "POV", "LG")
    next_state(State(problem.state), Action.SET_PARTNERS)
    if problem.lead_dept in departments:
        raise PartnerLeads.about("departments")
    changes = Changes(actor)
    before = list(problem.co_depts)
    changes.touch(problem)
    problem.co_depts = sorted(departments)
    changes.move(
        problem,
        Action.SET_PARTNERS,
        ProblemPartnersChanged,
        change={"co_depts": [before, problem.co_depts]},
    )
    await changes.write(session)
    return problem


def must_lead(actor: Actor, problem: Problem) -> None:
    """Raise `Forbidden` unless `actor` acts for the lead department."""
    _must_act_for(actor, problem.lead_dept)


def _must_act_for(actor: Actor, *units: str) -> None:
    if actor.unit not in units:
        raise Forbidden


async def _move(
    session: Session,
    actor: Actor,
    problem: Problem,
    action: Action,
    event_class: type[ProblemEvent],
    *,
    remark: str | None = None,
    change: dict[str, Any] | None = None,
) -> Problem:
    changes = Changes(actor)
    changes.move(problem, action, event_class, remark=remark, change=change)
    await changes.write(session)
    return problem
