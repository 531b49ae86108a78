"""Events published by funds: allocations, payments, projects, progress, needs without a policy."""

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


class AllocationIdle(AllocationEvent):
    """Nothing was paid from the allotment for `days` days, longer than allowed (F-21)."""

    wire_type: ClassVar[str] = "funds.allocation.idle.v1"
    days: int


class PaymentEvent(Event):
    """What every event of a payment says: who asked for it and owes its voucher (`requester`, an
    organisation), the place it serves, and `amount` in yuan with two decimals; never a payee."""

    subject_field: ClassVar[str] = "payment_id"
    region_field: ClassVar[str | None] = "region_code"

    payment_id: UUID
    project_id: UUID
    region_code: str
    year: int
    source: str
    requester: str
    amount: str


class VoucherDue(PaymentEvent):
    """The voucher of a payment is to be handed in by `due_on`, soon (F-14)."""

    wire_type: ClassVar[str] = "funds.payment.voucher_due.v1"
    due_on: date


class VoucherOverdue(PaymentEvent):
    """The voucher of a payment has been missing for `days` days since `due_on`; meanwhile nothing
    is paid for the same project (F-14)."""

    wire_type: ClassVar[str] = "funds.payment.voucher_overdue.v1"
    due_on: date
    days: int


class ProjectEvent(Event):
    """What every event of a project says; `amount` in yuan with two decimals, `due_on` as agreed
    in its contract."""

    subject_field: ClassVar[str] = "project_id"
    region_field: ClassVar[str | None] = "village_code"

    project_id: UUID
    village_code: str
    use_code: str
    priority: int
    amount: str
    due_on: date | None


class ProjectLate(ProjectEvent):
    """The contractor is late: `months` have begun since the due date, and each costs the share
    that was agreed (F-17)."""

    wire_type: ClassVar[str] = "funds.project.late.v1"
    months: int


class ProjectUnpaid(ProjectEvent):
    """It is completed and its papers are complete, but nobody has paid it for `days` workdays,
    longer than allowed (F-21); `amount` is what is left to be paid."""

    wire_type: ClassVar[str] = "funds.project.unpaid.v1"
    days: int
