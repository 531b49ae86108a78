"""How plans and work are answered."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel

from services.inspection.problems.api.batches import MovedView
from services.inspection.problems.api.views import EvidenceView
from services.inspection.problems.tables import Problem
from services.inspection.work.domain.plans import Coverage
from services.inspection.work.queries import Work, last_heard, silent_days
from services.inspection.work.tables import ConsolidatedPlan
from shared.web.fields import Percent


class MeasureView(BaseModel):
    """One measure of a plan."""

    text: str
    object: str | None
    quantity: str | None
    due: date | None


class StepView(BaseModel):
    """One step of a plan."""

    text: str
    on: date | None


class PlanView(BaseModel):
    """A plan; `number` counts the plans of the problem from 1."""

    number: int
    target: str
    responsible_person: str
    measures: list[MeasureView]
    progress_steps: list[StepView]
    deadline: date
    consolidated_id: UUID | None
    person: str
    organisation: str
    at: datetime


class DelegationView(BaseModel):
    """One link of the chain along which the task was handed on."""

    from_org: str
    to_org: str
    note: str
    person: str
    at: datetime


class ProgressView(BaseModel):
    """One report of progress, on the way to the `attempt`-th submission."""

    attempt: int
    pct: int
    text: str
    evidence: list[EvidenceView]
    person: str
    organisation: str
    at: datetime


class OwnCheckView(BaseModel):
    """An organisation's own look at the work, before its `attempt`-th submission."""

    attempt: int
    checked_by: str
    checked_on: date
    text: str
    person: str
    organisation: str
    at: datetime


class SubmissionView(BaseModel):
    """The `attempt`-th report that it is done."""

    attempt: int
    done_text: str
    evidence: list[EvidenceView]
    person: str
    organisation: str
    at: datetime


class WorkView(BaseModel):
    """The work on a problem: the plan in force (and how many it replaced), and everything else
    with the oldest first."""

    problem_id: UUID
    state: str
    executing_org: str | None
    attempt: int
    progress_pct: int | None
    progressed_on: date | None
    plan: PlanView | None
    older_plans: int
    delegations: list[DelegationView]
    progress: list[ProgressView]
    own_checks: list[OwnCheckView]
    submissions: list[SubmissionView]

    @classmethod
    def of(cls, problem: Problem, work: Work) -> "WorkView":
        """The view of a problem's work."""
        lists = {
            name: [row.model_dump() for row in getattr(work, name)]
            for name in ("delegations", "progress", "own_checks", "submissions")
        }
        return cls.model_validate(
            {
                **problem.model_dump(),
                **lists,
                "problem_id": problem.id,
                "plan": work.plans[-1].model_dump() if work.plans else None,
                "older_plans": max(len(work.plans) - 1, 0),
            }
        )


class StalledView(BaseModel):
    """A problem in work of which nobody reports progress: since which day, for how many."""

    id: UUID
    problem_no: str
    campaign_id: UUID | None
    kind: str
    village_code: str
    lead_dept: str
    executing_org: str | None
    responsible_person: str | None
    due_on: date | None
    plan_deadline: date | None
    progress_pct: int | None
    silent_since: date
    silent_days: int

    @classmethod
    def of(cls, problem: Problem) -> "StalledView":
        """The view of a row."""
        return cls.model_validate(
            {
                **problem.model_dump(),
                "silent_since": last_heard(problem),
                "silent_days": silent_days(problem),
            }
        )


class CoverageView(BaseModel):
    """How many open problems there are, and how many of them have a plan."""

    open: int
    planned: int
    coverage_pct: Percent

    @classmethod
    def of(cls, coverage: Coverage) -> "CoverageView":
        """The view of a coverage."""
        return cls(open=coverage.open, planned=coverage.planned, coverage_pct=coverage.pct)


class DepartmentCoverageView(CoverageView):
    """The coverage of one department."""

    lead_dept: str


class CoverageListView(BaseModel):
    """The coverage of each department that has open problems."""

    items: list[DepartmentCoverageView]


class ConsolidatedPlanView(BaseModel):
    """A department's plan for all its open problems: how many it planned, how many were refused."""

    id: UUID
    region_code: str
    department: str
    campaign_id: UUID | None
    author: str
    planned: int
    refused: int
    person: str
    at: datetime

    @classmethod
    def of(cls, plan: ConsolidatedPlan) -> "ConsolidatedPlanView":
        """The view of a row."""
        return cls.model_validate(plan, from_attributes=True)


class PlannedAllView(BaseModel):
    """What became of a consolidated plan: the coverage after it, and the result of each problem."""

    id: UUID
    coverage: CoverageView
    problems: MovedView
