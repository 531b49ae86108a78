"""The due date of a problem: the classes it is judged by, the policy of rules, the decision."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from shared.errors import FieldError, Invalid


class Tier(StrEnum):
    """How soon a problem can be put right (I-20)."""

    IMMEDIATE = "IMMEDIATE"  # 即知即改
    GENERAL = "GENERAL"  # 一般
    COMPLEX = "COMPLEX"  # 复杂


class Scope(StrEnum):
    """Whether it is a single case or runs through the system (I-21)."""

    INDIVIDUAL = "INDIVIDUAL"  # 个案
    SYSTEMIC = "SYSTEMIC"  # 共性


class Severity(StrEnum):
    """Whether it counts among the prominent problems (I-54)."""

    PROMINENT = "PROMINENT"  # 突出
    GENERAL = "GENERAL"  # 一般


class Cohort(StrEnum):
    """Which group of households a deadline runs for (I-22); NONE: no household is concerned."""

    EXITED = "EXITED"  # 已脱贫户
    EXIT_THIS_YEAR = "EXIT_THIS_YEAR"  # 当年计划脱贫户
    NOT_EXITED = "NOT_EXITED"  # 未脱贫户
    NON_ARCHIVED_SPECIAL = "NON_ARCHIVED_SPECIAL"  # 非建档立卡特殊农户
    NON_ARCHIVED = "NON_ARCHIVED"  # 其他非建档立卡户
    NONE = "NONE"  # 不涉及农户


_COHORTS = frozenset(Cohort)


def known_cohort(code: str | None) -> Cohort:
    """The register's cohort; NONE for one this version does not know."""
    return Cohort(code) if code in _COHORTS else Cohort.NONE


class ObjectType(StrEnum):
    """What a problem is about (I-01)."""

    HOUSEHOLD = "HOUSEHOLD"
    VILLAGE = "VILLAGE"
    TOWNSHIP = "TOWNSHIP"
    COUNTY = "COUNTY"
    PROJECT = "PROJECT"
    FUND = "FUND"
    PERSON = "PERSON"


# Read by Pydantic where a policy comes from a caller: a misspelt class must not match everything.
_NOTHING_ELSE: dict[str, Any] = {"extra": "forbid"}

# Entries of `due_rules` that are no rule of a policy.
REQUESTED = "REQUESTED"  # the finder asked for a shorter deadline (I-25)
LATE = "LATE_DAYS"  # every matching rule had a date before the finding (I-23)
UNMATCHED = "UNMATCHED_DAYS"  # no rule matched (I-23)
SYSTEMIC = "SYSTEMIC"  # review dates instead of a closing date (I-21)
RESERVED_RULE_IDS = frozenset({REQUESTED, LATE, UNMATCHED, SYSTEMIC})


@dataclass(frozen=True, slots=True)
class Classes:
    """What the rules of a policy look at."""

    tier: Tier
    scope: Scope
    cohort: Cohort
    severity: Severity
    object_type: ObjectType


@dataclass(frozen=True, slots=True)
class Match:
    """The classes a rule is for, each one value or a list of them; what is left out matches all."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _NOTHING_ELSE

    tier: Tier | tuple[Tier, ...] | None = None
    scope: Scope | tuple[Scope, ...] | None = None
    cohort: Cohort | tuple[Cohort, ...] | None = None
    severity: Severity | tuple[Severity, ...] | None = None
    object_type: ObjectType | tuple[ObjectType, ...] | None = None

    def covers(self, classes: Classes) -> bool:
        """Whether a problem of `classes` is meant."""
        return (
            _covers(self.tier, classes.tier)
            and _covers(self.scope, classes.scope)
            and _covers(self.cohort, classes.cohort)
            and _covers(self.severity, classes.severity)
            and _covers(self.object_type, classes.object_type)
        )


def _covers(wanted: StrEnum | tuple[StrEnum, ...] | None, actual: StrEnum) -> bool:
    return wanted is None or wanted == actual or (isinstance(wanted, tuple) and actual in wanted)


@dataclass(frozen=True, slots=True)
class Term:
    """Until when: a fixed date, or days from the day of finding; exactly one of the two."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _NOTHING_ELSE

    date: dt.date | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True)
class DueRule:
    """One rule of a policy; `id` names it in the explanation of a due date."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _NOTHING_ELSE

    id: str
    due: Term
    match: Match = field(default_factory=Match)


@dataclass(frozen=True, slots=True)
class DeadlinePolicy:
    """The rules of a campaign or region. `late_days` and `unmatched_days` (I-23) are the
    configured ones where the policy does not set them."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _NOTHING_ELSE

    rules: tuple[DueRule, ...]
    late_days: int | None = None
    unmatched_days: int | None = None

    def __post_init__(self) -> None:
        errors = _policy_errors(self)
        if errors:
            raise PolicyInvalid(errors=errors)


class PolicyInvalid(Invalid):
    """The deadline policy has rules that cannot be applied."""

    code = "POLICY_INVALID"
    zh = "时限规则有误：每条规则须有唯一编号，并在日期与天数中恰好给出一项。"
    en = "Every rule needs an id of its own and exactly one of a date and a number of days."


_LONGEST_DAYS = 3650


def _policy_errors(policy: DeadlinePolicy) -> list[FieldError]:
    refused: list[str] = []
    ids: set[str] = set()
    for place, rule in enumerate(policy.rules):
        if not _is_rule_id(rule.id) or rule.id in ids:
            refused.append(f"rules.{place}.id")
        ids.add(rule.id)
        if (rule.due.date is None) == (rule.due.days is None):
            refused.append(f"rules.{place}.due")
        if rule.due.days is not None and not 0 <= rule.due.days <= _LONGEST_DAYS:
            refused.append(f"rules.{place}.due.days")
        if rule.due.date is not None and not 2000 <= rule.due.date.year <= 2099:
            refused.append(f"rules.{place}.due.date")
    for name, days in (("late_days", policy.late_days), ("unmatched_days", policy.unmatched_days)):
        if days is not None and not 0 <= days <= _LONGEST_DAYS:
            refused.append(name)
    refusal = PolicyInvalid
    return [
        FieldError(f"deadline_policy.{place}", refusal.code, refusal.zh, refusal.en)
        for place in refused
    ]


def _is_rule_id(text: str) -> bool:
    # JSON may escape half a surrogate pair; no text of PostgreSQL holds one.
    storable = not any("\ud800" <= character <= "\udfff" for character in text)
    return 1 <= len(text) <= 64 and storable and text not in RESERVED_RULE_IDS


# I-24: work without a campaign.
RELATIVE_POLICY = DeadlinePolicy(
    rules=(
        DueRule("RELATIVE_IMMEDIATE", Term(days=1), Match(tier=Tier.IMMEDIATE)),
        DueRule("RELATIVE_GENERAL", Term(days=30), Match(tier=Tier.GENERAL)),
        DueRule("RELATIVE_COMPLEX", Term(days=90), Match(tier=Tier.COMPLEX)),
    )
)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A due date and its reasons. `due_on` is None for systemic problems only."""

    due_on: date | None
    rules: tuple[str, ...]
    late_found: bool = False


class DueTooLate(Invalid):
    """The deadline asked for is later than the rules allow.

    Members: `due_on`, the latest they allow.
    """

    code = "DUE_TOO_LATE"
    zh = "要求的整改时限不得晚于规定时限 {due_on}。"
    en = "The deadline asked for must not be later than {due_on}."


class DueBeforeFound(Invalid):
    """The deadline asked for lies before the day of finding."""

    code = "DUE_BEFORE_FOUND"
    zh = "要求的整改时限早于发现日期。"
    en = "The deadline asked for lies before the day of finding."


class NoDueForSystemic(Invalid):
    """A systemic problem has review dates instead of a deadline."""

    code = "SYSTEMIC_WITHOUT_DEADLINE"
    zh = "共性问题纳入常态化管理，不设单一整改时限。"
    en = "A systemic problem has review dates instead of a single deadline."


def decide_deadline(
    classes: Classes,
    found_on: date,
    policy: DeadlinePolicy,
    *,
    late_days: int,
    unmatched_days: int,
    requested: date | None = None,
) -> Deadline:
    """The deadline under `policy` (I-23); `late_days` and `unmatched_days` hold where the policy
    sets none. `requested` may only shorten it (I-25), else `DueTooLate`, `DueBeforeFound`,
    `NoDueForSystemic`."""
    if classes.scope is Scope.SYSTEMIC:  # I-21
        if requested is not None:
            raise _about_request(NoDueForSystemic)
        return Deadline(None, (SYSTEMIC,))
    ruled = _by_rules(
        [rule for rule in policy.rules if rule.match.covers(classes)],
        found_on,
        late_days if policy.late_days is None else policy.late_days,
        unmatched_days if policy.unmatched_days is None else policy.unmatched_days,
    )
    if requested is None or requested == ruled.due_on:
        return ruled
    if requested < found_on:
        raise _about_request(DueBeforeFound)
    if ruled.due_on is not None and requested > ruled.due_on:
        raise _about_request(DueTooLate, due_on=ruled.due_on)
    return Deadline(requested, (REQUESTED,), ruled.late_found)


def _by_rules(
    matching: Sequence[DueRule], found_on: date, late_days: int, unmatched_days: int
) -> Deadline:
    if not matching:
        return Deadline(found_on + timedelta(days=unmatched_days), (UNMATCHED,))
    dates = [(_date_of(rule.due, found_on), rule.id) for rule in matching]
    open_dates = [(day, rule_id) for day, rule_id in dates if day >= found_on]
    if not open_dates:
        return Deadline(found_on + timedelta(days=late_days), (LATE,), late_found=True)
    earliest = min(day for day, _ in open_dates)
    return Deadline(earliest, tuple(rule_id for day, rule_id in open_dates if day == earliest))


def _date_of(term: Term, found_on: date) -> date:
    return term.date if term.date is not None else found_on + timedelta(days=term.days or 0)


def _about_request(refusal: type[Invalid], **members: Any) -> Invalid:
    zh, en = refusal.zh.format(**members), refusal.en.format(**members)
    return refusal(errors=[FieldError("requested_due_on", refusal.code, zh, en)], **members)


def strictest(first: Deadline, second: Deadline) -> Deadline:
    """The earlier of two deadlines (I-04); one without a date is the weaker. Equal dates keep the
    reasons of both."""
    if second.due_on is None or (first.due_on is not None and first.due_on < second.due_on):
        return first
    if first.due_on is None or second.due_on < first.due_on:
        return second
    rules = (*first.rules, *(rule for rule in second.rules if rule not in first.rules))
    return Deadline(first.due_on, rules, first.late_found and second.late_found)
