"""Copies of foreign facts; only reactions change them."""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field

from services.funds.tables import REGION_CODE, FundsTable


class Region(FundsTable, table=True):
    """A region; version 0 is the national list, later ones count its owner's changes."""

    __tablename__ = "regions"

    code: str = Field(primary_key=True, sa_type=REGION_CODE)
    name: str
    valid_to: date | None = None
    version: int = Field(default=0, sa_type=BigInteger)


class HouseholdMirror(FundsTable, table=True):
    """What a payment to a household must be checked against."""

    __tablename__ = "household_mirror"

    household_id: UUID = Field(primary_key=True)
    household_no: str
    village_code: str = Field(sa_type=REGION_CODE, index=True)
    archive_status: str
    household_class: str | None = None
    elder_left_in_old_house: bool
    active: bool
    version: int
