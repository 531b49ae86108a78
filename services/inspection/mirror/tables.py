"""Local copies of foreign facts; only reactions write them."""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from services.inspection.tables import REGION_CODE, InspectionTable


class Region(InspectionTable, table=True):
    """A region of any level."""

    __tablename__ = "regions"

    code: str = Field(primary_key=True, sa_type=REGION_CODE)
    name: str
    kind: str | None = None
    admin_zone: bool
    valid_to: date | None
    version: int = Field(sa_type=BigInteger)


class HouseholdMirror(InspectionTable, table=True):
    """A household: that it exists, where, the cohort its deadlines run for, and when it exited."""

    __tablename__ = "household_mirror"
    __table_args__ = (Index("ix_household_mirror_village_code", "village_code", "household_id"),)

    household_id: UUID = Field(primary_key=True)
    household_no: str
    village_code: str = Field(sa_type=REGION_CODE)
    cohort: str
    exit_year: int | None = None
    active: bool
    version: int
