"""The rows of answers to petitioners."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field

from services.notify.feedback.domain import Action, State, next_state
from services.notify.tables import CODE, INSTANT, NotifyTable
from shared.ids import new_id


class PetitionFeedback(NotifyTable, table=True):
    """The answer of the handling organisation `org` to a petitioner, who is `contact_id` for this
    one sending; `reason` says why it did not reach him, as of the sending."""

    __tablename__ = "petition_feedback"
    __table_args__ = (
        Index("petition_feedback_of_org", "org", "feedback_id"),
        Index(
            "petition_feedback_pending",
            "sending_id",
            postgresql_where=text("state = 'PENDING'"),
        ),
    )

    feedback_id: UUID = Field(default_factory=new_id, primary_key=True)
    petition_no: str
    org: str = Field(sa_type=CODE)
    result: str
    contact_id: UUID
    sending_id: UUID
    state: str = State.PENDING
    reason: str | None = None
    created_at: datetime = Field(sa_type=INSTANT)
    ended_at: datetime | None = Field(default=None, sa_type=INSTANT)

    def end(self, action: Action, reason: str | None, at: datetime) -> None:
        """It has reached the petitioner or will not; raises `IllegalMove`."""
        self.state = next_state(State(self.state), action)
        self.reason, self.ended_at = reason, at


FEEDBACK = NotifyTable.metadata.tables["petition_feedback"]
