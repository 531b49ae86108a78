"""Moves of one problem: accept, confirm, refute, withdraw, extend."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.inspection.deadlines.domain import Deadline, Tier
from services.inspection.ledger.commands import add_deltas
from services.inspection.ledger.domain import Entry, deltas_between
from services.inspection.problems.commands.events import event_of
from services.inspection.problems.commands.merging import confirm_and_dispatch
from services.inspection.problems.commands.overdue import SUBJECT, arm_overdue
from services.inspection.problems.domain.findings import EvidenceRequired, refused
from services.inspection.problems.domain.states import (
    Action,
    CannotDecline,
    State,
    decide_extension,
    next_state,
)
from services.inspection.problems.queries import get_problem, get_problem_for_update
from services.inspection.problems.tables import Problem
from services.inspection.scope import sight_of
from shared import clock
from shared.audit import record_audit
from shared.database import ReadSession, Session
from shared.errors import Forbidden
from shared.events.inspection import (
    ProblemAccepted,
    ProblemDueChanged,
    ProblemEvent,
    ProblemWithdrawn,
)
from shared.messaging.outbox import record, record_many
from shared.security import Actor
from shared.timers import cancel

EXTENDED = "EXTENDED"


async def accept_problem(session: Session, actor: Actor, problem_id: UUID) -> Problem:
    """The lead department accepts; raises `NotFound`, `Forbidden`, `IllegalMove`."""
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    _must_lead(actor, problem)
    await _move(session, actor, problem, Action.ACCEPT, ProblemAccepted)
    return problem


async def decline_problem(session: ReadSession, actor: Actor, problem_id: UUID) -> None:
    """Raises `CannotDecline` whatever the state (I-11), `NotFound` outside the sight."""
    await get_problem(session, sight_of(actor), problem_id)
    raise CannotDecline


async def confirm_problem(
    session: Session, actor: Actor, problem_id: UUID, evidence: Sequence[Mapping[str, Any]]
) -> Problem:
    """A suspected problem is real: it is dispatched, counted, and its clock runs (I-03)."""
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    if not evidence:
        raise refused(EvidenceRequired, "evidence")
    entry = problem.ledger_entry
    events = confirm_and_dispatch(problem)
    await session.flush()
    connection = await session.driver()
    await record_many(connection, events)
    session.events_recorded()
    await _count(session, entry, problem)
    await arm_overdue(session, [problem])
    await _audit(session, actor, problem, Action.CONFIRM, State.SUSPECTED, evidence=evidence)
    return problem


async def refute_problem(
    session: Session,
    actor: Actor,
    problem_id: UUID,
    evidence: Sequence[Mapping[str, Any]],
    reason: str,
) -> Problem:
    """A suspected problem is none (I-03)."""
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    if not evidence:
        raise refused(EvidenceRequired, "evidence")
    await _move(
        session,
        actor,
        problem,
        Action.REFUTE,
        ProblemWithdrawn,
        remark=reason,
        evidence=evidence,
    )
    return problem


async def withdraw_problem(
    session: Session, actor: Actor, problem_id: UUID, reason: str
) -> Problem:
    """The poverty office takes back a problem that was logged in error."""
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    entry = problem.ledger_entry
    await _move(session, actor, problem, Action.WITHDRAW, ProblemWithdrawn, remark=reason)
    await _count(session, entry, problem)
    await cancel(session, SUBJECT, [problem.id])
    return problem


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
    before = problem.due_on
    problem.extended = True
    problem.set_deadline(
        Deadline(due_on, (EXTENDED,)), reason=reason, by=actor.person, at=clock.now()
    )
    await record(session, problem, event_of(ProblemDueChanged, problem, previous_due_on=before))
    await arm_overdue(session, [problem])
    await record_audit(
        session,
        actor,
        Action.EXTEND,
        "problem",
        problem.id,
        remark=reason,
        change={"due_on": [before, due_on]},
    )
    return problem


def _must_lead(actor: Actor, problem: Problem) -> None:
    if actor.unit != problem.lead_dept:
        raise Forbidden


async def _move(
    session: Session,
    actor: Actor,
    problem: Problem,
    action: Action,
    event_class: type[ProblemEvent],
    *,
    remark: str | None = None,
    evidence: Sequence[Mapping[str, Any]] = (),
) -> None:
    before = State(problem.state)
    problem.move(action)
    await record(session, problem, event_of(event_class, problem))
    await _audit(session, actor, problem, action, before, remark=remark, evidence=evidence)


async def _audit(
    session: Session,
    actor: Actor,
    problem: Problem,
    action: Action,
    before: State,
    *,
    remark: str | None = None,
    evidence: Sequence[Mapping[str, Any]] = (),
) -> None:
    change: dict[str, Any] = {"state": [before, problem.state]}
    if evidence:
        change["evidence"] = list(evidence)
    await record_audit(session, actor, action, "problem", problem.id, remark=remark, change=change)


async def _count(session: Session, before: Entry | None, problem: Problem) -> None:
    deltas = deltas_between(before, problem.ledger_entry, clock.today())
    await add_deltas(await session.driver(), deltas)
