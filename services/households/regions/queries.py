"""Reading regions as they are or were on a day."""

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import ARRAY, ColumnElement, Text, any_, cast
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, or_, select

from services.households.regions.tables import REGIONS, Region
from shared.database import ReadSession
from shared.errors import NotFound
from shared.regions import Level
from shared.web.pagination import PageRequest


async def get_region(session: ReadSession, code: str, day: date) -> Region:
    """The region as it was on `day`; raises `NotFound`."""
    region = await session.scalar(select(Region).where(col(Region.code) == code, *_valid_on(day)))
    if region is None:
        raise NotFound
    return region


async def list_regions(
    session: ReadSession,
    page: PageRequest,
    day: date,
    *,
    parent: str | None = None,
    level: Level | None = None,
) -> Sequence[Region]:
    """The regions of `day` in the order of their codes, one more than the page shows."""
    statement = select(Region).where(*_valid_on(day))
    if parent is not None:
        statement = statement.where(col(Region.parent) == parent)
    if level is not None:
        statement = statement.where(col(Region.level) == level)
    return (await session.scalars(page.after(statement, [REGIONS.c.code], str))).all()


async def newest_periods(session: ReadSession, codes: Collection[str]) -> dict[str, Region]:
    """The newest row of each of `codes` that has one."""
    rows = await session.scalars(
        select(Region)
        .where(_among(codes))
        .ext(distinct_on(col(Region.code)))
        .order_by(col(Region.code), col(Region.valid_from).desc())
    )
    return {region.code: region for region in rows}


async def standing_codes(session: ReadSession, codes: Collection[str], day: date) -> set[str]:
    """Those of `codes` that are in the table and not abolished by `day`.

    One that was entered later than `day` counts: lists come in after the fact (H-01).
    """
    rows = await session.scalars(
        select(col(Region.code)).where(
            _among(codes),
            or_(col(Region.valid_to).is_(None), col(Region.valid_to) > day),
        )
    )
    return set(rows)


async def known_codes(session: ReadSession, codes: Collection[str]) -> set[str]:
    """Those of `codes` that are or ever were in the table."""
    return set(await session.scalars(select(col(Region.code)).where(_among(codes))))


def _among(codes: Collection[str]) -> ColumnElement[bool]:
    # One array parameter: a national list has more codes than a statement may have parameters.
    return col(Region.code) == any_(cast(list(codes), ARRAY(Text)))


def _valid_on(day: date) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Region.valid_from) <= day,
        or_(col(Region.valid_to).is_(None), col(Region.valid_to) > day),
    )
