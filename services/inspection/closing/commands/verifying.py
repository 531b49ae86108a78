"""Verification by four bodies (I-40), settling spot checks (I-41), false reports (I-43).

However many problems a verdict is about, it takes one transaction and a fixed number of statements.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.inspection.accountability.commands import open_cases
from services.inspection.closing.commands.cases import false_cases
from services.inspection.closing.domain import (
    CloseOrder,
    MechanismRequired,
    Result,
    SameVerifier,
    SpotCheckOpen,
    Verdict,
    check_body,
    check_turn,
    check_verdict,
)
from services.inspection.closing.queries import (
    OpenBatch,
    Verifier,
    find_batched,
    find_mechanisms,
    find_verifiers,
    lock_open_batches,
)
from services.inspection.closing.tables import Verification
from services.inspection.deadlines.domain import Scope
from services.inspection.evidence.queries import check_refs
from services.inspection.problems.commands.changes import Changes
from services.inspection.problems.commands.levels import order_of, path_for, verifier_of
from services.inspection.problems.commands.moves import Outcome, decide_each
from services.inspection.problems.domain.levels import Body, Path
from services.inspection.problems.domain.states import (
    VERIFY,
    Action,
    State,
    next_body,
    next_state,
)
from services.inspection.problems.queries import lock_seen_problems
from services.inspection.problems.tables import Problem
from services.inspection.scope import sight_of
from services.inspection.work.commands.stalls import watch_progress
from shared.configuration import Configuration, configuration_of
from shared.database import Session
from shared.events.inspection import (
    ProblemClosed,
    ProblemFalseRectification,
    ProblemReturned,
    ProblemVerified,
)
from shared.ids import new_id
from shared.security import Actor

_WHOLE_BATCH = "同批抽查发现不合格，整批退回"


async def verify_problems(
    session: Session, actor: Actor, problem_ids: Sequence[UUID], verdict: Verdict
) -> list[Outcome]:
    """Pass or fail each problem at a level; each is moved or refused on its own.

    Refusals: `NotFound`, `Forbidden` (another body's level), `IllegalMove`, `CloseOrder`,
    `SameVerifier`, `MechanismRequired`, `SpotCheckOpen`, `Invalid` (failure without reason or
    evidence). Raises `EvidenceMismatch` about the evidence they share.
    """
    batches = await lock_open_batches(session, problem_ids)
    concerned = {*problem_ids, *(one for batch in batches for one in batch.members)}
    problems = await lock_seen_problems(session, sight_of(actor), sorted(concerned))
    connection = await session.driver()
    await check_refs(connection, verdict.evidence)
    verifying = _Verifying(
        verdict=verdict,
        changes=Changes(actor),
        configuration=configuration_of(session),
        verifiers=await find_verifiers(connection, list(problems)),
        mechanisms=await find_mechanisms(connection, list(problems)),
        batch_of={one: batch for batch in batches for one in batch.members},
        batched=await find_batched(connection, list(problems)),
    )
    outcomes = decide_each(problem_ids, problems, verifying.verify)
    for batch in batches:
        verifying.settle(batch, problems)
    await verifying.write(session)
    return outcomes


@dataclass(slots=True)
class _Verifying:
    """One verdict on problems that are locked, with what is known of them."""

    verdict: Verdict
    changes: Changes
    configuration: Configuration
    verifiers: Mapping[UUID, Sequence[Verifier]]
    mechanisms: Collection[UUID]
    batch_of: Mapping[UUID, OpenBatch]
    batched: Collection[UUID]
    records: list[Verification] = field(default_factory=list)
    returned: list[Problem] = field(default_factory=list)
    false: list[Problem] = field(default_factory=list)

    def verify(self, problem: Problem) -> None:
        """Pass or fail one problem; raises what refuses it before anything is changed."""
        actor, verdict = self.changes.actor, self.verdict
        order = order_of(self.configuration, problem)
        path = path_for(order, problem)
        check_body(
            order[verdict.level - 1],
            unit=actor.unit,
            roles=actor.roles,
            lead_dept=problem.lead_dept,
        )
        body = check_turn(order, path, State(problem.state), verdict.level)
        check_verdict(verdict)
        self._check_person(problem, body)
        self._check_batch(problem, body)
        if body is path[-1] and verdict.result is Result.PASS:
            self._check_closing(problem, order, path)
        self._note_sample(problem, body)
        if verdict.result is Result.PASS:
            self._pass(problem, path, body)
        else:
            self._return(problem, path, body, verdict.text, false=verdict.false)

    def _check_person(self, problem: Problem, body: Body) -> None:
        """One person, one level (I-40); whoever decides a sample passes the rest with it."""
        batch = self.batch_of.get(problem.id) if body is Body.OFFICE else None
        concerned = (problem.id,) if batch is None else batch.members
        levels = {
            one.level
            for problem_id in concerned
            for one in self.verifiers.get(problem_id, ())
            if one.person == self.changes.actor.person
        }
        if levels - {self.verdict.level}:
            raise SameVerifier

    def _check_batch(self, problem: Problem, body: Body) -> None:
        """A spot check that was drawn while this waited for the problem is not locked: later."""
        locked = problem.id in self.batch_of
        if locked != (problem.id in self.batched) or (locked and body is not Body.OFFICE):
            raise SpotCheckOpen

    def _check_closing(self, problem: Problem, order: Path, path: Path) -> None:
        """Nothing closes that a body has not passed, even if the order was changed meanwhile."""
        passed = {one.body for one in self.verifiers.get(problem.id, ())}
        missing = [body for body in path[:-1] if body not in passed]
        if missing:
            raise CloseOrder(level=self.verdict.level, expected=order.index(missing[0]) + 1)
        if problem.scope == Scope.SYSTEMIC and problem.id not in self.mechanisms:
            raise MechanismRequired

    def _note_sample(self, problem: Problem, body: Body) -> None:
        batch = self.batch_of.get(problem.id)
        if batch is not None and body is Body.OFFICE:
            batch.members[problem.id].result = self.verdict.result

    def _pass(self, problem: Problem, path: Path, body: Body, batch_id: UUID | None = None) -> None:
        closes = body is path[-1]
        self.changes.touch(problem)
        if closes:
            problem.closed_on = self.changes.today
            self.changes.move(
                problem, VERIFY[body], ProblemClosed, path=path, closed_on=self.changes.today
            )
        else:
            after = next_state(State(problem.state), VERIFY[body], path)
            self.changes.move(
                problem,
                VERIFY[body],
                ProblemVerified,
                path=path,
                level=self.verdict.level,
                next_org=verifier_of(problem, after, path),
            )
        self._record(problem, body, passed=True, batch_id=batch_id)

    def _return(
        self,
        problem: Problem,
        path: Path,
        body: Body,
        reason: str | None,
        *,
        false: bool = False,
        batch_id: UUID | None = None,
    ) -> None:
        self.changes.touch(problem)
        problem.false_rectification = problem.false_rectification or false  # I-43
        problem.progress_pct = None
        self.changes.move(
            problem,
            Action.RETURN,
            ProblemReturned,
            path=path,
            remark=reason,
            change={"false": false},
            level=self.verdict.level,
        )
        if false:
            self.changes.tell(problem, ProblemFalseRectification)
            self.false.append(problem)
        self.returned.append(problem)
        self._record(problem, body, passed=False, false=false, batch_id=batch_id)

    def _record(
        self,
        problem: Problem,
        body: Body,
        *,
        passed: bool,
        false: bool = False,
        batch_id: UUID | None = None,
    ) -> None:
        actor, verdict = self.changes.actor, self.verdict
        self.records.append(
            Verification(
                id=new_id(),
                problem_id=problem.id,
                attempt=problem.attempt,
                level=verdict.level,
                body=body,
                passed=passed,
                false_report=false,
                batch_id=batch_id,
                text=verdict.text if batch_id is None or passed else _WHOLE_BATCH,
                evidence=list(verdict.evidence) if batch_id is None else [],
                person=actor.person,
                organisation=actor.organisation,
                at=self.changes.at,
            )
        )

    def settle(self, open_batch: OpenBatch, problems: Mapping[UUID, Problem]) -> None:
        """Settle a spot check whose sample is decided: one failure returns the whole batch,
        otherwise the unsampled problems pass with the sample (I-41)."""
        batch, members = open_batch.batch, open_batch.members
        failed = any(member.result == Result.FAIL for member in members.values())
        if not failed and any(m.sampled and m.result is None for m in members.values()):
            return
        for problem_id, member in members.items():
            problem = problems[problem_id]
            order = order_of(self.configuration, problem)
            path = path_for(order, problem)
            waiting = next_body(State(problem.state), path)
            if failed and waiting is not None:
                self._return(problem, path, Body.OFFICE, _WHOLE_BATCH, batch_id=batch.id)
            elif not failed and waiting is Body.OFFICE:
                self._pass(problem, path, Body.OFFICE, batch_id=batch.id)
            member.settled = True
        batch.settle(self.changes.at, failed=failed)

    async def write(self, session: Session) -> None:
        """Write the verdicts and all that follows from them."""
        session.add_all(self.records)
        await self.changes.write(session)
        if self.returned:
            await watch_progress(session, self.returned)
        if self.false:
            cases = await false_cases(session, self.false, self.verifiers, self.verdict.text or "")
            await open_cases(session, self.changes.actor, cases)
