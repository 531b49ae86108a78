"""The rows of leaders' surveys."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, Index, Uuid
from sqlmodel import Field

from services.inspection.tables import INSTANT, REGION_CODE, InspectionTable


class LeaderSurvey(InspectionTable, table=True):
    """A survey by a leader who serves `area_code` (province, city or county)."""

    __tablename__ = "leader_surveys"

    id: UUID = Field(primary_key=True)
    leader: str
    level: str
    area_code: str = Field(sa_type=REGION_CODE)
    on_day: date
    unannounced: bool
    found_text: str
    problem_ids: list[UUID] = Field(sa_type=ARRAY(Uuid))
    recorded_by: str
    recorded_at: datetime = Field(sa_type=INSTANT)


class SurveyedVillage(InspectionTable, table=True):
    """A village a survey went to, with its day."""

    __tablename__ = "leader_survey_villages"
    __table_args__ = (Index("ix_leader_survey_villages_on_day", "village_code", "on_day"),)

    survey_id: UUID = Field(primary_key=True)
    village_code: str = Field(primary_key=True, sa_type=REGION_CODE)
    on_day: date
