"""The rows of disputes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field

from services.inspection.tables import INSTANT, REGION_CODE, InspectionTable


class Dispute(InspectionTable, table=True):
    """A department's objection to its lead, and what the poverty office ruled."""

    __tablename__ = "disputes"
    __table_args__ = (
        Index(
            "uq_disputes_unruled",
            "problem_id",
            unique=True,
            postgresql_where=text("ruled_at IS NULL"),
        ),
        Index("ix_disputes_problem_id", "problem_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    problem_id: UUID
    county_code: str = Field(sa_type=REGION_CODE)
    department: str
    proposed_dept: str
    clause: str
    raised_by: str
    raised_at: datetime = Field(sa_type=INSTANT)
    ruled_dept: str | None = None
    ruled_by: str | None = None
    ruled_at: datetime | None = Field(default=None, sa_type=INSTANT)
