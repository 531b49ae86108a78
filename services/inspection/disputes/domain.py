"""Until when a department may dispute its lead, and what the poverty office may rule (I-11)."""

from datetime import date

from services.inspection.kinds import is_sensitive
from services.inspection.routing.domain import Department, RouteFixed
from shared.errors import Conflict, Invalid
from shared.workdays import WorkdayCalendar

_INCOME_SHORTFALL = "INCOME_BELOW_LINE"


class DisputeWindowClosed(Conflict):
    """The days in which the lead could be disputed are over.

    Members: `until`, the last day.
    """

    code = "DISPUTE_WINDOW_CLOSED"
    zh = "提出异议的期限（{until}）已过，整改时限照常计算。"
    en = "The lead could be disputed until {until}; the deadline stands."


class NoOtherDepartment(Invalid):
    """A dispute proposes another department."""

    code = "SAME_DEPARTMENT"
    zh = "提出异议须建议另一个牵头部门。"
    en = "A dispute proposes another department than the present lead."


def window_end(dispatched_on: date, workdays: int, calendar: WorkdayCalendar) -> date:
    """The last day to dispute a problem dispatched on `dispatched_on`."""
    return calendar.add_workdays(dispatched_on, workdays)


def check_dispute(
    *, kind: str, lead: str, proposed: Department, dispatched_on: date, until: date, today: date
) -> None:
    """Raise `NoOtherDepartment`, `DisputeWindowClosed`, or `RouteFixed` for style and corruption:
    their lead stays (I-13), and whoever rules would not even see a case of corruption."""
    if is_sensitive(kind):
        raise RouteFixed.about("proposed_dept")
    if proposed == lead:
        raise NoOtherDepartment.about("proposed_dept")
    if not dispatched_on <= today <= until:
        raise DisputeWindowClosed(until=until.isoformat())


def check_ruling(kind: str, ruled: Department, lead: str) -> None:
    """Raise `RouteFixed` where another lead is ruled for a kind that has a fixed one: income
    shortfalls are led by agriculture even if disputed (I-11), style and corruption stay (I-13)."""
    moved = ruled != lead
    wrong = ruled is not Department.AGRI if kind == _INCOME_SHORTFALL else is_sensitive(kind)
    if moved and wrong:
        raise RouteFixed.about("dept")
