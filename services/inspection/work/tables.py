"""The rows of the work on problems: only ever added, never changed."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from services.inspection.tables import DOCUMENT, INSTANT, REGION_CODE, InspectionTable


class RectificationPlan(InspectionTable, table=True):
    """A plan of a problem; the one with the highest `number` (from 1) is in force."""

    __tablename__ = "rectification_plans"
    __table_args__ = (UniqueConstraint("problem_id", "number"),)

    id: UUID = Field(primary_key=True)
    problem_id: UUID
    number: int
    target: str
    responsible_person: str
    measures: list[dict[str, Any]] = Field(sa_type=DOCUMENT)
    progress_steps: list[dict[str, Any]] = Field(sa_type=DOCUMENT)
    deadline: date
    consolidated_id: UUID | None
    person: str
    organisation: str
    at: datetime = Field(sa_type=INSTANT)


class ConsolidatedPlan(InspectionTable, table=True):
    """A department's plan for all its open problems (of a campaign), by its head (I-33)."""

    __tablename__ = "consolidated_plans"
    __table_args__ = (Index("ix_consolidated_plans_region_code", "region_code", "id"),)

    id: UUID = Field(primary_key=True)
    region_code: str = Field(sa_type=REGION_CODE)
    department: str
    campaign_id: UUID | None
    author: str
    planned: int
    refused: int
    person: str
    at: datetime = Field(sa_type=INSTANT)


class Delegation(InspectionTable, table=True):
    """One link of the chain along which a task was handed on (I-14)."""

    __tablename__ = "delegations"
    __table_args__ = (Index("ix_delegations_problem_id", "problem_id", "id"),)

    id: UUID = Field(primary_key=True)
    problem_id: UUID
    from_org: str
    to_org: str
    note: str
    person: str
    at: datetime = Field(sa_type=INSTANT)


class ProgressReport(InspectionTable, table=True):
    """How far the work was, on the way to the `attempt`-th submission (I-34)."""

    __tablename__ = "progress_reports"
    __table_args__ = (Index("ix_progress_reports_problem_id", "problem_id", "id"),)

    id: UUID = Field(primary_key=True)
    problem_id: UUID
    attempt: int
    pct: int
    text: str
    evidence: list[dict[str, Any]] = Field(sa_type=DOCUMENT)
    person: str
    organisation: str
    at: datetime = Field(sa_type=INSTANT)


class OwnCheck(InspectionTable, table=True):
    """An organisation's own look at the work, before its `attempt`-th submission (I-14)."""

    __tablename__ = "own_checks"
    __table_args__ = (Index("ix_own_checks_problem_id", "problem_id", "attempt", "organisation"),)

    id: UUID = Field(primary_key=True)
    problem_id: UUID
    attempt: int
    checked_by: str
    checked_on: date
    text: str
    person: str
    organisation: str
    at: datetime = Field(sa_type=INSTANT)


class Submission(InspectionTable, table=True):
    """The `attempt`-th report (from 1) that a problem is done, and what proves it (I-42)."""

    __tablename__ = "submissions"

    problem_id: UUID = Field(primary_key=True)
    attempt: int = Field(primary_key=True)
    done_text: str
    evidence: list[dict[str, Any]] = Field(sa_type=DOCUMENT)
    person: str
    organisation: str
    at: datetime = Field(sa_type=INSTANT)


CONSOLIDATED_PLANS = InspectionTable.metadata.tables["consolidated_plans"]
