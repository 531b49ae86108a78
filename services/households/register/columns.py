"""How forms become columns: sensitive values are sealed for their row on the way."""

import json
from collections.abc import Collection
from typing import Any
from uuid import UUID

from services.households.register.forms import (
    ChangeHousehold,
    Chronic,
    Disability,
    MemberAttributes,
    RegisterHousehold,
    Work,
)
from services.households.register.sealing import Seals

_PLAIN_OF_MEMBER = (
    "nation",
    "education",
    "student_status",
    "health",
    "labour",
    "enrolled",
    "home_teaching",
    "left_school_early",
)
_PLAIN_OF_HOUSEHOLD = (
    "group_name",
    "attribute",
    "identified_on",
    "tags",
    "elder_left_in_old_house",
    "helper_id",
)

SENSITIVE_OF_MEMBER = frozenset(
    {
        "id_no_sealed",
        "id_no_index",
        "health",
        "chronic",
        "diseases_sealed",
        "doctor_signed",
        "disability_category",
        "disability_level",
        "disability_cert_sealed",
    }
)
"""Columns whose values no audit row shows: identity numbers and illness."""

SENSITIVE_OF_HOUSEHOLD = frozenset({"phone_sealed", "account_sealed"})
"""Columns whose values no audit row shows: telephone and account."""


def id_columns(number: str, member_id: UUID, seals: Seals) -> dict[str, Any]:
    """The columns of an id number."""
    return {
        "id_no_sealed": seals.id_no.seal(number, member_id),
        "id_no_index": seals.id_no.blind_index(number),
    }


def member_columns(
    form: MemberAttributes, member_id: UUID, seals: Seals, given: Collection[str]
) -> dict[str, Any]:
    """The columns of those attributes of `form` that are `given`."""
    columns: dict[str, Any] = {
        name: getattr(form, name) for name in _PLAIN_OF_MEMBER if name in given
    }
    if "insured" in given:
        columns["insured"] = {str(year): covered for year, covered in form.insured.items()}
    if "chronic" in given:
        columns |= _chronic_columns(form.chronic, member_id, seals)
    if "disability" in given:
        columns |= _disability_columns(form.disability, member_id, seals)
    if "work" in given:
        work = form.work or Work()
        columns |= {"work_place": work.place, "work_months": work.months}
    return columns


def household_columns(
    form: RegisterHousehold | ChangeHousehold,
    household_id: UUID,
    seals: Seals,
    given: Collection[str],
) -> dict[str, Any]:
    """The columns of those attributes of `form` that are `given`."""
    columns: dict[str, Any] = {
        name: getattr(form, name) for name in _PLAIN_OF_HOUSEHOLD if name in given
    }
    if "causes" in given:
        columns["cause_main"] = form.causes.main if form.causes else None
        columns["causes_other"] = list(form.causes.others) if form.causes else []
    if "phone" in given:
        columns["phone_sealed"] = form.phone and seals.phone.seal(form.phone, household_id)
    if "bank" in given:
        bank = form.bank
        columns["bank_code"] = bank.bank_code if bank else None
        columns["account_sealed"] = bank and seals.account.seal(bank.account, household_id)
    if "kit" in given:
        columns["kit"] = form.kit.model_dump()
    return columns


def _chronic_columns(chronic: Chronic | None, member_id: UUID, seals: Seals) -> dict[str, Any]:
    diseases = chronic.diseases if chronic else []
    text = json.dumps(diseases, ensure_ascii=False) if diseases else None
    return {
        "chronic": chronic is not None,
        "diseases_sealed": text and seals.diseases.seal(text, member_id),
        "doctor_signed": chronic.doctor_signed if chronic else None,
    }


def _disability_columns(
    disability: Disability | None, member_id: UUID, seals: Seals
) -> dict[str, Any]:
    number = disability.cert_no if disability else None
    return {
        "disability_category": disability.category if disability else None,
        "disability_level": disability.level if disability else None,
        "disability_cert_sealed": number and seals.disability_cert.seal(number, member_id),
    }
