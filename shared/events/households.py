"""Events published by households: regions, households, visits, monitoring, snapshots for others."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.events.base import Event


class RegionStored(Event):
    """A region was added or changed; the newest version replaces the older (compacted topic)."""

    wire_type: ClassVar[str] = "households.region.stored.v1"
    subject_field: ClassVar[str] = "code"
    region_field: ClassVar[str | None] = "code"
    latest_wins: ClassVar[bool] = True

    code: str
    name: str
    level: str
    parent: str | None
    kind: str | None = None
    admin_zone: bool = False
    longitude: float | None = None
    latitude: float | None = None
    rural_population: int | None = None
    valid_from: date
    valid_to: date | None = None


class HouseholdEvent(Event):
    """What every event of a household says."""

    subject_field: ClassVar[str] = "household_id"
    region_field: ClassVar[str | None] = "village_code"

    household_id: UUID
    household_no: str
    village_code: str
    archive_status: str
    household_class: str | None
    cohort: str
    exit_year: int | None = None
    version: int


class HouseholdRegistered(HouseholdEvent):
    """A household was entered in the register."""

    wire_type: ClassVar[str] = "households.household.registered.v1"


class HouseholdUpdated(HouseholdEvent):
    """Plain attributes of the household or its members changed."""

    wire_type: ClassVar[str] = "households.household.updated.v1"


class HouseholdSnapshot(HouseholdEvent):
    """The minimal row other services keep of a household; the newest version wins."""

    wire_type: ClassVar[str] = "households.snapshot.taken.v1"
    latest_wins: ClassVar[bool] = True

    elder_left_in_old_house: bool = False
    active: bool = True


class LookFailed(BaseModel):
    """One of the nine looks answered NO, and the problem kind it stands for (C.4)."""

    model_config = ConfigDict(frozen=True)

    look: int
    kind: str


class VisitRecorded(Event):
    """A home visit with its nine looks (H-45)."""

    wire_type: ClassVar[str] = "households.visit.recorded.v1"
    subject_field: ClassVar[str] = "visit_id"
    partition_field: ClassVar[str | None] = "household_id"
    region_field: ClassVar[str | None] = "village_code"

    visit_id: UUID
    household_id: UUID
    household_no: str
    village_code: str
    cohort: str
    visited_on: date
    visitor: str
    visitor_organisation: str
    failed: list[LookFailed]


class HouseholdIncomeAssessed(HouseholdEvent):
    """A household's income of a year was compared with the line in force.

    Amounts in yuan per head with two decimals; `drop_pct` is how far it fell against the year
    before, with two decimals, null where that year is not known (H-51).
    """

    wire_type: ClassVar[str] = "households.household.income_assessed.v1"

    year: int
    per_capita: str
    line: str
    meets_line: bool
    basis: str
    drop_pct: str | None


class MonitoringEvent(Event):
    """What every event of a monitoring case says (B.2).

    `monitoring_class` is UNSTABLE, MARGINAL or SUDDEN, null until the household is classified
    (H-51). What threatens the household may be an illness, so it is read in the case.
    """

    subject_field: ClassVar[str] = "case_id"
    partition_field: ClassVar[str | None] = "household_id"
    region_field: ClassVar[str | None] = "village_code"

    case_id: UUID
    household_id: UUID
    village_code: str
    monitoring_class: str | None
    clue_on: date


class MonitoringClueRaised(MonitoringEvent):
    """A clue came in; it is to be decided on by `due_on` (H-53)."""

    wire_type: ClassVar[str] = "households.monitoring.clue_raised.v1"
    due_on: date


class MonitoringIdentified(MonitoringEvent):
    """The county decided that the household is to be monitored (H-53)."""

    wire_type: ClassVar[str] = "households.monitoring.identified.v1"
    decided_on: date


class MonitoringRiskCleared(MonitoringEvent):
    """The county decided that the risk is gone (H-54)."""

    wire_type: ClassVar[str] = "households.monitoring.risk_cleared.v1"
    decided_on: date


class MonitoringDueSoon(MonitoringEvent):
    """A case is not decided yet, and `days_left` days are left until `due_on` (H-53)."""

    wire_type: ClassVar[str] = "households.monitoring.due_soon.v1"
    due_on: date
    days_left: int


class MonitoringOverdue(MonitoringEvent):
    """A case was not decided by `due_on`, `days` days ago (H-53)."""

    wire_type: ClassVar[str] = "households.monitoring.overdue.v1"
    due_on: date
    days: int


class MonitoringReviewDue(MonitoringEvent):
    """The household has been monitored long enough for its risk to be reviewed on `due_on`
    (H-54)."""

    wire_type: ClassVar[str] = "households.monitoring.review_due.v1"
    due_on: date
