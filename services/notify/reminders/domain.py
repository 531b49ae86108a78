"""When somebody is reminded of a deadline, and who hears that it has passed. Pure (N-03, N-04)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from services.notify.mirror.domain import Change, may_hear, organisation_of
from services.notify.queues.domain.notices import Priority, priority_of
from shared.clock import civil_date, start_of_day
from shared.workdays import WorkdayCalendar

IMMEDIATE = "IMMEDIATE"
# How often somebody hears that a deadline has passed (N-04).
LEVELS = 3


class Kind(StrEnum):
    """What a reminder says."""

    PRE_DUE = "PRE_DUE"  # the deadline is near
    DUE = "DUE"  # it is today
    OVERDUE = "OVERDUE"  # it has passed; sent when inspection says so


class State(StrEnum):
    """The states of a reminder (B.9)."""

    PLANNED = "PLANNED"
    SENT = "SENT"
    CANCELLED = "CANCELLED"  # until it is planned again: reported done, ended, or moved


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The configured rhythm: the days before the deadline (and 0 for the day itself), the hour in
    China, and the days after it on which the three escalations are to be expected."""

    days_before: Sequence[int]
    hour: int
    escalation_days: Sequence[int]


@dataclass(frozen=True, slots=True)
class Planned:
    """A reminder as planned: `on` is the day the rhythm names, `at` when it is sent; None for an
    escalation, which waits for its event."""

    kind: Kind
    on: date
    state: State
    at: datetime | None = None
    level: int | None = None


def plan_reminders(
    tier: str,
    severity: str,
    due_on: date,
    told_at: datetime,
    rhythm: Rhythm,
    calendar: WorkdayCalendar,
) -> list[Planned]:
    """The reminders of a deadline for who is told of it at `told_at`, in their order.

    Those before and on the day only as far as they are still ahead; an IMMEDIATE problem is
    reminded of by its dispatch itself, and on the day. An urgent problem keeps its days; of others
    nobody is reminded on a day off (`sending_time`).
    """
    is_urgent = priority_of(tier, severity) is Priority.URGENT
    days = {0} if tier == IMMEDIATE else set(rhythm.days_before)
    reminders = []
    if tier == IMMEDIATE and civil_date(told_at) <= due_on:
        reminders.append(Planned(Kind.PRE_DUE, civil_date(told_at), State.SENT, told_at))
    for before in sorted(days, reverse=True):
        on = due_on - timedelta(days=before)
        if start_of_day(on, rhythm.hour) > told_at:
            kind = Kind.PRE_DUE if before else Kind.DUE
            at = sending_time(on, told_at, rhythm.hour, None if is_urgent else calendar)
            reminders.append(Planned(kind, on, State.PLANNED, at))
    return reminders + plan_escalations(due_on, rhythm)


def sending_time(
    on: date, told_at: datetime, hour: int, calendar: WorkdayCalendar | None
) -> datetime:
    """When the reminder of day `on` is sent: on a day off by the `calendar`, at the same hour of
    the last workday before it, as nobody is to hear of it too late; on the day itself where that
    is not ahead of `told_at` any more."""
    own = start_of_day(on, hour)
    if calendar is None:
        return own
    earlier = start_of_day(_last_workday(calendar, on), hour)
    return earlier if earlier > told_at else own


@lru_cache(maxsize=1024)  # of many problems the days are the same few
def _last_workday(calendar: WorkdayCalendar, until: date) -> date:
    return until if calendar.is_workday(until) else calendar.add_workdays(until, -1)


def plan_escalations(due_on: date, rhythm: Rhythm) -> list[Planned]:
    """The three escalations to be expected after a deadline (N-04)."""
    return [
        Planned(Kind.OVERDUE, due_on + timedelta(days=days), State.PLANNED, level=level)
        for level, days in enumerate(rhythm.escalation_days, start=1)
    ]


# Who hears of an escalation besides the lead department, by level: their unit in the county.
_ESCALATION_UNITS: Mapping[int, str] = {2: "POV", 3: "LG"}
_ROLES: Mapping[str, str] = {"POV": "poverty_office", "LG": "leading_group"}
# The own people of these two work on what they lead, and at the discipline commission verify it.
_HANDLERS: Mapping[str, str] = {
    "POV": "dept_handler,poverty_office",
    "DISC": "dept_handler,discipline",
}
_HEADS: Mapping[str, str] = {"DISC": "dept_head,discipline"}


def addressee_of(level: int | None, lead: str, kind: str, village_code: str) -> str:
    """The organisation a reminder goes to; `level` is None before the deadline has passed. What
    nobody else may hear of stays with the lead (I-13)."""
    unit = _ESCALATION_UNITS.get(level or 0)
    organisation = organisation_of(unit, village_code) if unit else lead
    return organisation if may_hear(organisation, kind) else lead


def role_of(level: int | None, organisation: str) -> str:
    """Whom in the organisation reminded it is meant for; several roles parted by commas."""
    unit = organisation.partition("@")[0]
    if level is None:
        return _HANDLERS.get(unit, "dept_handler")
    head = _HEADS.get(unit, "dept_head")
    return head if level == 1 else _ROLES.get(unit, head)


def needs_cancelling(change: Change) -> bool:
    """Whether what was planned before this event no longer holds (N-05)."""
    return change.before is not None and change.before.is_awaited and _is_other(change)


def needs_planning(change: Change) -> bool:
    """Whether reminders are to be planned with this event."""
    return change.problem.is_awaited and (
        change.before is None or not change.before.is_awaited or _is_other(change)
    )


def _is_other(change: Change) -> bool:
    before, problem = change.before, change.problem
    assert before is not None
    return not problem.is_awaited or (before.due_on, before.lead, before.tier) != (
        problem.due_on,
        problem.lead,
        problem.tier,
    )
