"""Reading treasury statements, and the figures and ranks that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from services.funds.allocations.queries import published_sums
from services.funds.mirror.domain import city_of
from services.funds.mirror.queries import list_counties
from services.funds.progress.domain import Basis, Figures, StatementMissing, rank
from services.funds.progress.tables import TREASURY_STATEMENTS, TreasuryStatement
from shared.database import ReadSession
from shared.regions import prefix_range
from shared.web.pagination import PageRequest

# One index probe per region: history does not slow it down.
_NEAREST = text(
    """
    SELECT nearest.*
    FROM unnest(CAST(:codes AS text[])) AS wanted (code)
    CROSS JOIN LATERAL (
      SELECT * FROM treasury_statements
      WHERE region_code = wanted.code AND year = :year AND as_of <= :as_of
      ORDER BY as_of DESC, version DESC
      LIMIT 1
    ) AS nearest
    """
)
_NOTHING = Figures(Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class Standing:
    """A county among the `ranked` counties of its city; no rank where nothing was available."""

    region_code: str
    name: str
    figures: Figures | None
    rank: int | None


@dataclass(frozen=True, slots=True)
class Progress:
    """The figures of one region, the statement up to the day, and the place in the city."""

    figures: Figures
    ledger: Figures
    statement: TreasuryStatement | None
    rank: int | None
    ranked: int

    @property
    def difference(self) -> Decimal | None:
        """What the treasury says was paid, less what our entries say; never absorbed (F-31)."""
        return None if self.statement is None else self.statement.paid - self.ledger.paid


async def get_progress(
    session: ReadSession, region_code: str, year: int, as_of: date, basis: Basis
) -> Progress:
    """Where exactly `region_code` stands on `as_of` (F-19).

    Raises `StatementMissing` on the basis TREASURY without a statement up to that day.
    """
    statement = (await nearest_statements(session, [region_code], year, as_of)).get(region_code)
    ledger = (await _ledger(session, [region_code], year, as_of))[region_code]
    if basis is Basis.TREASURY and statement is None:
        raise StatementMissing
    city = city_of(region_code)
    standings = await list_standings(session, city, year, as_of, basis) if city else []
    ranks = {one.region_code: one.rank for one in standings if one.rank is not None}
    return Progress(
        figures=ledger if basis is Basis.LEDGER or statement is None else statement.figures,
        ledger=ledger,
        statement=statement,
        rank=ranks.get(region_code),
        ranked=len(ranks),
    )


async def list_standings(
    session: ReadSession, city: str | None, year: int, as_of: date, basis: Basis
) -> list[Standing]:
    """The counties of a city (None: of the country, each ranked in its own city), best first."""
    counties = await list_counties(session, city, as_of)
    codes = [county.code for county in counties]
    figures = (
        await _ledger(session, codes, year, as_of)
        if basis is Basis.LEDGER
        else await _reported(session, codes, year, as_of)
    )
    cities: dict[str | None, dict[str, Figures]] = {}
    for code, one in figures.items():
        cities.setdefault(city_of(code), {})[code] = one
    ranks = {code: place for group in cities.values() for code, place in rank(group).items()}
    standings = [
        Standing(county.code, county.name, figures.get(county.code), ranks.get(county.code))
        for county in counties
    ]
    return sorted(standings, key=lambda one: (one.rank or len(codes) + 1, one.region_code))


async def find_statement(
    session: ReadSession, region_code: str, year: int, as_of: date
) -> TreasuryStatement | None:
    """The newest version of the statement of exactly this day."""
    return await session.scalar(
        select(TreasuryStatement)
        .where(
            col(TreasuryStatement.region_code) == region_code,
            col(TreasuryStatement.year) == year,
            col(TreasuryStatement.as_of) == as_of,
        )
        .order_by(col(TreasuryStatement.version).desc())
        .limit(1)
    )


async def nearest_statements(
    session: ReadSession, region_codes: Sequence[str], year: int, as_of: date
) -> dict[str, TreasuryStatement]:
    """By region code, the newest version of the last statement up to `as_of`, if there is one."""
    found = select(TreasuryStatement).from_statement(_NEAREST)
    rows = await session.scalars(found, {"codes": list(region_codes), "year": year, "as_of": as_of})
    return {row.region_code: row for row in rows}


async def list_statements(
    session: ReadSession, region: str, page: PageRequest, year: int | None = None
) -> Sequence[TreasuryStatement]:
    """Every version of every statement of `region` and below, one more than the page."""
    low, high = prefix_range(region)
    statement = select(TreasuryStatement).where(
        col(TreasuryStatement.region_code) >= low, col(TreasuryStatement.region_code) < high
    )
    if year is not None:
        statement = statement.where(col(TreasuryStatement.year) == year)
    return (await session.scalars(page.after(statement, [TREASURY_STATEMENTS.c.id], UUID))).all()


async def _reported(
    session: ReadSession, region_codes: Sequence[str], year: int, as_of: date
) -> dict[str, Figures]:
    statements = await nearest_statements(session, region_codes, year, as_of)
    return {code: statement.figures for code, statement in statements.items()}


async def _ledger(
    session: ReadSession, region_codes: Sequence[str], year: int, as_of: date
) -> dict[str, Figures]:
    sums = await published_sums(session, region_codes, year, as_of)
    return {code: Figures(*sums[code]) if code in sums else _NOTHING for code in region_codes}
