"""Events published by funds: allocations, spending progress, and needs without a policy."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from shared.events.base import Event


class AllocationEvent(Event):
    """What every event of an allocation says; `amount` in yuan with two decimals."""

    subject_field: ClassVar[str] = "allocation_id"
    region_field: ClassVar[str | None] = "region_code"

    allocation_id: UUID
    region_code: str
    year: int
    source: str
    task: str | None
    amount: str


class AllocationReceived(AllocationEvent):
    """Money was allotted to a region."""

    wire_type: ClassVar[str] = "funds.allocation.received.v1"
    received_on: date


class AllocationPublished(AllocationEvent):
    """The allotment was made public (F-22)."""

    wire_type: ClassVar[str] = "funds.allocation.published.v1"
    channel: str
    published_on: date


class ProgressComputed(Event):
    """Spending progress of a county and budget year as the treasury reports it (F-19).

    Amounts and percentages as strings with two decimals; `rank` among the counties of the city;
    `target_pct` is the target in force on `as_of`, null without one.
    """

    wire_type: ClassVar[str] = "funds.progress.computed.v1"
    subject_field: ClassVar[str] = "region_year"
    region_field: ClassVar[str | None] = "region_code"

    region_year: str
    region_code: str
    year: int
    as_of: date
    available: str
    paid: str
    progress_pct: str | None
    target_pct: str | None = None
    rank: int | None


class PolicyGapArranged(Event):
    """The county arranged money for a problem that no policy pays for (I-36); `amount` in yuan with
    two decimals."""

    wire_type: ClassVar[str] = "funds.policygap.arranged.v1"
    subject_field: ClassVar[str] = "problem_id"
    region_field: ClassVar[str | None] = "village_code"

    problem_id: UUID
    problem_no: str
    village_code: str
    lead_dept: str
    source: str
    amount: str
    doc_no: str
