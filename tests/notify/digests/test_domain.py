"""When digests are due, whose figures they hold and what they say: rules without a database."""

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.digests.domain import (
    Draft,
    Figures,
    Group,
    Kind,
    Schedule,
    digest_id_of,
    drafts_of,
    latest_period,
    recipient_of,
    text_of,
    title_of,
)
from shared.clock import SHANGHAI, civil_date
from shared.workdays import official_calendar

MONDAY = Schedule(weekday=1, hour=8)
CALENDAR = official_calendar()


def shanghai(text: str) -> datetime:
    """A time of day in China."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("now", "code", "due", "first", "last"),
    [
        ("2026-03-09T08:00", "2026-W11", "2026-03-09T08:00", "2026-03-02", "2026-03-08"),
        ("2026-03-09T07:59", "2026-W10", "2026-03-02T08:00", "2026-02-23", "2026-03-01"),
        ("2026-03-15T23:00", "2026-W11", "2026-03-09T08:00", "2026-03-02", "2026-03-08"),
        # Monday 5 October lies in the holiday until the 7th: Thursday is the next workday.
        ("2026-10-07T12:00", "2026-W40", "2026-09-28T08:00", "2026-09-21", "2026-09-27"),
        ("2026-10-08T08:00", "2026-W41", "2026-10-08T08:00", "2026-09-28", "2026-10-04"),
        # Two Mondays of Spring Festival are off: of both weeks the later is told of.
        ("2026-02-23T12:00", "2026-W07", "2026-02-09T08:00", "2026-02-02", "2026-02-08"),
        ("2026-02-24T08:00", "2026-W09", "2026-02-24T08:00", "2026-02-16", "2026-02-22"),
        # The first week of an ISO year.
        ("2026-12-28T08:00", "2026-W53", "2026-12-28T08:00", "2026-12-21", "2026-12-27"),
    ],
)
def test_a_digest_is_due_on_monday_or_on_the_next_workday(
    now: str, code: str, due: str, first: str, last: str
) -> None:
    period = latest_period(shanghai(now), MONDAY, CALENDAR)
    assert (period.code, period.due_at) == (code, shanghai(due))
    assert (period.first.isoformat(), period.last.isoformat()) == (first, last)


@given(
    st.datetimes(datetime(2025, 1, 10), datetime(2027, 12, 20)),  # noqa: DTZ001 - made aware below
    st.integers(1, 7),
    st.integers(7, 21),
)
def test_the_latest_period_is_over_due_on_a_workday_and_stays_until_the_next(
    moment: datetime, weekday: int, hour: int
) -> None:
    now = moment.replace(tzinfo=SHANGHAI)
    schedule = Schedule(weekday, hour)
    period = latest_period(now, schedule, CALENDAR)
    assert period.due_at <= now
    assert CALENDAR.is_workday(civil_date(period.due_at))
    assert period.due_at.astimezone(SHANGHAI).hour == hour
    assert (period.last - period.first).days == 6
    assert period.last < civil_date(period.due_at)
    assert latest_period(period.due_at, schedule, CALENDAR) == period


def group(lead: str = "HOUS@511132", **facts: Any) -> Group:
    """Problems counted alike."""
    return Group(
        **{
            "lead": lead,
            "place": "511132201",
            "state": "RECTIFYING",
            "confinement": "",
            "count": 3,
            "due_soon": 1,
            "overdue": 1,
            "new": 2,
            "closed": 0,
            **facts,
        }
    )


@pytest.mark.parametrize(
    ("state", "figures"),
    [
        ("DISPATCHED", Figures(open=3, due_soon=1, overdue=1, new=2)),
        ("RECTIFYING", Figures(open=3, due_soon=1, overdue=1, new=2)),
        ("SUBMITTED", Figures(open=3, waiting=3, new=2)),
        ("OFFICE_CHECKED", Figures(open=3, waiting=3, new=2)),
        ("CLOSED", Figures(new=2, closed=1)),
        ("WITHDRAWN", Figures(new=2)),
    ],
)
def test_a_state_decides_what_a_problem_counts_as(state: str, figures: Figures) -> None:
    assert group(state=state, closed=1).figures == figures


def test_leads_get_their_own_figures_and_watchers_those_of_all_departments() -> None:
    groups = [
        group(),
        group(state="SUBMITTED"),
        group("WATER@511132", place="511132202"),
        group("FIN@511132", place="511132"),
    ]
    drafts = {one.organisation: one for one in drafts_of("511132", groups, ["POV", "LG", "TOWN"])}
    assert set(drafts) == {
        *("HOUS@511132", "WATER@511132", "FIN@511132", "POV@511132", "LG@511132"),
        *("TOWN@511132201", "TOWN@511132202"),
    }
    assert drafts["HOUS@511132"].figures.open == 6
    assert drafts["HOUS@511132"].departments == {}
    assert drafts["POV@511132"].figures.open == 12
    assert {one: each.open for one, each in drafts["POV@511132"].departments.items()} == {
        "FIN@511132": 3,
        "HOUS@511132": 6,
        "WATER@511132": 3,
    }
    assert drafts["TOWN@511132201"].figures.open == 6
    assert list(drafts["TOWN@511132202"].departments) == ["WATER@511132"]


def test_who_leads_and_watches_gets_one_digest_with_everything() -> None:
    groups = [group("POV@511132"), group()]
    drafts = [one for one in drafts_of("511132", groups, ["POV"]) if "POV" in one.organisation]
    assert [one.figures.open for one in drafts] == [6]


def test_who_has_nothing_to_count_gets_no_digest() -> None:
    assert drafts_of("511132", [group(state="CLOSED", new=0)], ["POV", "TOWN"]) == []


@pytest.mark.parametrize(
    ("confinement", "lead", "hearing"),
    [
        ("STYLE", "POV@511132", {"POV@511132", "LG@511132"}),
        ("CORRUPTION_", "DISC@511132", {"DISC@511132"}),
    ],
)
def test_style_and_corruption_are_counted_only_for_who_may_hear_of_them(
    confinement: str, lead: str, hearing: set[str]
) -> None:
    groups = [group(lead, confinement=confinement)]
    drafts = drafts_of("511132", groups, ["POV", "LG", "TOWN", "GOV"])
    assert {one.organisation for one in drafts} == hearing


def test_a_digest_says_its_figures_and_which_departments_are_late() -> None:
    period = latest_period(shanghai("2026-10-08T08:00"), MONDAY, CALENDAR)
    assert title_of(period) == "周调度（9月28日至10月4日）"
    figures = Figures(open=12, due_soon=3, overdue=2, waiting=1, new=4, closed=5)
    own = Draft("HOUS@511132", "511132", figures, {})
    assert text_of(own, date(2026, 10, 8)) == (
        "截至10月8日，本单位牵头的未销号问题12个，其中7日内到期3个、已逾期2个、待核查1个；"
        "本期新增4个，销号5个。"
    )
    departments = {
        "HOUS@511132": Figures(open=3, overdue=1),
        "WATER@511132": Figures(open=5, overdue=4),
        "FIN@511132": Figures(open=1),
    }
    watching = Draft("POV@511132", "511132", figures, departments)
    assert text_of(watching, date(2026, 10, 8)).endswith("逾期：水利部门4个、住建部门1个。")


def test_a_digest_has_one_id_per_organisation_and_period() -> None:
    period = latest_period(shanghai("2026-10-08T08:00"), MONDAY, CALENDAR)
    later = latest_period(shanghai("2026-10-12T08:00"), MONDAY, CALENDAR)
    known = digest_id_of("HOUS@511132", Kind.WEEKLY, period)
    assert known == digest_id_of("HOUS@511132", Kind.WEEKLY, period)
    others = {
        digest_id_of("HOUS@511132", Kind.WEEKLY, later),
        digest_id_of("WATER@511132", Kind.WEEKLY, period),
    }
    assert known not in others
    assert len(others) == 2


@pytest.mark.parametrize(
    ("organisation", "role"),
    [
        ("HOUS@511132", "dept_head"),
        ("POV@511132", "poverty_office"),
        ("LG@511132", "leading_group"),
        ("DISC@511132", "discipline"),
        ("TOWN@511132201", "township_party_secretary"),
    ],
)
def test_a_digest_is_meant_for_who_answers_for_the_organisation(
    organisation: str, role: str
) -> None:
    assert recipient_of(organisation) == role
