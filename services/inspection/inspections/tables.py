"""The rows of inspections; `state` changes through one gate."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from services.inspection.inspections.domain import (
    InspectionAction,
    InspectionState,
    next_state,
)
from services.inspection.tables import DOCUMENT, INSTANT, REGION_CODE, TEXTS, InspectionTable


class Inspection(InspectionTable, table=True):
    """A planned inspection. `override` holds why and by whom it went beyond the limit, and for
    which villages with what they had planned by then."""

    __tablename__ = "inspections"

    id: UUID = Field(primary_key=True)
    planned_on: date
    organiser: str
    purpose: str
    team: list[str] = Field(sa_type=TEXTS)
    override: dict[str, Any] | None = Field(sa_type=DOCUMENT)
    state: str = InspectionState.PLANNED
    org: str
    scheduled_by: str
    scheduled_at: datetime = Field(sa_type=INSTANT)

    def move(self, action: InspectionAction) -> None:
        """Take the move `action`; raises `IllegalMove`."""
        self.state = next_state(InspectionState(self.state), action)


class InspectionVillage(InspectionTable, table=True):
    """A village an inspection goes to, with its day: what the burden is counted by."""

    __tablename__ = "inspection_villages"
    __table_args__ = (Index("ix_inspection_villages_planned_on", "village_code", "planned_on"),)

    inspection_id: UUID = Field(primary_key=True)
    village_code: str = Field(primary_key=True, sa_type=REGION_CODE)
    planned_on: date
