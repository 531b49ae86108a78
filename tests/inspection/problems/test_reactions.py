"""Visits log problems, snapshots verify objects; both as often as they come in."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.inspection.main import SERVICE
from services.inspection.problems.domain.findings import FoundInFuture
from services.inspection.subscriptions import SUBSCRIPTIONS
from shared import clock
from shared.events.base import Event
from shared.events.households import (
    HouseholdSnapshot,
    LookFailed,
    RegionStored,
    VisitRecorded,
)
from shared.ids import new_id
from shared.testing import received
from tests.inspection.conftest import VILLAGE, Inspection

HOUSEHOLD = UUID("01990000-0000-7000-8000-000000000001")


def visit(*failed: tuple[int, str], **changes: Any) -> VisitRecorded:
    """A visit of today whose looks failed as given."""
    fields = {
        "visit_id": new_id(),
        "household_id": HOUSEHOLD,
        "household_no": "511132201205001",
        "village_code": VILLAGE,
        "cohort": "EXITED",
        "visited_on": clock.today(),
        "visitor": "helper-1",
        "visitor_organisation": "HOUS@511132",
        "failed": [LookFailed(look=look, kind=kind) for look, kind in failed],
        **changes,
    }
    return VisitRecorded(**fields)


def snapshot(household_id: UUID, version: int = 1, **changes: Any) -> HouseholdSnapshot:
    """A household as its register describes it."""
    fields = {
        "household_id": household_id,
        "household_no": "511132201205001",
        "village_code": VILLAGE,
        "archive_status": "EXITED",
        "household_class": "EXITED",
        "cohort": "EXITED",
        "version": version,
        **changes,
    }
    return HouseholdSnapshot(**fields)


async def deliver(inspection: Inspection, events: Sequence[Event]) -> None:
    """Let the service react to events of one class, in one transaction as the consumer does."""
    async with inspection.runtime.database.transaction() as session:
        await SUBSCRIPTIONS[type(events[0])](session, [received(event) for event in events])


async def test_each_failed_look_becomes_a_problem_due_thirty_days_later(
    inspection: Inspection,
) -> None:
    await deliver(inspection, [visit((2, "HOUSING_UNSAFE"), (4, "WATER_UNSAFE"))])
    items = (await inspection.get("/problems")).json()["items"]
    assert sorted((item["kind"], item["lead_dept"]) for item in items) == [
        ("HOUSING_UNSAFE", "HOUS"),
        ("WATER_UNSAFE", "WATER"),
    ]
    for item in items:
        problem = await inspection.problem(item["id"])
        (source,) = problem["sources"]
        assert (source["source"], source["person"]) == ("VISIT", "helper-1")
        assert source["organisation"] == "HOUS@511132"
        assert (problem["tier"], problem["cohort"]) == ("GENERAL", "EXITED")
        assert problem["object"] == {"type": "HOUSEHOLD", "ref": str(HOUSEHOLD)}
        assert date.fromisoformat(problem["due_on"]) == clock.today() + timedelta(days=30)
        assert problem["audit"][0]["person"] == "system:inspection"
        assert await inspection.happened(item["id"]) == ["logged", "dispatched"]


async def test_a_visit_without_failures_logs_nothing(inspection: Inspection) -> None:
    await deliver(inspection, [visit()])
    assert await inspection.count("problems") == 0


async def test_a_visit_delivered_twice_changes_nothing(inspection: Inspection) -> None:
    event = visit((2, "HOUSING_UNSAFE"))
    await deliver(inspection, [event])
    await deliver(inspection, [event])
    assert await inspection.count("problems") == 1
    assert await inspection.happened() == ["logged", "dispatched"]


async def test_a_later_visit_adds_a_source_and_no_second_task(inspection: Inspection) -> None:
    yesterday = clock.today() - timedelta(days=1)
    await deliver(inspection, [visit((2, "HOUSING_UNSAFE"), visited_on=yesterday)])
    await deliver(inspection, [visit((2, "HOUSING_UNSAFE"))])
    assert await inspection.happened() == ["logged", "dispatched", "source_added"]


async def test_visits_of_many_households_and_counties_come_in_one_batch(
    inspection: Inspection,
) -> None:
    events = [visit((2, "HOUSING_UNSAFE"), household_id=new_id()) for _ in range(50)]
    events.append(visit((2, "HOUSING_UNSAFE"), village_code="430703001001"))
    await deliver(inspection, events)
    assert await inspection.count("problems") == 51
    assert await inspection.count("timer") == 51


async def test_a_visit_that_cannot_be_is_set_aside_and_not_swallowed(
    inspection: Inspection,
) -> None:
    tomorrow = clock.today() + timedelta(days=1)
    with pytest.raises(FoundInFuture):
        await deliver(inspection, [visit((2, "HOUSING_UNSAFE"), visited_on=tomorrow)])
    assert await inspection.count("problems") == 0


async def test_a_problem_of_an_unknown_household_is_verified_when_the_register_tells_of_it(
    inspection: Inspection,
) -> None:
    object_ = {"type": "HOUSEHOLD", "id": str(HOUSEHOLD)}
    unknown = await inspection.log(object=object_)
    other = await inspection.log()
    assert unknown["flags"]["object_unverified"] is True
    await deliver(inspection, [snapshot(HOUSEHOLD)])
    verified = await inspection.problem(unknown["id"])
    assert verified["flags"]["object_unverified"] is False
    assert (await inspection.problem(other["id"]))["flags"]["object_unverified"] is True
    known = await inspection.log(object=object_, kind="WATER_UNSAFE")
    assert known["flags"]["object_unverified"] is False


async def test_an_inactive_household_verifies_nothing(inspection: Inspection) -> None:
    view = await inspection.log(object={"type": "HOUSEHOLD", "id": str(HOUSEHOLD)})
    await deliver(inspection, [snapshot(HOUSEHOLD, active=False)])
    assert (await inspection.problem(view["id"]))["flags"]["object_unverified"] is True


async def test_an_older_snapshot_does_not_replace_a_newer_one(inspection: Inspection) -> None:
    await deliver(inspection, [snapshot(HOUSEHOLD, 2, cohort="EXIT_THIS_YEAR")])
    await deliver(inspection, [snapshot(HOUSEHOLD, 1)])
    (row,) = await inspection.fetch("SELECT cohort, version FROM household_mirror")
    assert (row["cohort"], row["version"]) == ("EXIT_THIS_YEAR", 2)


async def test_a_new_village_verifies_its_problems(inspection: Inspection) -> None:
    code = "511132201399"
    view = await inspection.log(object={"type": "VILLAGE", "code": code}, village_code=code)
    assert view["flags"]["object_unverified"] is True
    region = RegionStored(
        code=code, name="新村", level="VILLAGE", parent=code[:9], valid_from=date(2019, 1, 1)
    )
    await deliver(inspection, [region])
    assert (await inspection.problem(view["id"]))["flags"]["object_unverified"] is False
    again = await inspection.log(
        object={"type": "VILLAGE", "code": code}, village_code=code, kind="ROAD_SUBSTANDARD"
    )
    assert again["flags"]["object_unverified"] is False


def test_the_subscriptions_are_those_of_the_service() -> None:
    assert SERVICE.subscriptions is SUBSCRIPTIONS
    assert set(SUBSCRIPTIONS) == {RegionStored, HouseholdSnapshot, VisitRecorded}
