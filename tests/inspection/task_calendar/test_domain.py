"""Terms of a task calendar, its template, and what a task must name (I-56)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.task_calendar.domain import (
    Due,
    DueInvalid,
    DueOutsideYear,
    PersonRequired,
    Phase,
    PlannedTask,
    TaskAction,
    TaskState,
    Template,
    UnitOutsideRegion,
    check_task,
    is_overdue,
    next_state,
    parse_due,
    tasks_of,
)
from shared.errors import IllegalMove, Invalid


@pytest.mark.parametrize(
    ("term", "last_day"),
    [
        ("2019-09-15", date(2019, 9, 15)),
        ("2019-09 上旬", date(2019, 9, 10)),
        ("2019-09 中旬", date(2019, 9, 20)),
        ("2019-09 下旬", date(2019, 9, 30)),
        ("2019-02 下旬", date(2019, 2, 28)),
        ("2020-02 下旬", date(2020, 2, 29)),
        ("2019-12", date(2019, 12, 31)),
        ("2020-02", date(2020, 2, 29)),
    ],
)
def test_a_term_ends_on_its_last_day(term: str, last_day: date) -> None:
    assert parse_due(term) == Due(term, last_day)


def test_ten_days_may_be_written_without_a_space() -> None:
    assert parse_due("2019-09中旬") == parse_due("2019-09 中旬")


@pytest.mark.parametrize(
    "term",
    [
        "",
        "2019",
        "2019-9",
        "2019-13",
        "2019-00",
        "2019-02-29",
        "2019-09-00",
        "2019-09-31",
        "2019-09  上旬",
        "2019-09 初旬",
        "2019-09-15 上旬",
        "1999-09",
        "2019-09 ",
    ],
)
def test_what_is_no_month_ten_days_or_day_is_refused(term: str) -> None:
    with pytest.raises(DueInvalid):
        parse_due(term)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_day_lies_in_its_ten_days_and_they_in_their_month(day: date) -> None:
    assert parse_due(day.isoformat()).last_day == day
    month = f"{day:%Y-%m}"
    part = "上旬" if day.day <= 10 else "中旬" if day.day <= 20 else "下旬"
    ten_days = parse_due(f"{month} {part}").last_day
    assert day <= ten_days <= parse_due(month).last_day
    assert (parse_due(month).last_day + timedelta(days=1)).day == 1


def test_the_template_of_the_year_runs_from_hardware_to_acceptance() -> None:
    persons = dict.fromkeys(Phase, "张责任")
    tasks = tasks_of(Template.SEED, 2019, persons)
    assert [(task.phase, task.due.last_day) for task in tasks] == [
        (Phase.HARDWARE, date(2019, 6, 30)),
        (Phase.FILES, date(2019, 8, 31)),
        (Phase.GAPS, date(2019, 9, 30)),
        (Phase.SELF_ACCEPTANCE, date(2019, 10, 31)),
        (Phase.ACCEPTANCE, date(2019, 11, 30)),
    ]
    assert {task.person for task in tasks} == {"张责任"}


@pytest.mark.parametrize("phase", Phase)
def test_each_phase_of_the_template_names_its_person(phase: Phase) -> None:
    persons = {other: "张责任" for other in Phase if other is not phase}
    with pytest.raises(PersonRequired) as refused:
        tasks_of(Template.SEED, 2019, persons)
    assert refused.value.errors[0].field == f"persons.{phase}"


@pytest.mark.parametrize(
    ("person", "term", "org", "refusal", "field"),
    [
        (None, "2019-09", None, PersonRequired, "tasks.0.person"),
        ("张责任", "2020-01", None, DueOutsideYear, "tasks.0.due"),
        ("张责任", "2019-09", "HOUS@511133", UnitOutsideRegion, "tasks.0.org"),
        ("张责任", "2019-09", "HOUS@5111", UnitOutsideRegion, "tasks.0.org"),
    ],
)
def test_a_task_names_person_term_and_unit_within_its_calendar(
    person: str | None, term: str, org: str | None, refusal: type[Invalid], field: str
) -> None:
    task = PlannedTask("tasks.0.", "补短板", Phase.GAPS, parse_due(term), person, org)
    with pytest.raises(refusal) as refused:
        check_task(task, "511132", 2019)
    assert refused.value.errors[0].field == field


def test_units_of_the_region_and_below_may_have_tasks() -> None:
    for org in (None, "HOUS@511132", "TOWN@511132201"):
        task = PlannedTask("", "补短板", Phase.GAPS, parse_due("2019-09"), "张责任", org)
        assert check_task(task, "511132", 2019) == "张责任"


def test_a_task_is_completed_once() -> None:
    assert next_state(TaskState.OPEN, TaskAction.COMPLETE) is TaskState.DONE
    with pytest.raises(IllegalMove):
        next_state(TaskState.DONE, TaskAction.COMPLETE)


def test_a_task_is_overdue_from_the_day_after_its_last_until_it_is_done() -> None:
    due, done = date(2019, 9, 30), date(2019, 10, 8)
    assert not is_overdue(due, None, due)
    assert is_overdue(due, None, date(2019, 10, 1))
    assert is_overdue(due, done, date(2019, 10, 7))
    assert not is_overdue(due, done, done)
    assert not is_overdue(due, due, date(2019, 10, 1))
