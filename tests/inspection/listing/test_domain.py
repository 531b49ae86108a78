"""What the lists say of a problem, and whom they are delivered to (I-06, I-07, I-12)."""

import json
from dataclasses import asdict, replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.listing.domain import (
    LINES,
    AddresseeInvalid,
    DeadlineLine,
    DeliveryPlaceTooWide,
    Listed,
    ListName,
    ProblemLine,
    ResponsibilityLine,
    addressees,
    canonical,
)
from services.inspection.responsibility.domain import Responsible
from shared.ids import new_id

TODAY = date(2019, 9, 16)
NAMES = {"511132": "峨边彝族自治县", "511132201": "宜坪乡", "511132201205": "桐花村村民委员会"}
LISTED = Listed(
    id=new_id(),
    problem_no="511132-2019-000001",
    kind="HOUSING_UNSAFE",
    object_type="HOUSEHOLD",
    object_ref=str(new_id()),
    object_no="5111320001",
    village_code="511132201205",
    description="东墙开裂",
    found_on=date(2019, 8, 20),
    source="COUNTY_INSPECTION",
    severity="PROMINENT",
    state="RECTIFYING",
    finished=False,
    lead_dept="HOUS",
    co_depts=("NDRC",),
    executing_org="TOWN@511132201",
    responsible_person="王工",
    tier="GENERAL",
    due_on=date(2019, 9, 19),
    due_rules=("RELATIVE_GENERAL",),
    plan_deadline=date(2019, 9, 18),
    progress_pct=60,
    overdue=False,
    leaders=Responsible("张三", "李四", "赵六"),
    names=NAMES,
)


def test_each_list_says_its_own_of_the_same_problem() -> None:
    problem = ProblemLine.of(LISTED, TODAY)
    assert (problem.county, problem.township, problem.village) == tuple(NAMES.values())
    assert (problem.kind_name, problem.object_name) == ("住房安全无保障", "5111320001")
    responsibility = ResponsibilityLine.of(LISTED, TODAY)
    assert (responsibility.lead_dept_name, responsibility.executing_unit) == ("住建部门", "宜坪乡")
    leaders = responsibility.unit_head, responsibility.deputy, responsibility.county_leader
    assert leaders == ("张三", "李四", "赵六")
    deadline = DeadlineLine.of(LISTED, TODAY)
    assert (deadline.due_on, deadline.days_left, deadline.progress_pct) == (LISTED.due_on, 3, 60)
    assert {problem.id, responsibility.id, deadline.id} == {LISTED.id}


def test_places_and_objects_without_a_name_are_shown_by_their_codes() -> None:
    county = replace(
        LISTED, object_type="COUNTY", object_ref="511132", object_no=None, village_code="511132"
    )
    line = ProblemLine.of(county, TODAY)
    assert (line.object_name, line.township, line.village) == ("峨边彝族自治县", None, None)
    township = ProblemLine.of(replace(county, village_code="511132201"), TODAY)
    assert (township.township, township.village) == ("宜坪乡", None)
    unknown = replace(LISTED, object_no=None, names={}, executing_org="TOWN@511132201")
    assert ProblemLine.of(unknown, TODAY).object_name == LISTED.object_ref
    assert ResponsibilityLine.of(unknown, TODAY).executing_unit == "TOWN@511132201"


def test_a_problem_without_leaders_or_executing_unit_leaves_them_open() -> None:
    line = ResponsibilityLine.of(replace(LISTED, leaders=None, executing_org=None), TODAY)
    assert (line.unit_head, line.deputy, line.county_leader, line.executing_unit) == (None,) * 4
    department = replace(LISTED, executing_org="HOUS@511132")
    assert ResponsibilityLine.of(department, TODAY).executing_unit == "住建部门"


@given(st.integers(-400, 400))
def test_days_are_left_until_the_deadline_and_negative_past_it(days: int) -> None:
    listed = replace(LISTED, due_on=TODAY + timedelta(days=days))
    assert DeadlineLine.of(listed, TODAY).days_left == days
    assert DeadlineLine.of(replace(listed, finished=True), TODAY).days_left is None
    assert DeadlineLine.of(replace(listed, due_on=None), TODAY).days_left is None


@pytest.mark.parametrize("name", ListName)
def test_the_canonical_form_reads_back_and_depends_on_every_member(name: ListName) -> None:
    line = LINES[name].of(LISTED, TODAY)
    text = canonical(line).decode()
    assert list(json.loads(text)) == sorted(asdict(line))
    assert json.loads(text)["problem_no"] == LISTED.problem_no
    assert ", " not in text
    other = LINES[name].of(replace(LISTED, problem_no="511132-2019-000002"), TODAY)
    assert canonical(other) != canonical(line)


@pytest.mark.parametrize("place", ["511132201", "511132201205"])
def test_a_list_goes_to_the_township_and_the_poverty_office(place: str) -> None:
    assert addressees(place, []) == ["TOWN@511132201", "POV@511132"]


def test_named_addressees_get_it_once_each() -> None:
    named = ["LG@511132", "TOWN@511132201", "LG@511132"]
    assert addressees("511132201205", named) == ["LG@511132", "TOWN@511132201"]
    assert addressees("511132", ["POV@5111"]) == ["POV@5111"]


@pytest.mark.parametrize("place", ["51", "5111", "511132"])
def test_a_wider_list_needs_its_addressees_named(place: str) -> None:
    with pytest.raises(DeliveryPlaceTooWide):
        addressees(place, [])


@pytest.mark.parametrize(
    "addressee", ["HOUS@511132", "TOWN@511132202", "POV@511133", "VILLAGE@511132201205"]
)
def test_an_addressee_is_an_office_that_sees_the_whole_place(addressee: str) -> None:
    with pytest.raises(AddresseeInvalid) as refused:
        addressees("511132201205", ["POV@511132", addressee])
    assert [error.field for error in refused.value.errors] == ["to.1"]
