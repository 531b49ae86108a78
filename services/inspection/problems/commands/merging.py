"""Findings that may repeat known problems: stored where new, merged where not (I-04)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.inspection.deadlines.domain import strictest
from services.inspection.ledger.commands import add_deltas
from services.inspection.ledger.domain import Delta, deltas_between
from services.inspection.problems.commands.audits import record_audits
from services.inspection.problems.commands.events import prepare_next
from services.inspection.problems.commands.logging import (
    Desk,
    Draft,
    draft_problem,
    gather_facts,
    insert_drafts,
)
from services.inspection.problems.commands.overdue import arm_overdue
from services.inspection.problems.domain.findings import Finding, is_repeated
from services.inspection.problems.domain.states import Action, State
from services.inspection.problems.queries import lock_open_problems
from services.inspection.problems.tables import Problem, ProblemFields
from shared import clock
from shared.database import Connection, Session
from shared.errors import DomainError
from shared.events.inspection import (
    ProblemConfirmed,
    ProblemDispatched,
    ProblemDueChanged,
    ProblemSourceAdded,
)
from shared.messaging.outbox import OutboxRow, record_many
from shared.security import Actor

# A problem that is closed between the two statements makes its subject free again.
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Logged:
    """The problem a finding became or was merged into."""

    problem: ProblemFields
    merged: bool


@dataclass(slots=True)
class _Changes:
    """What merging leaves to be written, in the order it happened."""

    events: list[OutboxRow] = field(default_factory=list)
    audits: list[tuple[UUID, dict[str, Any]]] = field(default_factory=list)
    deltas: list[Delta] = field(default_factory=list)
    due: list[Problem] = field(default_factory=list)


async def log_findings(
    desk: Desk, session: Session, actor: Actor, findings: Sequence[Finding]
) -> list[Logged | DomainError]:
    """Log any number of findings; for each what became of it, or why it was refused.

    A refused finding leaves nothing behind. The same subject twice, here or among the open
    problems, gives one problem with several sources.
    """
    connection = await session.driver()
    facts = await gather_facts(desk, connection, findings)
    first = await desk.numbers.take(connection, max(len(findings), 1))
    results: list[Logged | DomainError | Draft] = []
    for place, finding in enumerate(findings):
        try:
            results.append(draft_problem(desk, actor, finding, facts, first + place))
        except DomainError as refusal:
            results.append(refusal)
    drafts = [(place, one) for place, one in enumerate(results) if isinstance(one, Draft)]
    logged = await _store(session, actor, [draft for _, draft in drafts])
    for (place, _), outcome in zip(drafts, logged, strict=True):
        results[place] = outcome
    return [one for one in results if not isinstance(one, Draft)]


async def _store(session: Session, actor: Actor, drafts: Sequence[Draft]) -> list[Logged]:
    outcomes: dict[int, Logged] = {}
    waiting = list(range(len(drafts)))
    for _round in range(_ROUNDS):
        waiting = await _store_round(session, actor, drafts, waiting, outcomes)
        if not waiting:
            return [outcomes[place] for place in range(len(drafts))]
    raise TimeoutError("problems of the same subjects kept changing")


async def _store_round(
    session: Session,
    actor: Actor,
    drafts: Sequence[Draft],
    waiting: Sequence[int],
    outcomes: dict[int, Logged],
) -> list[int]:
    """Insert what is new, merge the rest; answers the places of those still to be stored."""
    connection = await session.driver()
    new = _first_of_each_subject(drafts, waiting)
    stored = await insert_drafts(connection, actor, [drafts[place] for place in new])
    session.events_recorded()
    for place in new:
        if drafts[place].problem.id in stored:
            outcomes[place] = Logged(drafts[place].problem, merged=False)
    repeated = [place for place in waiting if place not in outcomes]
    if not repeated:
        return []
    subjects = {drafts[place].finding.subject for place in repeated}
    known = await lock_open_problems(session, sorted(subjects))
    changes = _Changes()
    for place in repeated:
        problem = known.get(drafts[place].finding.subject)
        if problem is not None:
            _merge(problem, drafts[place], actor, changes)
            outcomes[place] = Logged(problem, merged=True)
    await _write(session, connection, actor, changes)
    return [place for place in repeated if place not in outcomes]


def _first_of_each_subject(drafts: Sequence[Draft], waiting: Sequence[int]) -> list[int]:
    """Imported closed problems are history and stand beside each other; open ones do not."""
    seen: set[tuple[str, str, str]] = set()
    first = []
    for place in waiting:
        subject = drafts[place].finding.subject
        if drafts[place].problem.finished or subject not in seen:
            first.append(place)
        if not drafts[place].problem.finished:
            seen.add(subject)
    return first


def _merge(problem: Problem, draft: Draft, actor: Actor, changes: _Changes) -> None:
    """Add the finding to `problem` as a source; the strictest deadline wins (I-04)."""
    finding, now = draft.finding, clock.now()
    record = draft.problem.sources[0]
    if is_repeated(record, problem.sources):
        return
    before, entry = problem.due_on, problem.ledger_entry
    problem.move(Action.ADD_SOURCE)
    problem.sources = [*problem.sources, record]
    changes.events.append(prepare_next(ProblemSourceAdded, problem, source=finding.source))
    strict = strictest(problem.deadline, draft.problem.deadline)
    if strict.due_on != before:
        problem.set_deadline(strict, reason=Action.ADD_SOURCE, by=actor.person, at=now)
        changes.events.append(prepare_next(ProblemDueChanged, problem, previous_due_on=before))
        changes.due.append(problem)
    if problem.state == State.SUSPECTED and not finding.suspected:
        # What somebody else found without doubt needs no confirmation any more.
        changes.events += confirm_and_dispatch(problem)
        changes.due.append(problem)
    changes.deltas += deltas_between(entry, problem.ledger_entry, clock.civil_date(now))
    change = {"source": [None, finding.source], "due_on": [before, problem.due_on]}
    changes.audits.append((problem.id, change))


def confirm_and_dispatch(problem: Problem) -> list[OutboxRow]:
    """Move a suspected problem into the lead department's queue; answers the events."""
    problem.move(Action.CONFIRM)
    confirmed = prepare_next(ProblemConfirmed, problem)
    problem.move(Action.DISPATCH)
    return [confirmed, prepare_next(ProblemDispatched, problem)]


async def _write(session: Session, connection: Connection, actor: Actor, changes: _Changes) -> None:
    if not changes.events:
        return
    await session.flush()  # one UPDATE for all rows
    await record_many(connection, changes.events)
    await add_deltas(connection, changes.deltas)
    await arm_overdue(session, changes.due)
    await record_audits(connection, actor, Action.ADD_SOURCE, changes.audits)
