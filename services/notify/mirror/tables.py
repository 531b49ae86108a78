"""Copies of foreign facts; only reactions change them."""

from datetime import date
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Text
from sqlmodel import Field

from services.notify.tables import CODE, NotifyTable


class Region(NotifyTable, table=True):
    """A region; version 0 is the national list, later ones count its owner's changes."""

    __tablename__ = "regions"

    code: str = Field(primary_key=True, sa_type=CODE)
    name: str
    version: int = Field(0, sa_type=BigInteger)


class MirroredProblem(NotifyTable, table=True):
    """What decides whom to tell about a problem, as of its `version`-th event."""

    __tablename__ = "problems"

    problem_id: UUID = Field(primary_key=True)
    problem_no: str
    kind: str
    tier: str
    severity: str
    state: str
    lead: str
    partners: list[str] = Field(sa_type=ARRAY(Text))
    village_code: str = Field(sa_type=CODE)
    due_on: date | None = None
    dispatched: bool
    version: int = Field(sa_type=BigInteger)
