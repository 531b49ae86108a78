"""The rows that the stages of a campaign leave behind."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.inspection.stages.domain.reports import Signatory
from services.inspection.tables import DOCUMENT, INSTANT, REGION_CODE, TEXTS, InspectionTable


class CampaignCheck(InspectionTable, table=True):
    """A look at one object by a team in a stage (I-51)."""

    __tablename__ = "campaign_checks"

    object_ref: str = Field(primary_key=True, sa_type=REGION_CODE)
    campaign_id: UUID = Field(primary_key=True)
    stage: str = Field(primary_key=True)
    object_type: str = Field(primary_key=True)
    team: str = Field(primary_key=True)
    checked_on: date = Field(primary_key=True)
    village_code: str = Field(sa_type=REGION_CODE)
    result: str
    problem_id: UUID | None
    person: str
    organisation: str
    recorded_at: datetime = Field(sa_type=INSTANT)


class CampaignDuty(InspectionTable, table=True):
    """A department's verification duty (I-15); `submissions` holds {text, figures, evidence, by,
    at} of each check submitted, the first one first."""

    __tablename__ = "campaign_duties"

    campaign_id: UUID = Field(primary_key=True)
    department: str = Field(primary_key=True)
    text: str
    submissions: list[dict[str, Any]] = Field(default_factory=list, sa_type=DOCUMENT)


class LedgerStamp(InspectionTable, table=True):
    """A department's figures as it confirmed them with its stamp (I-54)."""

    __tablename__ = "ledger_stamps"
    __table_args__ = (Index("ix_ledger_stamps_campaign_id", "campaign_id", "department", "id"),)

    id: UUID = Field(primary_key=True)
    campaign_id: UUID
    department: str
    found: int
    open: int
    stamp_no: str
    signed_by: str
    person: str
    organisation: str
    confirmed_at: datetime = Field(sa_type=INSTANT)


class CampaignSampling(InspectionTable, table=True):
    """A city's draw of households and villages (I-52), reproducible from `seed`. `shares` holds
    {key, population, drawn} of each group where `quotas` asked for groups."""

    __tablename__ = "campaign_samplings"
    __table_args__ = (Index("ix_campaign_samplings_campaign_id", "campaign_id", "id"),)

    id: UUID = Field(primary_key=True)
    campaign_id: UUID
    target_region: str = Field(sa_type=REGION_CODE)
    zone_kind: str
    seed: int | str = Field(sa_type=DOCUMENT)
    quotas: str | None
    households: list[UUID] = Field(sa_type=ARRAY(Uuid))
    villages: list[str] = Field(sa_type=TEXTS)
    household_population: int
    village_population: int
    shares: list[dict[str, Any]] = Field(sa_type=DOCUMENT)
    person: str
    organisation: str
    drawn_at: datetime = Field(sa_type=INSTANT)


class CampaignReport(InspectionTable, table=True):
    """The final report of a campaign (I-47): figures as drafted; `signatures` holds {as, person,
    organisation, at}."""

    __tablename__ = "campaign_reports"

    campaign_id: UUID = Field(primary_key=True)
    figures: dict[str, Any] = Field(sa_type=DOCUMENT)
    drafted_by: str
    drafted_at: datetime = Field(sa_type=INSTANT)
    signatures: list[dict[str, Any]] = Field(default_factory=list, sa_type=DOCUMENT)
    sent_by: str | None = None
    sent_at: datetime | None = Field(default=None, sa_type=INSTANT)

    def sign(self, signatory: Signatory, *, person: str, organisation: str, at: datetime) -> None:
        """Add a signature."""
        record = {
            "as": signatory.value,
            "person": person,
            "organisation": organisation,
            "at": at.isoformat(),
        }
        self.signatures = [*self.signatures, record]
