"""How the register answers: rows with their sensitive values masked (X-08)."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.households.register.codes import (
    Attribute,
    Education,
    Health,
    Joining,
    Labour,
    Leaving,
    PovertyCause,
    Relation,
    StudentStatus,
    Tag,
)
from services.households.register.domain import (
    ArchiveStatus,
    Cohort,
    HouseholdClass,
    is_effective,
    population_on,
)
from services.households.register.sealing import Seals
from services.households.register.tables import Household, Member
from shared.privacy import SealedColumn, mask_account, mask_phone, mask_resident_id
from shared.validators import Sex, years_between
from shared.web.problem_details import ProblemField


class ChronicView(BaseModel):
    """A chronic patient: how many diseases are on record, and whether the doctor signed."""

    diseases: int
    doctor_signed: bool | None


class DisabilityView(BaseModel):
    """A disability; of the certificate's number only the last four characters."""

    category: int
    level: int
    cert_no: str | None


class WorkView(BaseModel):
    """Work away from home."""

    place: str | None
    months: int | None


class MemberView(BaseModel):
    """A member; the id number is masked (511132********0010)."""

    id: UUID
    name: str
    sex: Sex
    id_no: str | None
    birth_date: date
    age: int
    relation: Relation
    nation: str | None
    education: Education | None
    student_status: StudentStatus | None
    health: Health | None
    labour: Labour | None
    insured: dict[str, bool]
    enrolled: bool | None
    home_teaching: bool
    chronic: ChronicView | None
    disability: DisabilityView | None
    work: WorkView | None
    left_school_early: bool
    effective_from: date
    effective_to: date | None
    reason_in: Joining
    reason_out: Leaving | None

    @classmethod
    def of(cls, member: Member, seals: Seals, day: date) -> Self:
        """The view of a row, with the age on `day`."""
        id_no = opened(seals.id_no, member.id_no_sealed, member.id)
        return cls(
            **member.model_dump(exclude={"chronic"}),
            id_no=mask_resident_id(id_no) if id_no else None,
            age=years_between(member.birth_date, day),
            chronic=_chronic(member, seals),
            disability=_disability(member, seals),
            work=_work(member),
        )


class CausesView(BaseModel):
    """Why a household is poor."""

    main: PovertyCause
    others: list[PovertyCause]


class BankView(BaseModel):
    """The account that help is paid to; its last four digits."""

    bank_code: str | None
    account: str


class HouseholdView(BaseModel):
    """A household with the members who belong to it on the day asked for."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    id: UUID
    household_no: str
    village_code: str
    group_name: str | None
    attribute: Attribute | None
    archive_status: ArchiveStatus
    household_class: HouseholdClass | None = Field(alias="class")
    cohort: Cohort
    causes: CausesView | None
    identified_on: date | None
    exit_year: int | None
    tags: list[Tag]
    elder_left_in_old_house: bool
    helper_id: str | None
    phone: str | None
    bank: BankView | None
    kit: dict[str, bool]
    population: int
    members: list[MemberView]
    version: int
    recorded_at: datetime
    recorded_by: str
    open_problems: int = Field(0, description="未销号问题数")

    @classmethod
    def of(
        cls,
        household: Household,
        members: Sequence[Member],
        seals: Seals,
        day: date,
        **more: Any,
    ) -> Self:
        """The view of a household's rows on `day`."""
        phone = opened(seals.phone, household.phone_sealed, household.id)
        account = opened(seals.account, household.account_sealed, household.id)
        causes = None
        if household.cause_main is not None:
            causes = {"main": household.cause_main, "others": household.causes_other}
        return cls(
            **household.model_dump(),
            causes=causes,
            phone=mask_phone(phone) if phone else None,
            bank=BankView(bank_code=household.bank_code, account=mask_account(account))
            if account
            else None,
            population=population_on(members, day),
            members=[
                MemberView.of(member, seals, day) for member in members if is_effective(member, day)
            ],
            **more,
        )


class RegisteredView(HouseholdView):
    """A newly registered household; warnings do not hinder (H-02)."""

    warnings: list[ProblemField]


class HouseholdLine(BaseModel):
    """A household in a list."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    id: UUID
    household_no: str
    village_code: str
    group_name: str | None
    head_name: str | None
    population: int
    archive_status: ArchiveStatus
    household_class: HouseholdClass | None = Field(alias="class")
    cohort: Cohort
    version: int


class BatchRowView(BaseModel):
    """What became of one row: a household, or the refusal."""

    row: int = Field(description="行号，从0起")
    id: UUID | None = None
    household_no: str | None = None
    code: str | None = None
    errors: list[ProblemField] = []
    warnings: list[ProblemField] = []


class BatchView(BaseModel):
    """What became of each row, in the order sent."""

    accepted: int
    rejected: int
    results: list[BatchRowView]


class ChangeView(BaseModel):
    """One change of a household: who, when, from, to, why, on what paper (H-08)."""

    id: int
    at: datetime
    action: str
    person: str
    organisation: str
    reason: str | None
    change: dict[str, Any]


class RevealedMemberView(BaseModel):
    """A member's sensitive values in full; asking for them was recorded."""

    id_no: str | None
    disability_cert_no: str | None
    diseases: list[str]


class RevealedHouseholdView(BaseModel):
    """A household's sensitive values in full; asking for them was recorded."""

    phone: str | None
    account: str | None


def opened(column: SealedColumn, sealed: str | None, row: UUID) -> str | None:
    """A sealed value in full, None where there is none."""
    return None if sealed is None else column.open(sealed, row)


def diseases_of(member: Member, seals: Seals) -> list[str]:
    """A member's diseases in full."""
    text = opened(seals.diseases, member.diseases_sealed, member.id)
    return json.loads(text) if text else []


def _chronic(member: Member, seals: Seals) -> ChronicView | None:
    if not member.chronic:
        return None
    return ChronicView(diseases=len(diseases_of(member, seals)), doctor_signed=member.doctor_signed)


def _disability(member: Member, seals: Seals) -> DisabilityView | None:
    if member.disability_category is None or member.disability_level is None:
        return None
    number = opened(seals.disability_cert, member.disability_cert_sealed, member.id)
    return DisabilityView(
        category=member.disability_category,
        level=member.disability_level,
        cert_no=mask_account(number) if number else None,
    )


def _work(member: Member) -> WorkView | None:
    if member.work_place is None and member.work_months is None:
        return None
    return WorkView(place=member.work_place, months=member.work_months)
