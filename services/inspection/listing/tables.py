"""The rows of deliveries."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field

from services.inspection.tables import INSTANT, REGION_CODE, InspectionTable
from shared.clock import end_of_day


class ListDelivery(InspectionTable, table=True):
    """A list as it was delivered to one addressee: how many problems, and the SHA-256 of the lines.

    `received_by` is who took it, `receipted_by` whose token said so.
    """

    __tablename__ = "list_deliveries"
    __table_args__ = (
        Index("ix_list_deliveries_region_code", "region_code", "id"),
        Index("ix_list_deliveries_campaign_id", "campaign_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    campaign_id: UUID
    list: str
    region_code: str = Field(sa_type=REGION_CODE)
    addressee: str
    due_on: date
    count: int
    sha256: str
    delivered_by: str
    delivered_for: str
    delivered_at: datetime = Field(sa_type=INSTANT)
    received_by: str | None = None
    receipted_by: str | None = None
    received_at: datetime | None = Field(default=None, sa_type=INSTANT)

    @property
    def late(self) -> bool:
        """Whether it was received after its day."""
        return self.received_at is not None and end_of_day(self.due_on) < self.received_at

    def receive(self, *, received_by: str, person: str, at: datetime) -> bool:
        """Take the receipt; the first one stands. Whether it was this one."""
        if self.received_at is not None:
            return False
        self.received_by, self.receipted_by, self.received_at = received_by, person, at
        return True


LIST_DELIVERIES = InspectionTable.metadata.tables["list_deliveries"]
