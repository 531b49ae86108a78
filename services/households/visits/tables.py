"""The rows of visits; a visit is written once."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from services.households.tables import INSTANT, JSON, REGION_CODE, HouseholdsTable


class Visit(HouseholdsTable, table=True):
    """A home visit; `looks` maps "1" to "9" to YES or NO."""

    __tablename__ = "visits"
    __table_args__ = (Index("ix_visits_household_id", "household_id", "visited_on", "id"),)

    id: UUID = Field(primary_key=True)
    household_id: UUID = Field(foreign_key="households.id")
    village_code: str = Field(sa_type=REGION_CODE)
    visited_on: date
    visitor: str
    visitor_organisation: str
    looks: dict[str, str] = Field(sa_type=JSON)
    note: str | None = None
    recorded_by: str
    recorded_at: datetime = Field(sa_type=INSTANT)
    event_sequence: int = Field(default=0, sa_type=BigInteger)


VISITS = HouseholdsTable.metadata.tables["visits"]
