"""The week of a unit: workdays, norms, and what is missing by a day (I-35)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.rhythm.domain import (
    Missing,
    Norm,
    PatrolPlaceRequired,
    PlaceOutsideUnit,
    RecordInFuture,
    RegionTooWide,
    RhythmKind,
    WeekInvalid,
    check_record,
    check_width,
    judge_week,
    parse_week,
)
from services.inspection.rhythm.queries import DEPARTMENTS
from services.inspection.routing.domain import Department
from shared.errors import Invalid
from shared.workdays import official_calendar

CALENDAR = official_calendar()
WEEK = parse_week("2019-W37", CALENDAR)  # its Friday, 13 September, was Mid-Autumn
MONDAY, TUESDAY, WEDNESDAY, THURSDAY = WEEK.workdays
AFTER = date(2019, 9, 16)
STUDY, PATROL = RhythmKind.STUDY, RhythmKind.PATROL


def test_a_week_runs_from_monday_to_sunday_with_the_days_offices_work() -> None:
    assert (WEEK.monday, WEEK.sunday) == (date(2019, 9, 9), date(2019, 9, 15))
    assert WEEK.workdays == tuple(date(2019, 9, day) for day in (9, 10, 11, 12))
    make_up = parse_week("2019-W39", CALENDAR)  # Sunday 29 September was worked
    assert make_up.workdays[-1] == date(2019, 9, 29)


@pytest.mark.parametrize(
    "text",
    ["2019-37", "2019-W37-1", "2019W37", "2019-W54", "2019-W00", "1999-W10", "", "２019-W37"],
)
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(WeekInvalid):
        parse_week(text, CALENDAR)


def test_one_study_and_a_patrol_each_workday_miss_nothing() -> None:
    days = {STUDY: [TUESDAY], PATROL: WEEK.workdays}
    unit = judge_week("HOUS@511132", days, WEEK, Norm(), AFTER)
    assert (unit.study_days, unit.study_required) == (1, 1)
    assert (unit.patrol_days, unit.patrol_required) == (4, 4)
    assert unit.missing == ()


def test_what_is_missing_is_named_by_its_day() -> None:
    unit = judge_week("HOUS@511132", {PATROL: [MONDAY, THURSDAY]}, WEEK, Norm(), AFTER)
    assert unit.missing == (Missing(STUDY), Missing(PATROL, TUESDAY), Missing(PATROL, WEDNESDAY))


def test_a_patrol_on_a_day_off_counts_but_replaces_none() -> None:
    holiday = date(2019, 9, 13)
    unit = judge_week("X@511132", {STUDY: [MONDAY], PATROL: [holiday]}, WEEK, Norm(), AFTER)
    assert unit.patrol_days == 1
    assert [one.on for one in unit.missing] == list(WEEK.workdays)


def test_days_that_are_not_over_miss_nothing_yet() -> None:
    unit = judge_week("X@511132", {}, WEEK, Norm(), WEDNESDAY)
    assert unit.missing == (Missing(PATROL, MONDAY), Missing(PATROL, TUESDAY))
    assert judge_week("X@511132", {}, WEEK, Norm(), WEEK.sunday).missing[0].kind is PATROL
    assert judge_week("X@511132", {}, WEEK, Norm(), AFTER).missing[0].kind is STUDY


def test_a_norm_of_so_many_patrols_a_week_names_no_days_and_never_exceeds_the_workdays() -> None:
    norm = Norm(studies=2, patrols=3)
    unit = judge_week("X@511132", {STUDY: [MONDAY], PATROL: [MONDAY]}, WEEK, norm, AFTER)
    assert unit.missing == (Missing(STUDY), Missing(PATROL), Missing(PATROL))
    assert judge_week("X@511132", {}, WEEK, Norm(patrols=7), AFTER).patrol_required == 4
    assert judge_week("X@511132", {}, WEEK, norm, WEEK.sunday).missing == ()


@given(st.sets(st.integers(0, 6)), st.sets(st.integers(0, 6)), st.integers(0, 10))
def test_another_day_recorded_never_adds_to_what_is_missing(
    patrols: set[int], more: set[int], today: int
) -> None:
    def missing(numbers: set[int]) -> int:
        days = {PATROL: [WEEK.monday + timedelta(days=number) for number in numbers]}
        until = WEEK.monday + timedelta(days=today)
        return len(judge_week("X@511132", days, WEEK, Norm(), until).missing)

    assert missing(patrols | more) <= missing(patrols)


@pytest.mark.parametrize(
    ("kind", "on", "place", "refusal"),
    [
        (STUDY, date(2019, 9, 17), None, RecordInFuture),
        (PATROL, AFTER, None, PatrolPlaceRequired),
        (PATROL, AFTER, "511132", PatrolPlaceRequired),
        (PATROL, AFTER, "511133201", PlaceOutsideUnit),
        (STUDY, AFTER, "5111", PlaceOutsideUnit),
    ],
)
def test_a_record_out_of_order_is_refused(
    kind: RhythmKind, on: date, place: str | None, refusal: type[Invalid]
) -> None:
    with pytest.raises(refusal):
        check_record(kind, "HOUS@511132", on, place, AFTER)


def test_a_patrol_goes_to_a_township_or_village_a_study_anywhere_in_the_region() -> None:
    patrolled: list[str | None] = ["511132201", "511132201205"]
    for place in patrolled:
        check_record(PATROL, "HOUS@511132", AFTER, place, AFTER)
    for place in (None, "511132", *patrolled):
        check_record(STUDY, "HOUS@511132", AFTER, place, AFTER)


def test_weeks_are_read_county_by_county() -> None:
    for region in ("51", "5111"):
        with pytest.raises(RegionTooWide):
            check_width(region)
    for region in ("511132", "511132201", "511132201205"):
        check_width(region)


def test_the_departments_expected_are_the_line_departments_of_the_routing_table() -> None:
    line = set(Department) - {Department.POV, Department.DISC}
    assert set(DEPARTMENTS.default) == {department.value for department in line}
