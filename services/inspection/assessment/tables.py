"""The rows of assessment sheets."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from services.inspection.tables import DOCUMENT, INSTANT, REGION_CODE, TEXTS, InspectionTable


class AssessmentSheet(InspectionTable, table=True):
    """A region's self-check of a year. `key_indicators` and `pass_pct` are those in force when it
    was drawn up; `scores` holds decimals as text, by item."""

    __tablename__ = "assessment_sheets"
    __table_args__ = (Index("ix_assessment_sheets_region_code", "region_code", "year"),)

    id: UUID = Field(primary_key=True)
    region_code: str = Field(sa_type=REGION_CODE)
    year: int
    name: str
    items: list[dict[str, Any]] = Field(sa_type=DOCUMENT)
    scores: dict[str, str] = Field(default_factory=dict, sa_type=DOCUMENT)
    key_indicators: list[str] = Field(sa_type=TEXTS)
    pass_pct: int
    created_by: str
    created_at: datetime = Field(sa_type=INSTANT)
