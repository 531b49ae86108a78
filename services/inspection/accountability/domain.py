"""Why a case of accountability is opened, against whom, and what is proposed."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Cause(StrEnum):
    """What a case is about."""

    FALSE_RECTIFICATION = "FALSE_RECTIFICATION"  # 虚假整改 (I-43)
    RECURRENCE = "RECURRENCE"  # 屡改屡犯 (I-44)


class Proposal(StrEnum):
    """What the rules propose; a person decides."""

    DISCIPLINE = "DISCIPLINE"  # 纪律处分: fraud starts here (I-74)
    REMOVE_PRINCIPAL_PROPOSED = "REMOVE_PRINCIPAL_PROPOSED"  # 建议免去主要负责人职务 (I-44)


class CaseState(StrEnum):
    """Where a case stands."""

    OPEN = "OPEN"


def propose(cause: Cause, recurrence: int) -> Proposal:
    """What the rules propose: for a defect that came back the principal's removal (I-44), for a
    false report discipline, where the ladder starts for fraud (I-74)."""
    if cause is Cause.RECURRENCE or recurrence > 0:
        return Proposal.REMOVE_PRINCIPAL_PROPOSED
    return Proposal.DISCIPLINE


class Part(StrEnum):
    """What somebody had to do with a false report, from the report upwards."""

    DELEGATED = "DELEGATED"
    OWN_CHECK = "OWN_CHECK"
    SUBMITTED = "SUBMITTED"
    VERIFIED = "VERIFIED"
    RESPONSIBLE = "RESPONSIBLE"


@dataclass(frozen=True, slots=True)
class Link:
    """One member of the chain behind a report (I-43)."""

    person: str
    organisation: str
    part: Part


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case to be opened about one problem; `finding` says what was found."""

    cause: Cause
    problem_id: UUID
    village_code: str
    campaign_id: UUID | None
    kind: str
    lead_dept: str
    finding: str
    recurrence: int = 0
    chain: tuple[Link, ...] = ()
