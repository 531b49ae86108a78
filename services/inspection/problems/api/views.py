"""How problems are answered."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from services.inspection.deadlines.domain import ObjectType
from services.inspection.problems.tables import Problem, ProblemFields
from services.inspection.responsibility.domain import Responsible
from shared.events.inspection import ProblemFlags


class ObjectView(BaseModel):
    """What a problem is about: its type, and its id or code."""

    type: ObjectType
    ref: str


class EvidenceView(BaseModel):
    """A file that proves something, by its hash."""

    ref: str
    sha256: str
    phase: str | None = None


class SourceView(BaseModel):
    """One report of the finding."""

    source: str
    hand_over: str | None
    person: str
    organisation: str
    team: str | None
    found_on: date
    campaign_id: UUID | None
    description: str
    evidence: list[EvidenceView]
    logged_at: datetime


class DueChangeView(BaseModel):
    """One change of the deadline."""

    previous_due_on: date | None
    due_on: date | None
    reason: str
    by: str
    at: datetime


class AuditView(BaseModel):
    """One thing somebody did to the problem."""

    at: datetime
    action: str
    person: str
    organisation: str
    remark: str | None
    change: dict[str, Any]


class LoggedProblemView(BaseModel):
    """What became of a finding. `merged`: it was added as a source to this open problem (I-04)."""

    id: UUID
    problem_no: str
    state: str
    lead_dept: str
    due_on: date | None
    due_rules: list[str]
    flags: ProblemFlags
    merged: bool = False

    @classmethod
    def of(cls, problem: ProblemFields, *, merged: bool = False) -> "LoggedProblemView":
        """The view of a problem just logged."""
        return cls(
            id=problem.id,
            problem_no=problem.problem_no,
            state=problem.state,
            lead_dept=problem.lead_dept,
            due_on=problem.due_on,
            due_rules=problem.due_rules,
            flags=problem.flags,
            merged=merged,
        )


class ProblemView(BaseModel):
    """A problem. Its description and evidence stand in `sources`, the first report first."""

    id: UUID
    problem_no: str
    campaign_id: UUID | None
    kind: str
    tier: str
    scope: str
    severity: str
    cohort: str
    object: ObjectView
    village_code: str
    lead_dept: str
    co_depts: list[str]
    source: str
    found_on: date
    sources: list[SourceView]
    due_on: date | None
    due_rules: list[str]
    state: str
    state_since: datetime
    confirm_by: date | None
    closed_on: date | None
    flags: ProblemFlags
    recurrence: int
    recurs: UUID | None
    executing_org: str | None
    responsible_person: str | None
    plan_deadline: date | None
    progress_pct: int | None
    progressed_on: date | None
    logged_at: datetime
    version: int

    @classmethod
    def of(cls, problem: Problem) -> "ProblemView":
        """The view of a row."""
        return cls.model_validate(_plain(problem))


class ResponsibleView(BaseModel):
    """Who answers for the lead department (I-12): its head first, the deputy for the work, and the
    county leader in charge."""

    unit_head: str
    deputy: str
    county_leader: str


class ProblemDetailView(ProblemView):
    """A problem with who answers for it, the history of its deadline and its audit trail."""

    responsible: ResponsibleView | None
    due_history: list[DueChangeView]
    audit: list[AuditView]

    @classmethod
    def with_trail(
        cls, problem: Problem, responsible: Responsible | None, audit: list[dict[str, Any]]
    ) -> "ProblemDetailView":
        """The view of a row, who answers for it, and its audit trail."""
        return cls.model_validate(
            {
                **_plain(problem),
                "responsible": responsible and asdict(responsible),
                "due_history": problem.due_history,
                "audit": audit,
            }
        )


def _plain(problem: Problem) -> dict[str, Any]:
    return {
        **problem.model_dump(),
        "object": {"type": problem.object_type, "ref": problem.object_ref},
        "flags": problem.flags,
    }
