"""The rows of verification: verdicts, spot checks, standing mechanisms."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Date, Index, Numeric, text
from sqlmodel import Field

from services.inspection.closing.domain import BatchState, settled
from services.inspection.tables import DOCUMENT, INSTANT, REGION_CODE, InspectionTable


class Verification(InspectionTable, table=True):
    """One verdict on one submission (`attempt`) of a problem."""

    __tablename__ = "verifications"
    __table_args__ = (Index("ix_verifications_problem_id", "problem_id", "attempt", "id"),)

    id: UUID = Field(primary_key=True)
    problem_id: UUID
    attempt: int
    level: int
    body: str
    passed: bool
    false_report: bool
    batch_id: UUID | None
    text: str | None
    evidence: list[dict[str, Any]] = Field(sa_type=DOCUMENT)
    person: str
    organisation: str
    at: datetime = Field(sa_type=INSTANT)


class SpotCheckBatch(InspectionTable, table=True):
    """The office's spot check of one department's problems in one township (I-41)."""

    __tablename__ = "spot_check_batches"
    __table_args__ = (Index("ix_spot_check_batches_county_code", "county_code", "id"),)

    id: UUID = Field(primary_key=True)
    county_code: str = Field(sa_type=REGION_CODE)
    township_code: str = Field(sa_type=REGION_CODE)
    lead_dept: str
    seed: str
    share_pct: Decimal = Field(sa_type=Numeric(5, 2))
    state: str = BatchState.OPEN
    drawn_by: str
    drawn_at: datetime = Field(sa_type=INSTANT)
    settled_at: datetime | None = Field(default=None, sa_type=INSTANT)
    version: int = 1

    def settle(self, at: datetime, *, failed: bool) -> None:
        """Note that the sample is decided; raises `IllegalMove` the second time."""
        self.state = settled(BatchState(self.state), failed=failed)
        self.settled_at = at
        self.version += 1


class SpotCheckMember(InspectionTable, table=True):
    """A problem of a spot check; `result` is set for those that were looked at."""

    __tablename__ = "spot_check_members"
    __table_args__ = (
        Index(
            "uq_spot_check_members_open",
            "problem_id",
            unique=True,
            postgresql_where=text("NOT settled"),
        ),
    )

    batch_id: UUID = Field(primary_key=True)
    problem_id: UUID = Field(primary_key=True)
    sampled: bool
    result: str | None = None
    settled: bool = False


class StandingMechanism(InspectionTable, table=True):
    """What keeps a systemic problem from coming back (I-21)."""

    __tablename__ = "standing_mechanisms"

    problem_id: UUID = Field(primary_key=True)
    root_cause: str
    measures: str
    mechanism: str
    review_dates: list[date] = Field(sa_type=ARRAY(Date))
    recorded_by: str
    recorded_at: datetime = Field(sa_type=INSTANT)


BATCHES = InspectionTable.metadata.tables["spot_check_batches"]
