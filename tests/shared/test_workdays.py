"""Workdays follow the notices where there are any, the statute elsewhere, and never fail."""

from datetime import date, timedelta

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.workdays import DayKind, WorkdayCalendar, official_calendar

CALENDAR = official_calendar()
DAY = timedelta(days=1)

days = st.dates(date(2003, 1, 1), date(2040, 12, 31))


def days_of(first: date, last: date) -> list[date]:
    return [first + DAY * offset for offset in range((last - first).days + 1)]


def test_every_day_with_a_notice_is_as_the_package_of_notices_says() -> None:
    for day in days_of(date(2004, 1, 1), date(2026, 12, 31)):
        assert CALENDAR.is_workday(day) == chinese_calendar.is_workday(day), day


@pytest.mark.parametrize(
    ("day", "is_workday"),
    [
        (date(2026, 2, 14), True),  # a Saturday worked for the Spring Festival
        (date(2026, 2, 16), False),
        (date(2026, 2, 23), False),
        (date(2026, 2, 28), True),
        (date(2026, 10, 1), False),
        (date(2026, 10, 10), True),
        (date(2026, 11, 21), False),
        (date(2026, 11, 23), True),
    ],
)
def test_the_notice_of_2026(day: date, is_workday: bool) -> None:
    assert CALENDAR.is_workday(day) is is_workday


def test_a_term_skips_holidays_and_counts_make_up_workdays() -> None:
    # Friday 13 February 2026, then a working Saturday, nine days off, Tuesday the 24th.
    assert CALENDAR.add_workdays(date(2026, 2, 13), 1) == date(2026, 2, 14)
    assert CALENDAR.add_workdays(date(2026, 2, 13), 2) == date(2026, 2, 24)
    assert CALENDAR.add_workdays(date(2026, 2, 24), -1) == date(2026, 2, 14)


def test_a_term_set_in_december_2026_runs_into_a_provisional_year() -> None:
    due = CALENDAR.add_workdays(date(2026, 12, 21), 15)
    assert due == date(2027, 1, 12)  # 1 January is off
    assert CALENDAR.is_provisional(due.year)
    assert not CALENDAR.is_provisional(2026)


@pytest.mark.parametrize("year", [2027, 2030, 2100])
def test_a_year_without_notice_keeps_weekends_and_the_fixed_statutory_days(year: int) -> None:
    off = {(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)}
    for day in days_of(date(year, 1, 1), date(year, 12, 31)):
        expected = day.weekday() < 5 and (day.month, day.day) not in off
        assert CALENDAR.is_workday(day) is expected, day


def test_no_year_is_out_of_reach() -> None:
    for year in (1, 1900, 2027, 2300, 9998):
        day = date(year, 6, 15)
        assert CALENDAR.is_provisional(year)
        assert CALENDAR.is_workday(CALENDAR.add_workdays(day, 20))
        assert CALENDAR.workdays_between(day, CALENDAR.add_workdays(day, 20)) == 20


@given(days, st.integers(-400, 400))
def test_a_term_is_as_long_as_counting_day_by_day_says(day: date, workdays: int) -> None:
    step = DAY if workdays > 0 else -DAY
    counted, left = day, abs(workdays)
    while left:
        counted += step
        left -= CALENDAR.is_workday(counted)
    assert CALENDAR.add_workdays(day, workdays) == counted


@given(days, days)
def test_workdays_between_counts_the_end_and_not_the_start(start: date, end: date) -> None:
    between = CALENDAR.workdays_between(start, end)
    assert between == -CALENDAR.workdays_between(end, start)
    if start <= end:
        assert between == sum(map(CALENDAR.is_workday, days_of(start + DAY, end)))


def test_a_term_of_nothing_ends_on_its_day_even_on_a_sunday() -> None:
    assert CALENDAR.add_workdays(date(2026, 11, 22), 0) == date(2026, 11, 22)


def test_a_notice_loaded_later_wins_and_makes_its_year_official() -> None:
    notice = [
        (date(2027, 1, 1), DayKind.HOLIDAY),
        (date(2027, 2, 8), DayKind.HOLIDAY),
        (date(2027, 2, 14), DayKind.WORKDAY),
    ]
    later = CALENDAR.with_overrides(notice, official_years=[2027])
    assert not later.is_provisional(2027)
    assert not later.is_workday(date(2027, 2, 8))
    assert later.is_workday(date(2027, 2, 14))
    assert later.is_workday(date(2027, 10, 1))  # the notice is complete and does not name it
    assert later.is_provisional(2028)


def test_a_single_day_off_leaves_its_year_provisional_and_the_statutory_days_off() -> None:
    later = CALENDAR.with_overrides([(date(2027, 3, 3), DayKind.HOLIDAY)])
    assert later.is_provisional(2027)
    assert not later.is_workday(date(2027, 3, 3))
    assert not later.is_workday(date(2027, 10, 1))


def test_an_override_wins_over_a_notice_and_over_the_statute() -> None:
    rows = [(date(2026, 10, 1), DayKind.WORKDAY), (date(2027, 10, 1), DayKind.WORKDAY)]
    later = CALENDAR.with_overrides(rows)
    assert later.is_workday(date(2026, 10, 1))
    assert later.is_workday(date(2027, 10, 1))


def test_overriding_leaves_the_first_calendar_as_it_was() -> None:
    CALENDAR.with_overrides([(date(2026, 11, 23), DayKind.HOLIDAY)], official_years=[2027])
    assert CALENDAR.is_workday(date(2026, 11, 23))
    assert CALENDAR.is_provisional(2027)


def test_a_whole_year_declared_off_does_not_stop_the_count() -> None:
    year_off = dict.fromkeys(days_of(date(2027, 1, 1), date(2027, 12, 31)), DayKind.HOLIDAY)
    calendar = WorkdayCalendar(year_off, [2027, 2028])
    assert calendar.add_workdays(date(2026, 12, 31), 1) == date(2028, 1, 3)
