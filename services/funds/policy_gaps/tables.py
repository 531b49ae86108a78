"""The rows of policy gaps; `state` changes through one gate."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field

from services.funds.policy_gaps.domain import Action, State, next_state
from services.funds.tables import INSTANT, MONEY, REGION_CODE, FundsTable


class PolicyGap(FundsTable, table=True):
    """The need of one problem as of its `problem_sequence`-th event, and what was arranged for it:
    `source`, `amount` and `doc_no` are null until then."""

    __tablename__ = "policy_gaps"

    problem_id: UUID = Field(primary_key=True)
    problem_no: str
    kind: str
    village_code: str = Field(sa_type=REGION_CODE, index=True)
    lead_dept: str
    need: str
    needed: Decimal | None = Field(default=None, sa_type=MONEY)
    found_at: datetime = Field(sa_type=INSTANT)
    state: str = State.OPEN
    source: str | None = None
    amount: Decimal | None = Field(default=None, sa_type=MONEY)
    doc_no: str | None = None
    arranged_by: str | None = None
    arranged_at: datetime | None = Field(default=None, sa_type=INSTANT)
    problem_sequence: int = Field(sa_type=BigInteger)
    version: int = 1
    event_sequence: int = Field(default=0, sa_type=BigInteger)

    def move(self, action: Action) -> None:
        """Take the move `action`; raises `IllegalMove`."""
        self.state = next_state(State(self.state), action)
        self.version += 1

    def need_again(self, need: "PolicyGap") -> None:
        """Take over another need of the same problem: nothing is arranged for it yet."""
        self.move(Action.NEED_AGAIN)
        self.need, self.needed, self.found_at = need.need, need.needed, need.found_at
        self.lead_dept, self.problem_sequence = need.lead_dept, need.problem_sequence
        self.source = self.amount = self.doc_no = self.arranged_by = self.arranged_at = None


POLICY_GAPS = FundsTable.metadata.tables["policy_gaps"]
