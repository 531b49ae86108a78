"""Reopening closed problems whose defects are back, or never were gone (I-43, I-44)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from services.inspection.accountability.commands import open_cases
from services.inspection.closing.commands.cases import false_cases
from services.inspection.closing.domain import TwinOpen
from services.inspection.closing.queries import find_verifiers
from services.inspection.deadlines.domain import Deadline
from services.inspection.deadlines.queries import LATE_DAYS
from services.inspection.evidence.queries import check_refs
from services.inspection.problems.commands.changes import Changes
from services.inspection.problems.commands.merging import recurrence_case
from services.inspection.problems.commands.moves import Outcome, decide_each
from services.inspection.problems.domain.findings import EvidenceRequired
from services.inspection.problems.domain.states import Action, State, next_state
from services.inspection.problems.queries import lock_open_problems, lock_seen_problems
from services.inspection.problems.tables import Problem, Subject
from services.inspection.scope import sight_of
from services.inspection.work.commands.stalls import watch_progress
from shared.configuration import Configuration, configuration_of
from shared.database import Session
from shared.events.inspection import ProblemFalseRectification, ProblemReopened
from shared.security import Actor

REOPENED = "REOPENED"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a re-inspection found; `false`: it never was as reported."""

    text: str
    evidence: tuple[Mapping[str, Any], ...]
    false: bool = False


async def reopen_problems(
    session: Session, actor: Actor, problem_ids: Sequence[UUID], finding: Finding
) -> list[Outcome]:
    """Take closed problems up again, each moved or refused on its own: of ten houses the three
    with new cracks, and no others.

    They leave the done ones at once and count one recurrence more; a deadline that has passed is
    replaced by `late_days` ⚙ from today. Refusals: `NotFound`, `IllegalMove`, `EvidenceRequired`,
    `TwinOpen`. Raises `EvidenceMismatch` about the evidence they share.
    """
    problems = await lock_seen_problems(session, sight_of(actor), problem_ids)
    reopening = _Reopening(finding, Changes(actor), configuration_of(session), {}, [])
    closed = [problem for problem in problems.values() if problem.state == State.CLOSED]
    if closed:
        subjects = sorted({problem.subject for problem in closed})
        twins = await lock_open_problems(session, subjects)
        reopening.twins = {subject: twin.id for subject, twin in twins.items()}
    connection = await session.driver()
    await check_refs(connection, finding.evidence)
    verifiers = await find_verifiers(connection, list(problems))
    outcomes = decide_each(problem_ids, problems, reopening.reopen)
    try:
        await reopening.changes.write(session)
    except IntegrityError:  # a finding of the same subject was logged beside this
        raise TwinOpen(problem_id=None) from None
    if finding.false:
        cases = await false_cases(session, reopening.reopened, verifiers, finding.text)
    else:
        cases = [recurrence_case(problem) for problem in reopening.reopened]
    await open_cases(session, actor, cases)
    await watch_progress(session, reopening.reopened)
    return outcomes


@dataclass(slots=True)
class _Reopening:
    finding: Finding
    changes: Changes
    configuration: Configuration
    twins: dict[Subject, UUID]
    reopened: list[Problem]

    def reopen(self, problem: Problem) -> None:
        """Reopen one problem; raises what refuses it before anything is changed."""
        next_state(State(problem.state), Action.REOPEN)
        if not self.finding.evidence:
            raise EvidenceRequired.about("evidence")
        twin = self.twins.get(problem.subject)
        if twin is not None:
            raise TwinOpen(problem_id=str(twin))
        self.changes.touch(problem)
        self.twins[problem.subject] = problem.id  # imported history may hold a subject twice
        problem.recurrence += 1
        problem.closed_on = problem.progress_pct = None
        problem.false_rectification = problem.false_rectification or self.finding.false
        self._renew_deadline(problem)
        self.changes.move(
            problem,
            Action.REOPEN,
            ProblemReopened,
            remark=self.finding.text,
            change={"evidence": list(self.finding.evidence), "false": self.finding.false},
            recurrence=problem.recurrence,
        )
        if self.finding.false:
            self.changes.tell(problem, ProblemFalseRectification)
        self.reopened.append(problem)

    def _renew_deadline(self, problem: Problem) -> None:
        """As for a finding whose dates have all passed (I-23)."""
        today = self.changes.today
        if problem.due_on is None or problem.due_on >= today:
            return
        days = self.configuration.value(LATE_DAYS, problem.village_code, today)
        deadline = Deadline(today + timedelta(days=days), (REOPENED,), late_found=True)
        actor = self.changes.actor
        problem.set_deadline(deadline, reason=REOPENED, by=actor.person, at=self.changes.at)
