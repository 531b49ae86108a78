"""Reading cases within a caller's sight."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select

from services.inspection.accountability.tables import CASES, AccountabilityCase
from services.inspection.kinds import CORRUPTION_PREFIX, STYLE
from services.inspection.scope import Sight
from shared.database import ReadSession
from shared.errors import NotFound
from shared.web.pagination import PageRequest


async def list_cases(
    session: ReadSession, sight: Sight, campaign_id: UUID | None, page: PageRequest
) -> list[AccountabilityCase]:
    """A page of cases, oldest first."""
    statement = select(AccountabilityCase).where(*_in_sight(sight))
    if campaign_id is not None:
        statement = statement.where(col(AccountabilityCase.campaign_id) == campaign_id)
    return list(await session.scalars(page.after(statement, [CASES.c.id], UUID)))


async def get_case(session: ReadSession, sight: Sight, case_id: UUID) -> AccountabilityCase:
    """One case; raises `NotFound` when it lies outside the sight."""
    statement = select(AccountabilityCase).where(
        col(AccountabilityCase.id) == case_id, *_in_sight(sight)
    )
    case: AccountabilityCase | None = await session.scalar(statement)
    if case is None:
        raise NotFound
    return case


def _in_sight(sight: Sight) -> list[ColumnElement[bool]]:
    place: Any = col(AccountabilityCase.village_code)
    kind = col(AccountabilityCase.kind)
    conditions = [place >= sight.low, place < sight.high]
    if not sight.style:
        conditions.append(kind != STYLE)
    if not sight.corruption:
        conditions.append(~func.starts_with(kind, CORRUPTION_PREFIX))
    return conditions
