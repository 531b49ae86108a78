"""The rows of digests, and the indexes by which their figures are counted."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Index, UniqueConstraint, text
from sqlmodel import Field, col

from services.notify.mirror.tables import MirroredProblem
from services.notify.queues.tables import Happening
from services.notify.tables import CODE, INSTANT, NotifyTable


class Digest(NotifyTable, table=True):
    """What an organisation was told of a period, once. `figures` are its own and, for who watches
    others, `departments`."""

    __tablename__ = "digests"
    __table_args__ = (
        UniqueConstraint("kind", "period", "org"),
        Index("digests_of_org", "org", text("issued_at DESC"), "digest_id"),
    )

    digest_id: UUID = Field(primary_key=True)
    org: str = Field(sa_type=CODE)
    kind: str
    period: str
    region_code: str = Field(sa_type=CODE)
    figures: dict[str, Any] = Field(sa_type=JSON)
    title: str
    text: str
    issued_at: datetime = Field(sa_type=INSTANT)


Index("problems_of_place", col(MirroredProblem.village_code))
Index(
    "happenings_counted",
    col(Happening.at),
    postgresql_where=text(
        "event_type IN ('inspection.problem.dispatched.v1', 'inspection.problem.closed.v1')"
    ),
)
