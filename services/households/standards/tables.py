"""The rows of standards."""

from datetime import date, datetime
from decimal import Decimal

from sqlmodel import Field

from services.households.standards.domain import KEYS, StandardKeys
from services.households.tables import INSTANT, MONEY, PERCENT, REGION_CODE, HouseholdsTable


class StandardRow(HouseholdsTable, table=True):
    """What a region has set for a year; a null leaves the key to the regions above."""

    __tablename__ = "standards"

    region: str = Field(primary_key=True, sa_type=REGION_CODE)
    year: int = Field(primary_key=True)
    poverty_line: Decimal | None = Field(default=None, sa_type=MONEY)
    monitor_line: Decimal | None = Field(default=None, sa_type=MONEY)
    income_basis: str | None = None
    exit_compare: str | None = None
    household_profile: str | None = None
    village_profile: str | None = None
    sudden_drop_pct: Decimal | None = Field(default=None, sa_type=PERCENT)
    rigid_ratio_pct: Decimal | None = Field(default=None, sa_type=PERCENT)
    period_start: date | None = None
    period_end: date | None = None
    set_by: str
    set_at: datetime = Field(sa_type=INSTANT)
    version: int = 0

    @property
    def keys(self) -> StandardKeys:
        """The row as a plain value."""
        return StandardKeys(**{key: getattr(self, key) for key in KEYS})
