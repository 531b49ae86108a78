"""Events published by households: regions, households, visits, and the snapshots others mirror."""

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
