"""Reading visits."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from services.households.visits.tables import VISITS, Visit
from shared.database import ReadSession
from shared.web.pagination import PageRequest


async def list_visits(
    session: ReadSession, page: PageRequest, household_id: UUID
) -> Sequence[Visit]:
    """The visits to a household, earliest first, one more than the page shows."""
    statement = select(Visit).where(col(Visit.household_id) == household_id)
    order = [VISITS.c.visited_on, VISITS.c.id]
    return (await session.scalars(page.after(statement, order, date, UUID))).all()
