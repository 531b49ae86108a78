"""The rows of rhythm records."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, Index, Uuid
from sqlmodel import Field

from services.inspection.tables import INSTANT, REGION_CODE, InspectionTable


class RhythmRecord(InspectionTable, table=True):
    """A study or patrol of `org`, which belongs to `region_code`; `place` is where it went."""

    __tablename__ = "rhythm_records"
    __table_args__ = (Index("ix_rhythm_records_region_code", "region_code", "on_day"),)

    id: UUID = Field(primary_key=True)
    org: str
    region_code: str = Field(sa_type=REGION_CODE)
    kind: str
    on_day: date
    person: str
    place: str | None = Field(sa_type=REGION_CODE)
    text: str
    problem_ids: list[UUID] = Field(sa_type=ARRAY(Uuid))
    recorded_by: str
    recorded_at: datetime = Field(sa_type=INSTANT)
