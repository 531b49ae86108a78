"""What the events of problems mean for policy gaps."""

from collections.abc import Sequence
from decimal import Decimal

from services.funds.policy_gaps.domain import State, action_after, is_confined
from services.funds.policy_gaps.queries import lock_policy_gaps
from services.funds.policy_gaps.tables import PolicyGap
from shared.audit import AuditEntry, record_audits
from shared.database import Session
from shared.events.base import Received
from shared.events.inspection import ProblemEvent, ProblemNoPolicyFound
from shared.security import system_actor


async def on_no_policy_found(
    session: Session, received: Sequence[Received[ProblemNoPolicyFound]]
) -> None:
    """Put the needs on the list, but for kinds nobody else may hear of."""
    known = await lock_policy_gaps(session, [one.event.problem_id for one in received])
    for one in received:
        gap = known.get(one.event.problem_id)
        if is_confined(one.event.kind):
            continue
        if gap is None:
            session.add(_gap(one))
        elif gap.problem_sequence < one.envelope.sequence:
            gap.need_again(_gap(one))


async def on_problem_moved(session: Session, received: Sequence[Received[ProblemEvent]]) -> None:
    """End the gaps of problems that are closed or withdrawn, resume those of reopened ones, and
    follow their lead departments."""
    known = await lock_policy_gaps(session, [one.event.problem_id for one in received])
    audits: list[AuditEntry] = []
    for one in received:
        gap = known.get(one.event.problem_id)
        if gap is None or gap.problem_sequence >= one.envelope.sequence:
            continue
        gap.problem_sequence = one.envelope.sequence
        gap.lead_dept = one.event.lead_dept
        before = State(gap.state)
        action = action_after(before, one.event.state)
        if action is not None:
            gap.move(action)
            audits.append(AuditEntry(gap.problem_id, action, change={"state": [before, gap.state]}))
    if audits:
        actor = system_actor("funds", received[0].event.village_code)
        await record_audits(await session.driver(), actor, "policy_gap", audits)


def _gap(received: Received[ProblemNoPolicyFound]) -> PolicyGap:
    event, envelope = received.event, received.envelope
    return PolicyGap(
        problem_id=event.problem_id,
        problem_no=event.problem_no,
        kind=event.kind,
        village_code=event.village_code,
        lead_dept=event.lead_dept,
        need=event.need,
        needed=None if event.amount is None else Decimal(event.amount),
        found_at=envelope.time,
        problem_sequence=envelope.sequence,
    )
