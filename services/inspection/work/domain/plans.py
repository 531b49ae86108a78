"""What a rectification plan must say (I-30…I-32), and what a department's whole plan (I-33)."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from shared.errors import FieldError, Invalid
from shared.money import display, percent

INCOME_PREFIX = "INCOME_"
HEAD = "HEAD"  # 一把手


class PlanIncomplete(Invalid):
    """The plan does not say what is changed, by whom, how, in which steps and until when.

    Members: `missing`, the names of the fields that do not say it.
    """

    code = "PLAN_INCOMPLETE"
    zh = "整改方案须逐项写明目标、责任人、措施、进度和时限，缺项见 missing。"
    en = "A plan states target, person, measures, dated steps and deadline; see missing."


class PlanAfterDue(Invalid):
    """The plan ends after the problem's deadline.

    Members: `due_on`.
    """

    code = "PLAN_AFTER_DUE"
    zh = "方案时限不得晚于问题整改时限 {due_on}。"
    en = "The plan must not end after the problem's deadline {due_on}."


class StepOutOfRange(Invalid):
    """The steps are not in order of their days, or lie outside the time of the plan."""

    code = "STEP_OUT_OF_RANGE"
    zh = "进度节点须按日期先后排列，并在发现日期与方案时限之间。"
    en = "Steps stand in the order of their days, between the day of finding and the deadline."


class MeasureTooGeneral(Invalid):
    """A measure is a generic phrase.

    Members: `phrase`, the first one found.
    """

    code = "MEASURE_TOO_GENERAL"
    zh = "措施“{phrase}”过于宽泛，须写明对象、数量和完成日期。"
    en = "The measure “{phrase}” is too general: it must name object, quantity and date."


class AuthorNotHead(Invalid):
    """A department's consolidated plan is its head's."""

    code = "AUTHOR_NOT_HEAD"
    zh = (
        "整改总方案须由单位主要负责人以其角色（dept_head，纪委为 discipline）提交，"
        "author_role 为 HEAD，author 与登记的一把手一致；不得仅由业务人员制定。"
    )
    en = (
        "A consolidated plan is handed in by the head of the department in that role (dept_head, at"
        " the discipline commission discipline), with author_role HEAD and the name on record."
    )


class CoverageIncomplete(Invalid):
    """The plan does not cover all open problems of the department.

    Members: `coverage_pct`, `missing` (how many), `missing_ids` (the first 20).
    """

    code = "COVERAGE_INCOMPLETE"
    zh = "总方案须覆盖本部门全部未销号问题，目前覆盖 {coverage_pct}%，尚缺 {missing} 个。"
    en = "The plan must cover every open problem: {coverage_pct}% are covered, {missing} are not."


@dataclass(frozen=True, slots=True)
class Measure:
    """What is done: `object`, `quantity` and `due` make it specific."""

    text: str | None
    object: str | None = None
    quantity: str | None = None
    due: date | None = None

    @property
    def is_specific(self) -> bool:
        """Whether it says on what, how much and until when."""
        return bool(self.object and self.quantity and self.due)


@dataclass(frozen=True, slots=True)
class Step:
    """What is reached on a day."""

    text: str | None
    on: date | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan as it was handed in; None and blank stand for what was left out."""

    target: str | None
    responsible_person: str | None
    measures: tuple[Measure, ...]
    progress_steps: tuple[Step, ...]
    deadline: date | None


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that says all it must."""

    target: str
    responsible_person: str
    measures: tuple[Measure, ...]
    progress_steps: tuple[Step, ...]
    deadline: date


@dataclass(frozen=True, slots=True)
class Phrases:
    """Generic phrases: `banned` anywhere in a measure; `alone` for one that says nothing else."""

    banned: tuple[str, ...]
    alone: tuple[str, ...] = ()


def decide_plan(draft: Draft, *, found_on: date, due_on: date | None, phrases: Phrases) -> Plan:
    """The plan handed in, if it may stand for a problem found on a day with a deadline (None: it
    has none, and the plan's own is free).

    Raises `PlanIncomplete`, `PlanAfterDue`, `StepOutOfRange`, `MeasureTooGeneral`.
    """
    plan = _complete(draft)
    if due_on is not None and plan.deadline > due_on:  # I-31
        raise PlanAfterDue(
            errors=[_about("deadline", PlanAfterDue, due_on=due_on)], due_on=due_on.isoformat()
        )
    _check_steps(plan, found_on)
    _check_measures(plan, phrases)
    return plan


def _complete(draft: Draft) -> Plan:  # I-30
    target, person, deadline = draft.target, draft.responsible_person, draft.deadline
    stated = {
        "target": bool(target),
        "responsible_person": bool(person),
        "measures": bool(draft.measures) and all(one.text for one in draft.measures),
        "progress_steps": any(step.on for step in draft.progress_steps)
        and all(step.text for step in draft.progress_steps),
        "deadline": deadline is not None,
    }
    missing = [name for name, said in stated.items() if not said]
    if missing or not target or not person or deadline is None:
        raise PlanIncomplete(
            errors=[
                FieldError(name, PlanIncomplete.code, "未写明。", "Not stated.") for name in missing
            ],
            missing=missing,
        )
    return Plan(target, person, draft.measures, draft.progress_steps, deadline)


def _check_steps(plan: Plan, found_on: date) -> None:  # I-31
    earliest = found_on
    errors = []
    for place, step in enumerate(plan.progress_steps):
        if step.on is None:
            continue
        if earliest <= step.on <= plan.deadline:
            earliest = step.on
        else:
            errors.append(_about(f"progress_steps.{place}.on", StepOutOfRange))
    if errors:
        raise StepOutOfRange(errors=errors)


def _check_measures(plan: Plan, phrases: Phrases) -> None:
    """I-32: where a generic phrase stands, object, quantity and date must all stand beside it."""
    general = [
        (place, phrase)
        for place, measure in enumerate(plan.measures)
        if not measure.is_specific
        and (phrase := generic_phrase(measure.text or "", phrases)) is not None
    ]
    if general:
        raise MeasureTooGeneral(
            errors=[
                _about(f"measures.{place}", MeasureTooGeneral, phrase=phrase)
                for place, phrase in general
            ],
            phrase=general[0][1],
        )


def generic_phrase(text: str, phrases: Phrases) -> str | None:
    """The generic phrase that makes a measure of `text` say nothing; None if it says something.

    A phrase of `phrases.alone` counts only where every clause of the text holds one: what else is
    done then stands in no clause.
    """
    clauses = list(_clauses(text))
    for phrase in phrases.banned:
        if any(phrase in clause for clause in clauses):
            return phrase
    held = [next((one for one in phrases.alone if one in clause), None) for clause in clauses]
    return held[0] if held and all(held) else None


def _clauses(text: str) -> Iterator[str]:
    """The parts between punctuation, without blanks that could split a phrase."""
    folded = "".join(unicodedata.normalize("NFKC", text).split())
    marks = "".join(
        "\n" if unicodedata.category(character).startswith("P") else character
        for character in folded
    )
    return (clause for clause in marks.split("\n") if clause)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many open problems there are and how many of them are planned; `missing_ids` are the
    first ones that are not."""

    open: int
    planned: int
    missing_ids: tuple[UUID, ...] = ()

    @property
    def pct(self) -> Decimal:
        """The share planned in per cent; of no problems at all, all are."""
        share = percent(self.planned, self.open)
        return Decimal(100) if share is None else share


def check_coverage(coverage: Coverage) -> None:
    """Raise `CoverageIncomplete` unless every open problem is planned (I-33)."""
    if coverage.planned < coverage.open:
        raise CoverageIncomplete(
            # Never rounded up to the hundred that is missing.
            coverage_pct=min(display(coverage.pct), "99.99", key=Decimal),
            missing=coverage.open - coverage.planned,
            missing_ids=[str(one) for one in coverage.missing_ids],
        )


def check_author(*, is_head: bool, author: str, author_role: str, head: str | None) -> None:
    """Raise `AuthorNotHead` unless the head hands the plan in as its author (I-33). `head` is the
    name on record for the unit's number one, None where nobody was named."""
    wrong = {
        "author_role": not is_head or author_role != HEAD,
        "author": head is not None and author != head,
    }
    errors = [_about(name, AuthorNotHead) for name, bad in wrong.items() if bad]
    if errors:
        raise AuthorNotHead(errors=errors)


def _about(field: str, refusal: type[Invalid], **filled: object) -> FieldError:
    return FieldError(field, refusal.code, refusal.zh.format(**filled), refusal.en.format(**filled))
