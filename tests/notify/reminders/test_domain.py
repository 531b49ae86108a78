"""When reminders are due: the table of N-03 and N-04, and what holds for every plan."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.reminders.domain import (
    Kind,
    Planned,
    Rhythm,
    State,
    addressee_of,
    plan_reminders,
    role_of,
)
from shared.clock import SHANGHAI, civil_date, start_of_day
from shared.workdays import official_calendar

RHYTHM = Rhythm(days_before=(7, 3, 1, 0), hour=9, escalation_days=(1, 7, 15))
DUE = date(2026, 4, 1)


def plan(tier: str, due_on: date, told_at: datetime, severity: str = "GENERAL") -> list[Planned]:
    """The plan of the usual rhythm by the official calendar."""
    return plan_reminders(tier, severity, due_on, told_at, RHYTHM, official_calendar())


def ahead(planned: list[Planned]) -> list[tuple[str, str, str]]:
    """The reminders before the deadline has passed: day, kind, state."""
    return [
        (one.on.isoformat(), one.kind, one.state) for one in planned if one.kind is not Kind.OVERDUE
    ]


@pytest.mark.parametrize(
    ("told_at", "days"),
    [
        ("2026-03-01T10:00", ["2026-03-25", "2026-03-29", "2026-03-31", "2026-04-01"]),
        ("2026-03-25T08:59", ["2026-03-25", "2026-03-29", "2026-03-31", "2026-04-01"]),
        ("2026-03-25T09:00", ["2026-03-29", "2026-03-31", "2026-04-01"]),
        ("2026-03-30T12:00", ["2026-03-31", "2026-04-01"]),
        ("2026-03-31T10:00", ["2026-04-01"]),
        ("2026-04-01T08:00", ["2026-04-01"]),
        ("2026-04-01T10:00", []),
        ("2026-04-05T10:00", []),
    ],
)
def test_only_reminders_still_ahead_are_planned(told_at: str, days: list[str]) -> None:
    planned = ahead(plan("GENERAL", DUE, shanghai(told_at)))
    assert planned == [
        (day, "DUE" if day == "2026-04-01" else "PRE_DUE", "PLANNED") for day in days
    ]


def test_an_immediate_problem_is_reminded_of_at_dispatch_and_on_the_day() -> None:
    planned = plan("IMMEDIATE", date(2026, 3, 3), shanghai("2026-03-02T10:00"))
    assert ahead(planned) == [
        ("2026-03-02", "PRE_DUE", "SENT"),
        ("2026-03-03", "DUE", "PLANNED"),
    ]


def test_an_immediate_problem_due_today_after_nine_is_reminded_of_by_its_dispatch() -> None:
    planned = plan("IMMEDIATE", date(2026, 3, 2), shanghai("2026-03-02T10:00"))
    assert ahead(planned) == [("2026-03-02", "PRE_DUE", "SENT")]


def test_an_immediate_problem_that_comes_back_after_its_deadline_has_no_reminder_before_it() -> (
    None
):
    planned = plan("IMMEDIATE", date(2026, 3, 2), shanghai("2026-03-05T10:00"))
    assert ahead(planned) == []


# 国庆 2026: off from Thursday 1 to Wednesday 7 October; Sunday 20 September and Saturday 10 October
# are worked. 中秋: off from Friday 25 to Sunday 27 September.
@pytest.mark.parametrize(
    ("due_on", "told_at", "sent"),
    [
        # Nominal 1, 5, 7, 8 October: those of the holiday come on its eve, as one.
        (
            "2026-10-08",
            "2026-09-01T10:00",
            ["2026-09-30", "2026-09-30", "2026-09-30", "2026-10-08"],
        ),
        # Nominal 3, 7, 9, 10 October: the Saturday is a workday.
        (
            "2026-10-10",
            "2026-09-01T10:00",
            ["2026-09-30", "2026-09-30", "2026-10-09", "2026-10-10"],
        ),
        # Nominal 20, 24, 26, 27 September: the Sunday is a workday, the festival is not.
        (
            "2026-09-27",
            "2026-09-01T10:00",
            ["2026-09-20", "2026-09-24", "2026-09-24", "2026-09-24"],
        ),
        # Told after nine on the eve: no workday is left before the days themselves.
        ("2026-10-05", "2026-09-30T10:00", ["2026-10-02", "2026-10-04", "2026-10-05"]),
        # Told in the holiday: the first one stays on its day, the others too.
        ("2026-10-07", "2026-10-02T10:00", ["2026-10-04", "2026-10-06", "2026-10-07"]),
        # Told before nine on the eve: all of them come that day.
        ("2026-10-05", "2026-09-30T08:59", ["2026-09-30", "2026-09-30", "2026-09-30"]),
        # An ordinary weekend: nominal 6 Friday, 8 Sunday; due Sunday 8 March.
        ("2026-03-08", "2026-03-05T10:00", ["2026-03-06", "2026-03-06"]),
    ],
)
def test_what_would_come_on_a_day_off_comes_on_the_last_workday_before_it(
    due_on: str, told_at: str, sent: list[str]
) -> None:
    planned = plan("GENERAL", date.fromisoformat(due_on), shanghai(told_at))
    days = [civil_date(one.at).isoformat() for one in planned if one.at is not None]
    if due_on == "2026-03-08":
        days = [day for day in days if day >= "2026-03-06"]
    assert days == sent


@pytest.mark.parametrize(
    ("tier", "severity", "sent"),
    [
        ("GENERAL", "GENERAL", "2026-09-30"),
        ("COMPLEX", "GENERAL", "2026-09-30"),
        ("GENERAL", "PROMINENT", "2026-10-05"),
        ("IMMEDIATE", "GENERAL", "2026-10-05"),
    ],
)
def test_who_has_an_urgent_problem_is_reminded_on_its_day_even_on_a_holiday(
    tier: str, severity: str, sent: str
) -> None:
    planned = plan(tier, date(2026, 10, 5), shanghai("2026-09-01T10:00"), severity)
    (due,) = [one for one in planned if one.kind is Kind.DUE]
    assert due.on == date(2026, 10, 5)
    assert due.at is not None
    assert civil_date(due.at).isoformat() == sent


def test_escalations_are_expected_one_seven_and_fifteen_days_after_the_deadline() -> None:
    planned = plan("GENERAL", DUE, shanghai("2026-03-01T10:00"))
    assert [(one.on, one.level) for one in planned if one.kind is Kind.OVERDUE] == [
        (date(2026, 4, 2), 1),
        (date(2026, 4, 8), 2),
        (date(2026, 4, 16), 3),
    ]


def test_reminders_come_at_nine_in_china() -> None:
    planned = plan("GENERAL", DUE, shanghai("2026-03-01T10:00"))
    hours = {one.at.astimezone(SHANGHAI).hour for one in planned if one.at is not None}
    assert hours == {9}


@pytest.mark.parametrize(
    ("kind", "lead", "level", "organisation", "role"),
    [
        ("HOUSING_UNSAFE", "HOUS@511132", None, "HOUS@511132", "dept_handler"),
        ("HOUSING_UNSAFE", "HOUS@511132", 1, "HOUS@511132", "dept_head"),
        ("HOUSING_UNSAFE", "HOUS@511132", 2, "POV@511132", "poverty_office"),
        ("HOUSING_UNSAFE", "HOUS@511132", 3, "LG@511132", "leading_group"),
        ("EXIT_WRONG", "POV@511132", None, "POV@511132", "dept_handler,poverty_office"),
        ("EXIT_WRONG", "POV@511132", 1, "POV@511132", "dept_head"),
        ("STYLE", "POV@511132", 2, "POV@511132", "poverty_office"),
        ("STYLE", "POV@511132", 3, "LG@511132", "leading_group"),
        ("CORRUPTION_WASTE", "DISC@511132", None, "DISC@511132", "dept_handler,discipline"),
        ("CORRUPTION_WASTE", "DISC@511132", 1, "DISC@511132", "dept_head,discipline"),
        ("CORRUPTION_WASTE", "DISC@511132", 2, "DISC@511132", "dept_head,discipline"),
        ("CORRUPTION_WASTE", "DISC@511132", 3, "DISC@511132", "dept_head,discipline"),
    ],
)
def test_each_level_has_its_addressee(
    kind: str, lead: str, level: int | None, organisation: str, role: str
) -> None:
    assert addressee_of(level, lead, kind, "511132201205") == organisation
    assert role_of(level, organisation) == role


@given(
    tier=st.sampled_from(["IMMEDIATE", "GENERAL", "COMPLEX"]),
    severity=st.sampled_from(["GENERAL", "PROMINENT"]),
    due_on=st.dates(date(2020, 1, 1), date(2090, 12, 31)),
    told_before=st.timedeltas(timedelta(days=-400), timedelta(days=30)),
    rhythm=st.builds(
        Rhythm,
        days_before=st.lists(st.integers(0, 60), max_size=6),
        hour=st.integers(7, 21),
        escalation_days=st.lists(st.integers(1, 60), min_size=3, max_size=3, unique=True).map(
            sorted
        ),
    ),
)
def test_reminders_are_never_before_dispatch_nor_after_due_sorted_and_unique(
    tier: str, severity: str, due_on: date, told_before: timedelta, rhythm: Rhythm
) -> None:
    told_at = datetime(due_on.year, due_on.month, due_on.day, 12, tzinfo=SHANGHAI) + told_before
    calendar = official_calendar()
    planned = plan_reminders(tier, severity, due_on, told_at, rhythm, calendar)
    told = [one for one in planned if one.kind is not Kind.OVERDUE]
    assert all(one.on <= due_on for one in told)
    waiting = [one for one in planned if one.state is State.PLANNED and one.at is not None]
    assert all(told_at < one.at for one in waiting if one.at is not None)
    assert all(civil_date(told_at) <= one.on <= due_on for one in waiting)
    days = [one.on for one in waiting]
    assert days == sorted(set(days))
    instants = [one.at for one in waiting if one.at is not None]
    assert instants == sorted(instants)  # moving to workdays keeps their order
    urgent = tier == "IMMEDIATE" or severity == "PROMINENT"
    for one, at in zip(waiting, instants, strict=True):
        assert at.astimezone(SHANGHAI).hour == rhythm.hour  # never at night
        sent_on = civil_date(at)
        assert sent_on <= one.on <= due_on
        if urgent:
            assert sent_on == one.on
        elif not calendar.is_workday(sent_on):
            # No workday before it was ahead any more.
            assert sent_on == one.on
            assert start_of_day(calendar.add_workdays(one.on, -1), rhythm.hour) <= told_at
    escalations = [one for one in planned if one.kind is Kind.OVERDUE]
    assert all(one.on > due_on and one.at is None for one in escalations)
    assert [one.level for one in escalations] == [1, 2, 3]
    assert len({(one.kind, one.on) for one in planned}) == len(planned)


def shanghai(text: str) -> datetime:
    """A time of day in China."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
