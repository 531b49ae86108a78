"""The rules of the register: states, classes, cohorts, heads, and who belongs on which day."""

from collections.abc import Collection, Iterable
from datetime import date
from enum import StrEnum
from typing import Protocol, TypeVar

from services.households.register.codes import Attribute, Health, Relation, Tag
from shared.errors import Conflict, FieldError, Invalid, field_error
from shared.validators import Sex


class ArchiveStatus(StrEnum):
    """State of the archive (B.1). A register taken over starts households in any but CLOSED."""

    ORDINARY = "ORDINARY"  # 一般农户: never identified, or rejected
    CANDIDATE = "CANDIDATE"  # 拟识别: applied
    POOR = "POOR"  # 未脱贫: identified, or found to have exited wrongly
    PRE_EXIT = "PRE_EXIT"  # 预脱贫: planned to exit this year
    EXITED = "EXITED"  # 已脱贫: exit approved by the county
    RETURNED = "RETURNED"  # 返贫: fell back
    CLEANED = "CLEANED"  # 清退: should never have been identified
    CLOSED = "CLOSED"  # 自然销户: no member is left
    AID_ENDED = "AID_ENDED"  # 退出帮扶: able without aid, from 2026


class HouseholdClass(StrEnum):
    """What a household is entitled to follows from its class (H-40); ordinary ones have none."""

    EXITED = "EXITED"
    POOR_GENERAL = "POOR_GENERAL"
    POOR_SAFETYNET = "POOR_SAFETYNET"


class Cohort(StrEnum):
    """What a deadline may depend on (I-22)."""

    EXITED = "EXITED"  # 已脱贫户
    EXIT_THIS_YEAR = "EXIT_THIS_YEAR"  # 当年计划脱贫户
    NOT_EXITED = "NOT_EXITED"  # 其他未脱贫户
    NON_ARCHIVED_SPECIAL = "NON_ARCHIVED_SPECIAL"  # 档外五类
    NON_ARCHIVED = "NON_ARCHIVED"  # 其他非建档立卡户


class IdDuplicate(Conflict):
    """This resident id already belongs to a member of an active household."""

    code = "ID_DUPLICATE"
    zh = "该公民身份号码已登记在册，同一人不得重复登记。"
    en = "This resident id number is already registered; nobody is registered twice."


class MemberGone(Conflict):
    """The person no longer belongs to the household."""

    code = "MEMBER_GONE"
    zh = "该成员已不在本户，不能再变更。"
    en = "The person no longer belongs to the household."


class HouseholdClosed(Conflict):
    """The household is closed."""

    code = "HOUSEHOLD_CLOSED"
    zh = "该户已销户，不能再变更。"
    en = "The household is closed and takes no more changes."


class Belonging(Protocol):
    """Somebody's time in a household; `effective_to` is the first day not counted any more."""

    @property
    def effective_from(self) -> date: ...
    @property
    def effective_to(self) -> date | None: ...


BelongingT = TypeVar("BelongingT", bound=Belonging)


# Not exited: what is left of help is due to them (H-40).
_POOR = frozenset({ArchiveStatus.POOR, ArchiveStatus.PRE_EXIT, ArchiveStatus.RETURNED})
_OUTSIDE_TAGS = frozenset(tag for tag in Tag if tag.startswith("OUT_"))
_SAFETYNET_ATTRIBUTES = frozenset({Attribute.DIBAO, Attribute.TEKUN})
_SEVERE_DISABILITY_LEVELS = frozenset({1, 2})


def is_effective(member: Belonging, day: date) -> bool:
    """Whether somebody belongs to the household on `day`: from the day of joining, no longer on
    the day of leaving."""
    return member.effective_from <= day and (
        member.effective_to is None or day < member.effective_to
    )


def present(members: Iterable[BelongingT]) -> list[BelongingT]:
    """Those who have not left."""
    return [member for member in members if member.effective_to is None]


def population_on(members: Iterable[Belonging], day: date) -> int:
    """How many belong to the household on `day`: the population of a computation whose period ends
    on that day (H-03)."""
    return sum(is_effective(member, day) for member in members)


def class_of(
    status: ArchiveStatus, attribute: str | None, safetynet: Collection[str]
) -> HouseholdClass | None:
    """The class of a household (H-40); `safetynet` are the attributes that make one a 兜底户 ⚙."""
    if status is ArchiveStatus.EXITED:
        return HouseholdClass.EXITED
    if status not in _POOR:
        return None
    if attribute in safetynet:
        return HouseholdClass.POOR_SAFETYNET
    return HouseholdClass.POOR_GENERAL


def is_severe(health: str | None, disability_level: int | None) -> bool:
    """Whether a member makes a household outside the archive special: serious illness, or severe
    disability (level 1-2)."""
    return health == Health.SERIOUS or disability_level in _SEVERE_DISABILITY_LEVELS


def cohort_of(
    status: ArchiveStatus, attribute: str | None, tags: Collection[str], *, severe: bool
) -> Cohort:
    """The cohort of a household (I-22); `severe` is whether any present member `is_severe`.

    PRE_EXIT is by definition the running year's plan, so the cohort does not depend on the date.
    Outside the archive the five classes of H-50 are special: dibao and tekun by attribute, severe
    disability and serious illness by any present member, each of them and marginal by tag.
    """
    if status in (ArchiveStatus.EXITED, ArchiveStatus.AID_ENDED):
        return Cohort.EXITED
    if status is ArchiveStatus.PRE_EXIT:
        return Cohort.EXIT_THIS_YEAR
    if status in _POOR:
        return Cohort.NOT_EXITED
    if severe or attribute in _SAFETYNET_ATTRIBUTES or not _OUTSIDE_TAGS.isdisjoint(tags):
        return Cohort.NON_ARCHIVED_SPECIAL
    return Cohort.NON_ARCHIVED


def birth_date_of(number: str) -> date:
    """The birth date a checked resident id number says."""
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def sex_of(number: str) -> Sex:
    """The sex a checked resident id number says: odd for men (H-02)."""
    return Sex.MALE if int(number[16]) % 2 else Sex.FEMALE


def head_error(relations: Iterable[str]) -> FieldError | None:
    """`HEAD_COUNT` unless exactly one of the members is the head (H-01)."""
    heads = sum(relation == Relation.HEAD for relation in relations)
    if heads == 1:
        return None
    return FieldError(
        "members",
        "HEAD_COUNT",
        f"每户须有且仅有一名户主，现有 {heads} 名。",
        f"A household has exactly one head; here there are {heads}.",
    )


def check_present_heads(relations: Collection[str]) -> None:
    """Raise `Invalid` with `HEAD_COUNT` unless those present have one head; nobody left is allowed,
    such a household is then closed."""
    error = head_error(relations) if relations else None
    if error is not None:
        raise Invalid(errors=[error])


def household_number(village_code: str, running: int) -> str:
    """The number of a village's `running`-th household: 17 digits, so that nobody takes it for a
    resident id number."""
    return f"{village_code}{running:05d}"


def check_joining(born: date, joined: date) -> None:
    """Raise `Invalid` with `EFFECTIVE_TOO_EARLY` when `joined` lies before `born`."""
    if joined < born:
        raise field_error(
            "effective_on",
            "EFFECTIVE_TOO_EARLY",
            "入户日期早于出生日期。",
            "It lies before the day of birth.",
        )


def check_leaving(joined: date, left: date) -> None:
    """Raise `Invalid` with `EFFECTIVE_TOO_EARLY` when `left` lies before `joined`."""
    if left < joined:
        raise field_error(
            "effective_on",
            "EFFECTIVE_TOO_EARLY",
            "离户日期早于入户日期。",
            "It lies before the day on which the person joined.",
        )
