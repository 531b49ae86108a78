"""Opening cases, in the transaction of what gives rise to them."""

from collections.abc import Sequence
from dataclasses import asdict

from services.inspection.accountability.domain import NewCase, propose
from services.inspection.accountability.tables import AccountabilityCase
from shared import clock
from shared.audit import AuditEntry, record_audits
from shared.database import Session
from shared.events.inspection import AccountabilityOpened
from shared.ids import new_id
from shared.messaging.outbox import prepare, record_many
from shared.security import Actor


async def open_cases(session: Session, actor: Actor, cases: Sequence[NewCase]) -> None:
    """Open one case each (I-43, I-44), with its event and audit row, in few statements."""
    if not cases:
        return
    rows = [_row(actor, case) for case in cases]
    session.add_all(rows)
    await session.flush()
    connection = await session.driver()
    await record_many(connection, [prepare(_opened(row), row.event_sequence) for row in rows])
    session.events_recorded()
    audits = [AuditEntry(row.id, "OPEN", change={"cause": row.cause}) for row in rows]
    await record_audits(connection, actor, "accountability", audits)


def _row(actor: Actor, case: NewCase) -> AccountabilityCase:
    return AccountabilityCase(
        id=new_id(),
        cause=case.cause,
        proposal=propose(case.cause, case.recurrence),
        county_code=case.village_code[:6],
        village_code=case.village_code,
        campaign_id=case.campaign_id,
        kind=case.kind,
        lead_dept=case.lead_dept,
        problem_ids=[case.problem_id],
        subjects=[asdict(link) for link in case.chain],
        finding=case.finding,
        opened_at=clock.now(),
        opened_by=actor.person,
        event_sequence=1,
    )


def _opened(row: AccountabilityCase) -> AccountabilityOpened:
    return AccountabilityOpened(
        case_id=row.id,
        cause=row.cause,
        proposal=row.proposal,
        village_code=row.village_code,
        campaign_id=row.campaign_id,
        kind=row.kind,
        problem_ids=row.problem_ids,
        organisations=sorted({subject["organisation"] for subject in row.subjects}),
    )
