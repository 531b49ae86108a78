"""Who answers for an organisation, by effective date: an earlier row is never overwritten."""

from datetime import date, datetime

from sqlalchemy import Index
from sqlmodel import Field

from services.inspection.tables import INSTANT, REGION_CODE, InspectionTable


class ResponsiblePersons(InspectionTable, table=True):
    """From `effective_from` on these three answer for `org`, which belongs to `region_code`."""

    __tablename__ = "responsibles"
    __table_args__ = (Index("ix_responsibles_region_code", "region_code", "org", "effective_from"),)

    org: str = Field(primary_key=True)
    effective_from: date = Field(primary_key=True)
    region_code: str = Field(sa_type=REGION_CODE)
    unit_head: str
    deputy: str
    county_leader: str
    set_by: str
    set_at: datetime = Field(sa_type=INSTANT)
