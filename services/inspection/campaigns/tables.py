"""The rows of campaigns."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from services.inspection.campaigns.domain import CampaignState
from services.inspection.tables import DOCUMENT, INSTANT, REGION_CODE, InspectionTable


class Campaign(InspectionTable, table=True):
    """A drive in `region_code` and all below it. `deadline_policy` and `stages` are as entered."""

    __tablename__ = "campaigns"
    __table_args__ = (Index("ix_campaigns_region_code", "region_code", "id"),)

    id: UUID = Field(primary_key=True)
    name: str
    type: str
    region_code: str = Field(sa_type=REGION_CODE)
    year: int
    deadline_policy: dict[str, Any] | None = Field(default=None, sa_type=DOCUMENT)
    self_check_until: date | None = None
    stages: list[dict[str, Any]] = Field(default_factory=list, sa_type=DOCUMENT)
    state: str = CampaignState.DRAFT
    created_by: str
    created_at: datetime = Field(sa_type=INSTANT)
    version: int = 1
    event_sequence: int = Field(default=0, sa_type=BigInteger)


CAMPAIGNS = InspectionTable.metadata.tables["campaigns"]
