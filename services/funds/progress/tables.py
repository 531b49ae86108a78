"""The rows of progress: treasury statements, and the figures last told to others."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, Numeric, UniqueConstraint
from sqlmodel import Field

from services.funds.progress.domain import Figures
from services.funds.tables import INSTANT, MONEY, REGION_CODE, FundsTable


class TreasuryStatement(FundsTable, table=True):
    """What the treasury reported for a day. Never changed: a correction is a row of its own."""

    __tablename__ = "treasury_statements"
    __table_args__ = (UniqueConstraint("region_code", "year", "as_of", "version"),)

    id: UUID = Field(primary_key=True)
    region_code: str = Field(sa_type=REGION_CODE)
    year: int
    as_of: date
    version: int
    available: Decimal = Field(sa_type=MONEY)
    paid: Decimal = Field(sa_type=MONEY)
    reason: str | None = None
    recorded_by: str
    recorded_at: datetime = Field(sa_type=INSTANT)

    @property
    def figures(self) -> Figures:
        """The reported figures."""
        return Figures(self.available, self.paid)


TREASURY_STATEMENTS = FundsTable.metadata.tables["treasury_statements"]


class ProgressFigures(FundsTable, table=True):
    """The figures of the last `ProgressComputed` of a region and year; counts those events."""

    __tablename__ = "progress_figures"

    region_code: str = Field(primary_key=True, sa_type=REGION_CODE)
    year: int = Field(primary_key=True)
    as_of: date
    available: Decimal = Field(sa_type=MONEY)
    paid: Decimal = Field(sa_type=MONEY)
    target_pct: Decimal | None = Field(default=None, sa_type=Numeric(5, 2))
    rank: int | None = None
    event_sequence: int = Field(sa_type=BigInteger)
