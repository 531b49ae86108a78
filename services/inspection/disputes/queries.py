"""Reading the disputes of a problem."""

from uuid import UUID

from sqlmodel import col, select

from services.inspection.disputes.tables import Dispute
from shared.database import ReadSession, Session


async def list_disputes(session: ReadSession, problem_id: UUID) -> list[Dispute]:
    """The disputes of a problem, oldest first."""
    statement = select(Dispute).where(col(Dispute.problem_id) == problem_id)
    return list(await session.scalars(statement.order_by(col(Dispute.id))))


async def get_unruled_for_update(session: Session, problem_id: UUID) -> Dispute:
    """The dispute the poverty office has to rule; a DISPUTED problem, locked, has one."""
    statement = select(Dispute).where(
        col(Dispute.problem_id) == problem_id, col(Dispute.ruled_at).is_(None)
    )
    return (await session.scalars(statement.with_for_update())).one()
