"""The region table: one row per code and period of validity."""

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field

from services.households.regions.domain import Period, RegionFacts
from services.households.tables import REGION_CODE, HouseholdsTable


class Region(HouseholdsTable, table=True):
    """A region during one period; `valid_to` is the first day on which it no longer holds."""

    __tablename__ = "regions"
    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="period"),
        Index("uq_regions_present", "code", unique=True, postgresql_where=text("valid_to IS NULL")),
    )

    code: str = Field(primary_key=True, sa_type=REGION_CODE)
    valid_from: date = Field(primary_key=True)
    valid_to: date | None = None
    name: str
    level: str
    parent: str | None = Field(default=None, sa_type=REGION_CODE, index=True)
    kind: str | None = None
    admin_zone: bool = False
    longitude: float | None = None
    latitude: float | None = None
    rural_population: int | None = None
    event_sequence: int = Field(default=0, sa_type=BigInteger)

    @property
    def period(self) -> Period:
        """The row as a plain value."""
        facts = RegionFacts(
            name=self.name,
            kind=self.kind,
            admin_zone=self.admin_zone,
            longitude=self.longitude,
            latitude=self.latitude,
            rural_population=self.rural_population,
        )
        return Period(facts, self.valid_from, self.valid_to)


REGIONS = HouseholdsTable.metadata.tables["regions"]
