"""The rows of the register, and the past states of each household."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, SmallInteger, text
from sqlmodel import Field

from services.households.register.domain import ArchiveStatus, Cohort
from services.households.tables import INSTANT, JSON, REGION_CODE, HouseholdsTable


class Household(HouseholdsTable, table=True):
    """A household as it is; `…_sealed` columns are ciphertext bound to the row's id.

    `recorded_*` and `change_*` say since when, by whom and why it is as it is.
    """

    __tablename__ = "households"
    __table_args__ = (
        CheckConstraint("household_no ~ '^[0-9]{17}$'", name="household_no"),
        Index("ix_households_village_code", "village_code", "household_no"),
    )

    id: UUID = Field(primary_key=True)
    household_no: str = Field(sa_type=REGION_CODE, unique=True)
    village_code: str = Field(sa_type=REGION_CODE)
    group_name: str | None = None
    attribute: str | None = None
    archive_status: str = ArchiveStatus.ORDINARY
    household_class: str | None = None
    cohort: str = Cohort.NON_ARCHIVED
    cause_main: str | None = None
    causes_other: list[str] = Field(default_factory=list, sa_type=JSON)
    identified_on: date | None = None
    exit_year: int | None = None
    tags: list[str] = Field(default_factory=list, sa_type=JSON)
    elder_left_in_old_house: bool = False
    helper_id: str | None = None
    phone_sealed: str | None = None
    bank_code: str | None = None
    account_sealed: str | None = None
    kit: dict[str, bool] = Field(default_factory=dict, sa_type=JSON)
    version: int = 1
    event_sequence: int = Field(default=0, sa_type=BigInteger)
    recorded_at: datetime = Field(sa_type=INSTANT)
    recorded_by: str
    change_reason: str | None = None
    source_document: str | None = None


class Member(HouseholdsTable, table=True):
    """Somebody's time in a household; `effective_to` is the first day not counted any more."""

    __tablename__ = "members"
    __table_args__ = (
        CheckConstraint("effective_to >= effective_from", name="time"),
        CheckConstraint("(id_no_sealed IS NULL) = (id_no_index IS NULL)", name="id_no"),
        CheckConstraint("(effective_to IS NULL) = (reason_out IS NULL)", name="left"),
        # H-02: nobody lives in two households, however many clerks register at once.
        Index(
            "uq_members_present_id_no",
            "id_no_index",
            unique=True,
            postgresql_where=text("effective_to IS NULL"),
        ),
        Index("ix_members_name", "name", postgresql_where=text("effective_to IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    household_id: UUID = Field(foreign_key="households.id", index=True)
    position: int = Field(sa_type=SmallInteger)
    name: str
    sex: str
    id_no_sealed: str | None = None
    id_no_index: bytes | None = Field(default=None, sa_type=LargeBinary)
    birth_date: date
    relation: str
    nation: str | None = None
    education: str | None = None
    student_status: str | None = None
    health: str | None = None
    labour: str | None = None
    insured: dict[str, bool] = Field(default_factory=dict, sa_type=JSON)
    enrolled: bool | None = None
    home_teaching: bool = False
    chronic: bool = False
    diseases_sealed: str | None = None
    doctor_signed: bool | None = None
    disability_category: int | None = Field(default=None, sa_type=SmallInteger)
    disability_level: int | None = Field(default=None, sa_type=SmallInteger)
    disability_cert_sealed: str | None = None
    work_place: str | None = None
    work_months: int | None = Field(default=None, sa_type=SmallInteger)
    left_school_early: bool = False
    effective_from: date
    effective_to: date | None = None
    reason_in: str
    reason_out: str | None = None


class HouseholdVersion(HouseholdsTable, table=True):
    """A past state of a household with all its members, kept when it was changed (H-08)."""

    __tablename__ = "household_versions"

    household_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    recorded_from: datetime = Field(sa_type=INSTANT)
    recorded_to: datetime = Field(sa_type=INSTANT)
    household: dict[str, Any] = Field(sa_type=JSON)
    members: list[dict[str, Any]] = Field(sa_type=JSON)


class HouseholdNumber(HouseholdsTable, table=True):
    """The last running number given in a village."""

    __tablename__ = "household_numbers"

    village_code: str = Field(primary_key=True, sa_type=REGION_CODE)
    last: int


HOUSEHOLDS = HouseholdsTable.metadata.tables["households"]
