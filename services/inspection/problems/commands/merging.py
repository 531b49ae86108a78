"""Findings that may repeat known problems: stored where new, merged where not (I-04)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.inspection.accountability.commands import open_cases
from services.inspection.accountability.domain import Cause, NewCase
from services.inspection.deadlines.domain import strictest
from services.inspection.problems.commands.changes import Changes
from services.inspection.problems.commands.judging import Desk, Draft, draft_problem, gather_facts
from services.inspection.problems.commands.logging import insert_drafts
from services.inspection.problems.domain.findings import Finding, is_repeated
from services.inspection.problems.domain.states import Action, State
from services.inspection.problems.queries import find_closed_twins, lock_open_problems
from services.inspection.problems.tables import Problem, ProblemFields, Subject
from shared.database import Session
from shared.errors import DomainError
from shared.events.inspection import ProblemConfirmed, ProblemDispatched, ProblemSourceAdded
from shared.security import Actor

# A problem that is closed between the two statements makes its subject free again.
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Logged:
    """The problem a finding became or was merged into."""

    problem: ProblemFields
    merged: bool


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
    new = [drafts[place] for place in _first_of_each_subject(drafts, waiting)]
    new.sort(key=lambda draft: draft.problem.subject)  # two batches wait instead of deadlocking
    await _link_to_closed(session, new)
    stored = await insert_drafts(await session.driver(), actor, new)
    session.events_recorded()
    for place, draft in enumerate(drafts):
        if draft.problem.id in stored:
            outcomes[place] = Logged(draft.problem, merged=False)
    back = [d.problem for d in new if d.problem.id in stored and d.problem.recurrence]
    await open_cases(session, actor, [recurrence_case(problem) for problem in back])
    repeated = [place for place in waiting if place not in outcomes]
    if not repeated:
        return []
    subjects = {drafts[place].problem.subject for place in repeated}
    known = await lock_open_problems(session, sorted(subjects))
    changes = Changes(actor)
    for place in repeated:
        problem = known.get(drafts[place].problem.subject)
        if problem is not None:
            _merge(problem, drafts[place], changes)
            outcomes[place] = Logged(problem, merged=True)
    await changes.write(session)
    return [place for place in repeated if place not in outcomes]


def _first_of_each_subject(drafts: Sequence[Draft], waiting: Sequence[int]) -> list[int]:
    """Imported closed problems are history and stand beside each other; open ones do not."""
    seen: set[Subject] = set()
    first = []
    for place in waiting:
        subject = drafts[place].problem.subject
        if drafts[place].problem.finished or subject not in seen:
            first.append(place)
        if not drafts[place].problem.finished:
            seen.add(subject)
    return first


async def _link_to_closed(session: Session, drafts: Sequence[Draft]) -> None:
    """Link findings to the closed problems whose defects have come back (I-44)."""
    news = [draft for draft in drafts if not draft.problem.finished]
    if not news:
        return
    subjects = [draft.problem.subject for draft in news]
    twins = await find_closed_twins(await session.driver(), subjects)
    for draft in news:
        twin = twins.get(draft.problem.subject)
        # What was found before the closing is news of the old defect, not of its return.
        if twin is not None and draft.finding.found_on >= twin.closed_on:
            draft.problem.recurs = twin.id
            draft.problem.recurrence = twin.recurrence + 1


def recurrence_case(problem: ProblemFields) -> NewCase:
    """The case of a defect that came back after closing (I-44)."""
    return NewCase(
        cause=Cause.RECURRENCE,
        problem_id=problem.id,
        village_code=problem.village_code,
        campaign_id=problem.campaign_id,
        kind=problem.kind,
        lead_dept=problem.lead_dept,
        finding=f"同一对象同一问题销号后第{problem.recurrence}次复发",
        recurrence=problem.recurrence,
    )


def _merge(problem: Problem, draft: Draft, changes: Changes) -> None:
    """Add the finding to `problem` as a source; the strictest deadline wins (I-04)."""
    finding = draft.finding
    record = draft.problem.sources[0]
    if is_repeated(record, problem.sources):
        return
    due_on = problem.due_on
    strict = strictest(problem.deadline, draft.problem.deadline)
    change = {"source": [None, finding.source], "due_on": [due_on, strict.due_on]}
    changes.touch(problem)
    problem.sources = [*problem.sources, record]
    problem.accountable = problem.accountable or draft.problem.accountable  # I-45
    changes.move(
        problem, Action.ADD_SOURCE, ProblemSourceAdded, change=change, source=finding.source
    )
    if strict.due_on != due_on:
        changes.set_deadline(problem, strict, reason=Action.ADD_SOURCE)
    if problem.state == State.SUSPECTED and not finding.suspected:
        # What somebody else found without doubt needs no confirmation any more.
        confirm_and_dispatch(problem, changes)


def confirm_and_dispatch(
    problem: Problem, changes: Changes, evidence: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Move a suspected problem into the lead department's queue."""
    change = {"evidence": list(evidence)} if evidence else None
    changes.move(problem, Action.CONFIRM, ProblemConfirmed, change=change)
    changes.move(problem, Action.DISPATCH, ProblemDispatched)
