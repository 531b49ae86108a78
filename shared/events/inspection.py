"""Events published by inspection: problems and campaigns."""

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.events.base import Event


class ProblemObject(BaseModel):
    """What a problem is about: `type` HOUSEHOLD, VILLAGE, TOWNSHIP, COUNTY, PROJECT, FUND or
    PERSON, and its id or code."""

    model_config = ConfigDict(frozen=True)

    type: str
    ref: str


class ProblemFlags(BaseModel):
    """The flags of B.6."""

    model_config = ConfigDict(frozen=True)

    overdue: bool = False
    false_rectification: bool = False
    late_found: bool = False
    object_unverified: bool = False
    unrouted: bool = False
    no_policy: bool = False
    accountable: bool = False
    systemic: bool = False


class ProblemEvent(Event):
    """What every event of a problem says; `state` is the state after it happened."""

    subject_field: ClassVar[str] = "problem_id"
    region_field: ClassVar[str | None] = "village_code"

    problem_id: UUID
    problem_no: str
    campaign_id: UUID | None
    kind: str
    tier: str
    scope: str
    severity: str
    cohort: str
    object: ProblemObject
    village_code: str
    lead_dept: str
    co_depts: list[str] = Field(default_factory=list)
    due_on: date | None
    due_rules: list[str] = Field(default_factory=list)
    state: str
    flags: ProblemFlags = ProblemFlags()


class ProblemLogged(ProblemEvent):
    """A problem was found and written down."""

    wire_type: ClassVar[str] = "inspection.problem.logged.v1"
    found_on: date
    source: str


class ProblemDispatched(ProblemEvent):
    """It stands in the lead department's queue with this deadline."""

    wire_type: ClassVar[str] = "inspection.problem.dispatched.v1"


class ProblemConfirmed(ProblemEvent):
    """A suspected problem was confirmed with evidence."""

    wire_type: ClassVar[str] = "inspection.problem.confirmed.v1"


class ProblemSourceAdded(ProblemEvent):
    """The same finding came from another source (I-04): no second task."""

    wire_type: ClassVar[str] = "inspection.problem.source_added.v1"
    source: str


class ProblemDueChanged(ProblemEvent):
    """Its deadline moved; `due_on` is the new one (I-26)."""

    wire_type: ClassVar[str] = "inspection.problem.due_changed.v1"
    previous_due_on: date | None


class ProblemAccepted(ProblemEvent):
    """The lead department accepted it."""

    wire_type: ClassVar[str] = "inspection.problem.accepted.v1"


class ProblemWithdrawn(ProblemEvent):
    """It was logged in error, or refuted."""

    wire_type: ClassVar[str] = "inspection.problem.withdrawn.v1"


class ProblemSubmitted(ProblemEvent):
    """The executing unit reports it done; overdue notices stop (N-04)."""

    wire_type: ClassVar[str] = "inspection.problem.submitted.v1"


class ProblemClosed(ProblemEvent):
    """All four levels found it really gone."""

    wire_type: ClassVar[str] = "inspection.problem.closed.v1"
    closed_on: date


class ProblemOverdue(ProblemEvent):
    """Its deadline passed while it was not yet submitted. `level` counts the escalations of N-04:
    1 on the first day after the deadline, 2 and 3 later."""

    wire_type: ClassVar[str] = "inspection.problem.overdue.v1"
    level: int
    passed_at: datetime


class CampaignStageChanged(Event):
    """A campaign entered a stage."""

    wire_type: ClassVar[str] = "inspection.campaign.stage_changed.v1"
    subject_field: ClassVar[str] = "campaign_id"
    region_field: ClassVar[str | None] = "region_code"

    campaign_id: UUID
    name: str
    type: str
    region_code: str
    stage: str
