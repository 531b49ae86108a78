"""The rows of accountability cases."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Index, Uuid
from sqlmodel import Field

from services.inspection.accountability.domain import CaseState
from services.inspection.tables import DOCUMENT, INSTANT, REGION_CODE, InspectionTable


class AccountabilityCase(InspectionTable, table=True):
    """A case: what for, about which problems, and the `subjects` {person, organisation, part}."""

    __tablename__ = "accountability_cases"
    __table_args__ = (
        Index("ix_accountability_cases_county_code", "county_code", "id"),
        Index("ix_accountability_cases_campaign_id", "campaign_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    cause: str
    proposal: str
    county_code: str = Field(sa_type=REGION_CODE)
    village_code: str = Field(sa_type=REGION_CODE)
    campaign_id: UUID | None
    kind: str
    lead_dept: str
    problem_ids: list[UUID] = Field(sa_type=ARRAY(Uuid))
    subjects: list[dict[str, Any]] = Field(sa_type=DOCUMENT)
    finding: str
    state: str = CaseState.OPEN
    opened_at: datetime = Field(sa_type=INSTANT)
    opened_by: str
    version: int = 1
    event_sequence: int = Field(default=0, sa_type=BigInteger)


CASES = InspectionTable.metadata.tables["accountability_cases"]
