"""The rows of allocations; `state` changes through one gate."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field

from services.funds.allocations.domain import Action, State, next_state
from services.funds.tables import MONEY, REGION_CODE, FundsTable


class Allocation(FundsTable, table=True):
    """Money allotted to exactly `region_code` (not to the regions below it) for a budget year."""

    __tablename__ = "allocations"
    # Kept after idempotency keys have expired: a line of a document is entered once.
    __table_args__ = (
        UniqueConstraint(
            *("region_code", "year", "source", "task", "doc_no", "amount"),
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: UUID = Field(primary_key=True)
    region_code: str = Field(sa_type=REGION_CODE)
    year: int
    source: str
    task: str | None = None
    amount: Decimal = Field(sa_type=MONEY)
    # What payments have drawn so far; the database refuses more than `amount`.
    paid: Decimal = Field(default=Decimal(0), sa_type=MONEY)
    doc_no: str
    received_on: date
    state: str = State.RECEIVED
    channel: str | None = None
    published_on: date | None = None
    version: int = 1
    event_sequence: int = Field(default=0, sa_type=BigInteger)

    def move(self, action: Action) -> None:
        """Take the move `action`; raises `IllegalMove`."""
        self.state = next_state(State(self.state), action)
        self.version += 1


ALLOCATIONS = FundsTable.metadata.tables["allocations"]
