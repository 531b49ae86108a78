"""Reading standards."""

from sqlmodel import col, select

from services.households.standards.domain import Standard, chain_of, resolve
from services.households.standards.tables import StandardRow
from shared.database import ReadSession, Session


async def get_standard(session: ReadSession, region: str, year: int) -> Standard:
    """The standard that holds for `region` and `year`; raises `StandardNotFound`."""
    rows = await session.scalars(
        select(StandardRow).where(
            col(StandardRow.region).in_(chain_of(region)), col(StandardRow.year) == year
        )
    )
    return resolve(region, year, {row.region: row.keys for row in rows})


async def find_row_for_update(session: Session, region: str, year: int) -> StandardRow | None:
    """The region's own row, locked."""
    return await session.get(StandardRow, (region, year), with_for_update=True)
