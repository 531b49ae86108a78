"""Look-ups in the copies."""

from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select

from services.households.mirror.tables import ProblemMirror
from shared.database import ReadSession


async def count_open_problems(session: ReadSession, household_id: UUID) -> int:
    """How many problems about a household stand open."""
    counted = await session.scalar(
        select(func.count()).where(
            col(ProblemMirror.object_type) == "HOUSEHOLD",
            col(ProblemMirror.object_ref) == str(household_id),
            col(ProblemMirror.is_open),
        )
    )
    return counted or 0
