"""The rows of feedback. Whether an item is closed is read off its problems, never stored."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from services.inspection.tables import DOCUMENT, INSTANT, REGION_CODE, TEXTS, InspectionTable


class Feedback(InspectionTable, table=True):
    """The feedback of an inspection to a county; `aspects` holds {no, title}."""

    __tablename__ = "feedbacks"
    __table_args__ = (Index("ix_feedbacks_region_code", "region_code", "id"),)

    id: UUID = Field(primary_key=True)
    name: str
    source: str
    region_code: str = Field(sa_type=REGION_CODE)
    campaign_id: UUID | None
    received_on: date
    aspects: list[dict[str, Any]] = Field(sa_type=DOCUMENT)
    created_by: str
    created_at: datetime = Field(sa_type=INSTANT)


class FeedbackItem(InspectionTable, table=True):
    """One item of an aspect; `units` are the departments it names."""

    __tablename__ = "feedback_items"
    __table_args__ = (
        UniqueConstraint("feedback_id", "aspect_no", "no", name="uq_feedback_items_no"),
    )

    id: UUID = Field(primary_key=True)
    feedback_id: UUID
    aspect_no: int
    no: int
    text: str
    units: list[str] = Field(sa_type=TEXTS)


class FeedbackClaim(InspectionTable, table=True):
    """A department of the county has taken an item upon itself."""

    __tablename__ = "feedback_claims"

    item_id: UUID = Field(primary_key=True)
    department: str = Field(primary_key=True)
    claimed_by: str
    claimed_at: datetime = Field(sa_type=INSTANT)


class FeedbackLink(InspectionTable, table=True):
    """A problem stands behind an item: behind one of a feedback at most."""

    __tablename__ = "feedback_links"

    feedback_id: UUID = Field(primary_key=True)
    problem_id: UUID = Field(primary_key=True)
    item_id: UUID
    linked_by: str
    linked_at: datetime = Field(sa_type=INSTANT)


FEEDBACKS = InspectionTable.metadata.tables["feedbacks"]
FEEDBACK_ITEMS = InspectionTable.metadata.tables["feedback_items"]
