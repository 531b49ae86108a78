"""Setting plans: of one problem, of several, of all a department has (I-30…I-33)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any
from uuid import UUID

from services.inspection.problems.commands.changes import Changes
from services.inspection.problems.commands.moves import Outcome, for_each, must_lead
from services.inspection.problems.domain.levels import Body
from services.inspection.problems.domain.states import VERIFIERS, Action, State, next_state
from services.inspection.problems.tables import Problem
from services.inspection.responsibility.queries import find_responsibles
from services.inspection.scope import sight_of
from services.inspection.work.domain.plans import (
    INCOME_PREFIX,
    Coverage,
    Draft,
    Measure,
    Phrases,
    Plan,
    Step,
    check_author,
    check_coverage,
    decide_plan,
)
from services.inspection.work.queries import find_plan_numbers, measure_coverage
from services.inspection.work.settings import GENERIC_PHRASES, GENERIC_PHRASES_INCOME
from services.inspection.work.tables import ConsolidatedPlan, RectificationPlan
from shared import clock
from shared.audit import record_audit
from shared.configuration import Configuration, configuration_of
from shared.database import Session
from shared.errors import DomainError
from shared.events.inspection import ProblemPlanned
from shared.ids import new_id
from shared.security import Actor

_HEADS = VERIFIERS[Body.DEPARTMENT]


async def plan_problems(
    session: Session,
    actor: Actor,
    drafts: Mapping[UUID, Draft],
    *,
    consolidated_id: UUID | None = None,
) -> list[Outcome]:
    """The lead department plans each problem, or replaces its plan, which is kept. A problem is
    refused with `NotFound`, `Forbidden`, `IllegalMove`, or what `decide_plan` raises."""
    changes = Changes(actor)
    configuration = configuration_of(session)
    plans: list[tuple[Problem, Plan]] = []

    def plan(problem: Problem) -> None:
        must_lead(actor, problem)
        next_state(State(problem.state), Action.PLAN)
        decided = decide_plan(
            drafts[problem.id],
            found_on=problem.found_on,
            due_on=problem.due_on,
            phrases=_phrases(configuration, problem, changes.today),
        )
        deadline = decided.deadline
        change = {"plan_deadline": [problem.plan_deadline, deadline]}
        changes.move(problem, Action.PLAN, ProblemPlanned, change=change, plan_deadline=deadline)
        problem.responsible_person, problem.plan_deadline = decided.responsible_person, deadline
        plans.append((problem, decided))

    outcomes = await for_each(session, actor, list(drafts), plan)
    numbers = await find_plan_numbers(await session.driver(), [problem.id for problem, _ in plans])
    session.add_all(
        _row(changes, problem, decided, numbers.get(problem.id, 0) + 1, consolidated_id)
        for problem, decided in plans
    )
    await changes.write(session)
    return outcomes


def _phrases(configuration: Configuration, problem: Problem, today: date) -> Phrases:
    place = problem.village_code
    banned = configuration.value(GENERIC_PHRASES, place, today)
    if not problem.kind.startswith(INCOME_PREFIX):
        return Phrases(banned)
    return Phrases(banned, configuration.value(GENERIC_PHRASES_INCOME, place, today))


def _row(
    changes: Changes, problem: Problem, plan: Plan, number: int, consolidated_id: UUID | None
) -> RectificationPlan:
    return RectificationPlan(
        id=new_id(),
        problem_id=problem.id,
        number=number,
        target=plan.target,
        responsible_person=plan.responsible_person,
        measures=_plain(plan.measures),
        progress_steps=_plain(plan.progress_steps),
        deadline=plan.deadline,
        consolidated_id=consolidated_id,
        person=changes.actor.person,
        organisation=changes.actor.organisation,
        at=changes.at,
    )


def _plain(parts: Sequence[Measure | Step]) -> list[dict[str, Any]]:
    return [
        {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in asdict(part).items()
        }
        for part in parts
    ]


@dataclass(frozen=True, slots=True)
class Consolidated:
    """A consolidated plan as it was kept, what became of each problem, and the coverage now."""

    id: UUID
    outcomes: Sequence[Outcome]
    coverage: Coverage


async def plan_all(
    session: Session,
    actor: Actor,
    drafts: Mapping[UUID, Draft],
    *,
    campaign_id: UUID | None,
    author: str,
    author_role: str,
) -> Consolidated:
    """The head of a department plans all its open problems (of a campaign) at once (I-33). A
    problem that has a plan already is covered without being named. Each one is planned or refused
    on its own. Raises `AuthorNotHead`, `CoverageIncomplete`.
    """
    check_author(
        is_head=not actor.roles.isdisjoint(_HEADS),
        author=author,
        author_role=author_role,
        head=await _head_of(session, actor.organisation),
    )
    sight, plan_id = sight_of(actor), new_id()
    covered = await measure_coverage(session, sight, actor.unit, campaign_id, list(drafts))
    check_coverage(covered)
    outcomes = await plan_problems(session, actor, drafts, consolidated_id=plan_id)
    refused = sum(isinstance(outcome, DomainError) for outcome in outcomes)
    figures = {"planned": len(outcomes) - refused, "refused": refused}
    session.add(
        ConsolidatedPlan(
            id=plan_id,
            region_code=actor.region,
            department=actor.unit,
            campaign_id=campaign_id,
            author=author,
            **figures,
            person=actor.person,
            at=clock.now(),
        )
    )
    await record_audit(session, actor, "PLAN", "consolidated_plan", plan_id, change=figures)
    coverage = await measure_coverage(session, sight, actor.unit, campaign_id)
    return Consolidated(plan_id, outcomes, coverage)


async def _head_of(session: Session, organisation: str) -> str | None:
    """The name on record for an organisation's number one (I-12)."""
    found = await find_responsibles(await session.driver(), [organisation], clock.today())
    return found[organisation].unit_head if organisation in found else None
