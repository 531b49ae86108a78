"""Events published by inspection: problems, campaigns, absences, bulletins and rankings."""

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
    """A problem was found and written down; a suspected one is to be confirmed or refuted by
    `confirm_by` (I-03)."""

    wire_type: ClassVar[str] = "inspection.problem.logged.v1"
    found_on: date
    source: str
    confirm_by: date | None = None


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
    """The executing unit reports it done; overdue notices stop (N-04). `next_org` verifies it."""

    wire_type: ClassVar[str] = "inspection.problem.submitted.v1"
    next_org: str | None = None


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


class ProblemPartnersChanged(ProblemEvent):
    """Other departments help the lead: `co_depts` (I-12)."""

    wire_type: ClassVar[str] = "inspection.problem.partners_changed.v1"


class ProblemDisputed(ProblemEvent):
    """The lead department disputes its lead; the clock runs on (I-11)."""

    wire_type: ClassVar[str] = "inspection.problem.disputed.v1"
    proposed_dept: str
    clause: str


class ProblemRerouted(ProblemEvent):
    """The poverty office gave it to another lead department; the deadline stays."""

    wire_type: ClassVar[str] = "inspection.problem.rerouted.v1"
    previous_dept: str


class ProblemDisputeRejected(ProblemEvent):
    """The poverty office left it with its lead department, which counts as having accepted."""

    wire_type: ClassVar[str] = "inspection.problem.dispute_rejected.v1"


class ProblemPlanned(ProblemEvent):
    """A rectification plan stands (I-30); again where the plan was replaced."""

    wire_type: ClassVar[str] = "inspection.problem.planned.v1"
    plan_deadline: date


class ProblemProgressed(ProblemEvent):
    """The executing unit reported how far it is (I-34)."""

    wire_type: ClassVar[str] = "inspection.problem.progressed.v1"
    progress_pct: int


class ProblemStalled(ProblemEvent):
    """Nobody reported progress for `days` days (I-34)."""

    wire_type: ClassVar[str] = "inspection.problem.stalled.v1"
    days: int


class ProblemNoPolicyFound(ProblemEvent):
    """No policy pays for it; the county has to arrange funds (I-36). `amount` in yuan with
    two decimals."""

    wire_type: ClassVar[str] = "inspection.problem.no_policy_found.v1"
    need: str
    amount: str | None


class ProblemVerified(ProblemEvent):
    """A body passed it; `level` counts the closing levels from 1, and `next_org` verifies it now
    (I-40)."""

    wire_type: ClassVar[str] = "inspection.problem.verified.v1"
    level: int
    next_org: str | None = None


class ProblemReturned(ProblemEvent):
    """A body found it not done: it is to be rectified again (I-40, I-41)."""

    wire_type: ClassVar[str] = "inspection.problem.returned.v1"
    level: int


class ProblemFalseRectification(ProblemEvent):
    """The report was untrue: it no longer counts as done (I-43)."""

    wire_type: ClassVar[str] = "inspection.problem.false_rectification.v1"


class ProblemReopened(ProblemEvent):
    """The defect is back after closing; `recurrence` counts how often (I-44)."""

    wire_type: ClassVar[str] = "inspection.problem.reopened.v1"
    recurrence: int


class AccountabilityOpened(Event):
    """A case of accountability was opened: proposed and recorded, never executed here."""

    wire_type: ClassVar[str] = "inspection.accountability.opened.v1"
    subject_field: ClassVar[str] = "case_id"
    region_field: ClassVar[str | None] = "village_code"

    case_id: UUID
    cause: str
    proposal: str
    village_code: str
    campaign_id: UUID | None
    kind: str
    problem_ids: list[UUID]
    organisations: list[str]


class CampaignStageChanged(Event):
    """A campaign entered a stage, which is planned to last from `starts_on` to `ends_on`."""

    wire_type: ClassVar[str] = "inspection.campaign.stage_changed.v1"
    subject_field: ClassVar[str] = "campaign_id"
    region_field: ClassVar[str | None] = "region_code"

    campaign_id: UUID
    name: str
    type: str
    region_code: str
    stage: str
    starts_on: date | None = None
    ends_on: date | None = None


class CampaignClosed(Event):
    """A campaign ended; its report is signed (I-47)."""

    wire_type: ClassVar[str] = "inspection.campaign.closed.v1"
    subject_field: ClassVar[str] = "campaign_id"
    region_field: ClassVar[str | None] = "region_code"

    campaign_id: UUID
    name: str
    type: str
    region_code: str
    closed_on: date


class AbsenceFound(Event):
    """A check found somebody stationed in a village absent, for the `absence_no`-th time of the
    assignment (I-81, I-82). The person is told by id alone.

    `profile` is JIANGXI or GANSU; `measure`, `unit_action` and `person_action` are codes of H.9.
    `sending_org` and `superior_org` are organisations (`AGRI@5111`), `sending_level` COUNTY, CITY
    or PROVINCE; the superior is told where the unit lies above the county.
    """

    wire_type: ClassVar[str] = "inspection.attendance.absence_found.v1"
    subject_field: ClassVar[str] = "person_id"
    region_field: ClassVar[str | None] = "village_code"

    person_id: UUID
    absence_no: int
    profile: str
    measure: str
    unit_action: str | None = None
    person_action: str | None = None
    sending_org: str
    sending_level: str
    superior_org: str | None = None
    village_code: str
    found_on: date


class BulletinItem(BaseModel):
    """What a bulletin says of an organisation; persons are named in the bulletin alone."""

    model_config = ConfigDict(frozen=True)

    unit: str
    matter: str


class BulletinPublished(Event):
    """A bulletin was published: it goes at once to `recipients`, the organisations named, and to
    the leaders of the county (I-73)."""

    wire_type: ClassVar[str] = "inspection.bulletin.published.v1"
    subject_field: ClassVar[str] = "bulletin_id"
    region_field: ClassVar[str | None] = "region_code"

    bulletin_id: UUID
    region_code: str
    period: str
    title: str
    items: list[BulletinItem]
    recipients: list[str]


class RankingRow(BaseModel):
    """A township's place in a month's ranking, null where it had nothing to do (I-71). `flagged`
    are the last three."""

    model_config = ConfigDict(frozen=True)

    township: str
    rank: int | None
    done: int
    found: int
    flagged: bool = False


class RankingPublished(Event):
    """The ranking of a county's townships for a month (`2086-03`), which never changes again
    (I-71)."""

    wire_type: ClassVar[str] = "inspection.ranking.published.v1"
    subject_field: ClassVar[str] = "region_month"
    region_field: ClassVar[str | None] = "region_code"

    region_month: str
    region_code: str
    month: str
    rows: list[RankingRow]
