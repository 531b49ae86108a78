"""Which messages a person has read."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.notify.tables import CODE, INSTANT, NotifyTable


class ReadMark(NotifyTable, table=True):
    """A person has read a message of the organisation he acts for. There is a row for every message
    and no watermark: a message may be committed after one with a higher position, and would stand
    below a watermark unread."""

    __tablename__ = "read_marks"

    person: str = Field(primary_key=True)
    org: str = Field(primary_key=True, sa_type=CODE)
    message_id: UUID = Field(primary_key=True)
    read_at: datetime = Field(sa_type=INSTANT)
