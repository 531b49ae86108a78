"""The cases of false reports, with everybody in the chain behind them (I-43)."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from services.inspection.accountability.domain import Cause, Link, NewCase, Part
from services.inspection.closing.queries import Verifier
from services.inspection.problems.tables import Problem
from services.inspection.work.queries import find_chain
from shared.database import Session


async def false_cases(
    session: Session,
    problems: Sequence[Problem],
    verifiers: Mapping[UUID, Sequence[Verifier]],
    finding: str,
) -> list[NewCase]:
    """One case per problem whose report was untrue: who passed the task on, checked, submitted
    and verified it."""
    chains = await find_chain(await session.driver(), [problem.id for problem in problems])
    return [
        NewCase(
            cause=Cause.FALSE_RECTIFICATION,
            problem_id=problem.id,
            village_code=problem.village_code,
            campaign_id=problem.campaign_id,
            kind=problem.kind,
            lead_dept=problem.lead_dept,
            finding=finding,
            recurrence=problem.recurrence,
            chain=(
                *chains.get(problem.id, ()),
                *(
                    Link(one.person, one.organisation, Part.VERIFIED)
                    for one in verifiers.get(problem.id, ())
                ),
            ),
        )
        for problem in problems
    ]
