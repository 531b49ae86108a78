"""Reporting problems done (I-14, I-42)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.inspection.evidence.queries import check_refs
from services.inspection.problems.commands.changes import Changes
from services.inspection.problems.commands.levels import order_of, path_for, verifier_of
from services.inspection.problems.commands.moves import Outcome, for_each
from services.inspection.problems.domain.states import Action, State, next_state
from services.inspection.problems.tables import Problem
from services.inspection.work.commands.execution import must_execute
from services.inspection.work.domain.execution import (
    HandoffOnly,
    Organisation,
    check_evidence,
)
from services.inspection.work.queries import find_own_checked
from services.inspection.work.settings import PHOTO_KINDS
from services.inspection.work.tables import Submission
from shared.configuration import configuration_of
from shared.database import Session
from shared.events.inspection import ProblemSubmitted
from shared.security import Actor


async def submit_problems(
    session: Session,
    actor: Actor,
    problem_ids: Sequence[UUID],
    *,
    done_text: str,
    evidence: Sequence[dict[str, Any]],
) -> list[Outcome]:
    """The executing unit reports problems done. Each is submitted, or refused with `NotFound`,
    `Forbidden`, `IllegalMove`, `HandoffOnly`, `EvidenceRequired` or `PhotosRequired`. Raises
    `EvidenceMismatch` about the evidence they share.
    """
    changes = Changes(actor)
    configuration = configuration_of(session)
    checks_itself = Organisation(actor.unit, actor.region).must_check_itself
    connection = await session.driver()
    checked = await find_own_checked(connection, problem_ids, actor.organisation)

    def submit(problem: Problem) -> None:
        must_execute(actor, problem)
        next_state(State(problem.state), Action.SUBMIT)
        attempt = problem.attempt + 1
        if checks_itself and (problem.id, attempt) not in checked:  # I-14
            raise HandoffOnly
        photo_kinds = configuration.value(PHOTO_KINDS, problem.village_code, changes.today)
        check_evidence(problem.kind, evidence, problem.sources, photo_kinds)
        path = path_for(order_of(configuration, problem), problem)
        changes.move(
            problem,
            Action.SUBMIT,
            ProblemSubmitted,
            remark=done_text,
            change={"attempt": attempt, "evidence": len(evidence)},
            next_org=verifier_of(problem, State.SUBMITTED, path),
        )
        problem.attempt = attempt
        session.add(_row(changes, problem, done_text, evidence))

    outcomes = await for_each(session, actor, problem_ids, submit)
    if any(isinstance(outcome, Problem) for outcome in outcomes):
        await check_refs(connection, evidence)
    await changes.write(session)
    return outcomes


def _row(
    changes: Changes, problem: Problem, done_text: str, evidence: Sequence[dict[str, Any]]
) -> Submission:
    return Submission(
        problem_id=problem.id,
        attempt=problem.attempt,
        done_text=done_text,
        evidence=list(evidence),
        person=changes.actor.person,
        organisation=changes.actor.organisation,
        at=changes.at,
    )
