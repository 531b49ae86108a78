"""Look-ups in what funds knows of regions."""

from datetime import date

from sqlalchemy import func
from sqlmodel import col, select

from services.funds.mirror.domain import UnknownRegion
from services.funds.mirror.tables import Region
from shared.database import ReadSession, Session
from shared.regions import prefix_range

_COUNTY_DIGITS = 6


async def lock_region(session: Session, code: str) -> None:
    """Make the transaction the only one that enters money facts of `code`; raises `UnknownRegion`.

    What is entered twice is looked for under this lock, so two clerks cannot both find nothing.
    """
    known = select(Region.code).where(col(Region.code) == code).with_for_update(key_share=True)
    if await session.scalar(known) is None:
        raise UnknownRegion


async def list_counties(session: ReadSession, within: str | None, on: date) -> list[Region]:
    """The counties of the region `within` (None: of the country) that had not ended on `on`."""
    statement = select(Region).where(
        func.length(Region.code) == _COUNTY_DIGITS,
        (col(Region.valid_to).is_(None)) | (col(Region.valid_to) >= on),
    )
    if within is not None:
        low, high = prefix_range(within)
        statement = statement.where(col(Region.code) >= low, col(Region.code) < high)
    return list(await session.scalars(statement.order_by(col(Region.code))))
