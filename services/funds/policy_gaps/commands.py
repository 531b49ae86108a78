"""What can be done with policy gaps: arrange the money."""

from decimal import Decimal
from uuid import UUID

from services.funds.allocations.domain import Source
from services.funds.policy_gaps.domain import Action
from services.funds.policy_gaps.queries import get_policy_gap_for_update
from services.funds.policy_gaps.tables import PolicyGap
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.events.funds import PolicyGapArranged
from shared.messaging import outbox
from shared.money import display
from shared.security import Actor


async def arrange_funds(
    session: Session,
    actor: Actor,
    problem_id: UUID,
    *,
    source: Source,
    amount: Decimal,
    doc_no: str,
) -> PolicyGap:
    """Record from where the county pays for a problem that no policy pays for (I-36).

    Raises `NotFound` outside the actor's region, and `IllegalMove` for a gap that is not open.
    """
    gap = await get_policy_gap_for_update(session, problem_id, actor.region)
    before = gap.state
    gap.move(Action.ARRANGE)
    gap.source, gap.amount, gap.doc_no = source, amount, doc_no
    gap.arranged_by, gap.arranged_at = actor.person, clock.now()
    arranged = {"source": source, "amount": display(amount), "doc_no": doc_no}
    await record_audit(
        session,
        actor,
        Action.ARRANGE,
        "policy_gap",
        problem_id,
        change={"state": [before, gap.state], **arranged},
    )
    event = PolicyGapArranged(
        problem_id=problem_id,
        problem_no=gap.problem_no,
        village_code=gap.village_code,
        lead_dept=gap.lead_dept,
        **arranged,
    )
    await outbox.record(session, gap, event)
    return gap
