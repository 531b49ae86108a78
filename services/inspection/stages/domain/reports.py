"""The final report of a campaign (I-47): who signs it, and what must be before it is sent."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any

from shared.errors import Conflict, Forbidden


class Signatory(StrEnum):
    """Who signs the final report."""

    SECRETARY = "SECRETARY"  # 县（市、区）委书记, head of the leading group
    MAYOR = "MAYOR"  # 县（市、区）长


_ROLES: Mapping[Signatory, str] = {
    Signatory.SECRETARY: "leading_group",
    Signatory.MAYOR: "county_gov",
}


class ReportNotSigned(Conflict):
    """The final report is not signed by both.

    Member: `missing`, who has not signed.
    """

    code = "REPORT_NOT_SIGNED"
    zh = "整改工作报告须经县（市、区）委书记和县（市、区）长签字，方可上报或结束行动。"
    en = "Secretary and mayor must both sign the final report before it is sent or the end."

    def __init__(self, *, missing: Collection[Signatory]) -> None:
        super().__init__(missing=[one.value for one in missing])


class SameSigner(Conflict):
    """Two different persons sign the final report."""

    code = "SAME_SIGNER"
    zh = "整改工作报告须由两人分别签字，同一人不得签两次。"
    en = "The final report is signed by two different persons."


class AlreadySigned(Conflict):
    """The report is signed in this capacity."""

    code = "ALREADY_SIGNED"
    zh = "该职务已在整改工作报告上签字。"
    en = "The report is signed in this capacity already."


class ReportFixed(Conflict):
    """A signed report is not drafted anew."""

    code = "REPORT_FIXED"
    zh = "报告已签字，不得重新生成。"
    en = "The report is signed and cannot be drafted anew."


class ReportSent(Conflict):
    """The report has been sent up."""

    code = "REPORT_SENT"
    zh = "报告已上报。"
    en = "The report has been sent up already."


def missing_signatures(signatures: Sequence[Mapping[str, Any]]) -> list[Signatory]:
    """Who has not signed yet."""
    signed = {record["as"] for record in signatures}
    return [signatory for signatory in Signatory if signatory not in signed]


def check_signed(signatures: Sequence[Mapping[str, Any]]) -> None:
    """Raise `ReportNotSigned` unless both have signed."""
    missing = missing_signatures(signatures)
    if missing:
        raise ReportNotSigned(missing=missing)


def decide_signatory(
    roles: Collection[str],
    asked: Signatory | None,
    person: str,
    signatures: Sequence[Mapping[str, Any]],
) -> Signatory:
    """In which capacity `person` signs: the one asked for, else the one the roles give. Raises
    `Forbidden`, `AlreadySigned`, `SameSigner`."""
    fitting = [one for one in Signatory if _ROLES[one] in roles and asked in (None, one)]
    if not fitting:
        raise Forbidden
    signed = {record["as"]: record["person"] for record in signatures}
    free = [one for one in fitting if one not in signed]
    if not free:
        raise AlreadySigned
    if person in signed.values():
        raise SameSigner
    return free[0]
