"""The wording of messages as configured values (X-06): by purpose, region and date, checked against
the events that lead to the purpose."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from pydantic import ConfigDict, Field

from services.notify.queues.domain.alert_words import SAMPLES
from services.notify.queues.domain.notices import Purpose
from services.notify.queues.domain.templates import Template, check_template
from services.notify.queues.domain.words import INFORMATION, TEMPLATES, VARIABLES, ReminderData
from shared.configuration import Configuration, Setting
from shared.events.base import Event, event_types

# The events that lead to a message of each purpose, whatever their version; those of a whole topic
# by its name.
SOURCES: Mapping[Purpose, tuple[str, ...]] = {
    Purpose.SUSPICION: ("inspection.problem.logged",),
    # Whatever event shows that a problem has another lead (N-05).
    Purpose.DISPATCH: ("inspection.problem",),
    Purpose.WITHDRAWAL: ("inspection.problem",),
    Purpose.DUE_CHANGED: ("inspection.problem.due_changed",),
    Purpose.SOURCE_ADDED: ("inspection.problem.source_added",),
    Purpose.DISPUTED: ("inspection.problem.disputed",),
    Purpose.DISPUTE_REJECTED: ("inspection.problem.dispute_rejected",),
    Purpose.STALLED: ("inspection.problem.stalled",),
    Purpose.NO_POLICY: ("inspection.problem.no_policy_found",),
    Purpose.VERIFICATION: ("inspection.problem.submitted", "inspection.problem.verified"),
    Purpose.RETURNED: ("inspection.problem.returned",),
    Purpose.FALSE_RECTIFICATION: ("inspection.problem.false_rectification",),
    Purpose.REOPENED: ("inspection.problem.reopened",),
    Purpose.CLOSED: ("inspection.problem.closed",),
    Purpose.REMINDER: ("notify.reminder.sent",),
    Purpose.OVERDUE: ("inspection.problem.overdue",),
    Purpose.ACCOUNTABILITY: ("inspection.accountability.opened",),
    Purpose.SUBSCRIBED: ("inspection.problem", "inspection.accountability.opened"),
    Purpose.FUND_ALERT: (
        "funds.progress.computed",
        "funds.payment",
        "funds.allocation.idle",
        "funds.project",
    ),
    Purpose.MONITORING_ALERT: ("households.monitoring", "households.household.income_assessed"),
    Purpose.ABSENCE_LETTER: ("inspection.attendance.absence_found",),
    Purpose.BULLETIN: ("inspection.bulletin.published",),
    Purpose.RANKING: ("inspection.ranking.published",),
    Purpose.DIGEST: ("notify.digest.issued",),
    Purpose.BROADCAST: ("notify.broadcast.issued",),
    Purpose.BROADCAST_UNREAD: ("notify.broadcast.unread",),
    Purpose.ENDPOINT_SUSPENDED: ("notify.subscription.suspended",),
    Purpose.FEEDBACK_FAILED: ("notify.feedback.failed",),
}

_PLAIN = (str, int, bool, float, date, datetime, Decimal, UUID)


@dataclass(frozen=True)
class Wording:
    """What offices may change of a template: title, text, and the text of a copy for information
    (empty: the same)."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(min_length=1, max_length=2000)]
    copy: Annotated[str, Field(max_length=2000)] = ""


@cache
def sources_of(purpose: Purpose) -> tuple[type[Event], ...]:
    """The events that lead to a message of a purpose, as far as this service knows them."""
    return tuple(
        event
        for source in SOURCES[purpose]
        for wire_type, event in event_types().items()
        if wire_type.startswith(f"{source}.")
    )


@cache
def fields_of(purpose: Purpose) -> Mapping[str, Any]:
    """The fields that the data of every message of a purpose hold, with their types."""
    # A reminder's data are those of its problem; the event says that it was sent.
    if purpose is Purpose.REMINDER:
        return get_type_hints(ReminderData)
    first, *others = sources_of(purpose)
    shared_by_all = set(first.model_fields).intersection(*(other.model_fields for other in others))
    fields = {
        name: field.annotation
        for name, field in first.model_fields.items()
        if name in shared_by_all
    }
    alerts = [sample["alert"] for sample in SAMPLES.get(purpose, ()) if "alert" in sample]
    return {**fields, "alert": Literal[tuple(alerts)]} if alerts else fields


@cache
def variables_of(purpose: Purpose) -> Mapping[str, str]:
    """What a template of a purpose may name, with its meaning: the variables whose fields every
    event that leads to it has, and those fields that are plain values, which mean themselves."""
    fields = fields_of(purpose)
    known = {*fields, INFORMATION}
    plain = {name: "" for name, annotation in fields.items() if _is_plain(annotation)}
    return plain | {
        name: variable.meaning
        for name, variable in VARIABLES[purpose].items()
        if variable.needs <= known
    }


def check_wording(purpose: Purpose, wording: Wording, prefix: str = "value.") -> None:
    """Raise `Invalid` for a wording that does not fit the purpose; `prefix` leads to its fields."""
    template = Template(wording.title, wording.text, wording.copy)
    check_template(template, variables_of(purpose), prefix)


def _setting(purpose: Purpose, template: Template) -> Setting[Wording]:
    return Setting(
        f"template_{purpose.lower()}",
        Wording(template.title, template.text, template.copy),
        Wording,
        rule="N-12",
        check=partial(check_wording, purpose),
    )


WORDINGS: Mapping[Purpose, Setting[Wording]] = {
    purpose: _setting(purpose, template) for purpose, template in TEMPLATES.items()
}


def template_in_force(
    configuration: Configuration, purpose: Purpose, region: str, on: date
) -> Template:
    """The template of a purpose for the organisations of a region, for events of a day."""
    setting = WORDINGS[purpose]
    wording = configuration.value(setting, region, on)
    if wording is setting.default:
        return TEMPLATES[purpose]
    return replace(TEMPLATES[purpose], title=wording.title, text=wording.text, copy=wording.copy)


def _is_plain(annotation: Any) -> bool:
    """Whether values of a type can stand in a text: no lists, no objects."""
    if get_origin(annotation) in (Union, UnionType):
        return all(_is_plain(one) for one in get_args(annotation) if one is not NoneType)
    return get_origin(annotation) is Literal or annotation in _PLAIN
