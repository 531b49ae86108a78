"""Copies of foreign facts; only reactions change them."""

from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field

from services.households.tables import REGION_CODE, HouseholdsTable


class ProblemMirror(HouseholdsTable, table=True):
    """The latest state of a problem; `sequence` is that of the event it was taken from."""

    __tablename__ = "problems"
    __table_args__ = (
        Index("ix_problems_open", "object_type", "object_ref", postgresql_where=text("is_open")),
    )

    problem_id: UUID = Field(primary_key=True)
    problem_no: str
    kind: str
    severity: str
    object_type: str
    object_ref: str
    village_code: str = Field(sa_type=REGION_CODE)
    is_open: bool
    sequence: int = Field(sa_type=BigInteger)
