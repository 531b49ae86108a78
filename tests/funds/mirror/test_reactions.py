"""Copies of foreign facts follow their owner and never go back."""

from collections.abc import Sequence
from datetime import date
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text

from services.funds.mirror.reactions import on_household_snapshot, on_region_stored
from shared import clock
from shared.events.base import Envelope, Event, Received, data_of
from shared.events.households import HouseholdSnapshot, RegionStored
from shared.ids import new_id
from tests.funds.conftest import Funds

EventT = TypeVar("EventT", bound=Event)


def received(event: EventT, sequence: int) -> Received[EventT]:
    """`event` as it comes in as the `sequence`-th of its subject."""
    envelope = Envelope(
        id=new_id(),
        source=f"/{event.publisher()}",
        type=event.wire_type,
        subject=event.subject,
        time=clock.now(),
        sequence=sequence,
        partition_key=event.partition_key,
        data=data_of(event).encode(),
    )
    return Received(event, envelope)


def region(code: str, name: str, valid_to: date | None = None) -> RegionStored:
    """A county as households stores it."""
    return RegionStored(
        code=code,
        name=name,
        level="COUNTY",
        parent=code[:4],
        valid_from=date(2019, 1, 1),
        valid_to=valid_to,
    )


def household(household_id: UUID, status: str, version: int) -> HouseholdSnapshot:
    """A household as households describes it."""
    return HouseholdSnapshot(
        household_id=household_id,
        household_no="511132201205001",
        village_code="511132201205",
        archive_status=status,
        household_class="GENERAL",
        cohort="ARCHIVED",
        version=version,
    )


async def store_regions(funds: Funds, batch: Sequence[Received[RegionStored]]) -> None:
    async with funds.app.database.transaction() as session:
        await on_region_stored(session, batch)


async def ranked_names(funds: Funds, as_of: str = "2019-09-16") -> dict[str, str]:
    answer = await funds.get(
        "/stats/progress-ranking", {"city": "5111", "year": 2019, "as_of": as_of}
    )
    return {one["region_code"]: one["name"] for one in answer.json()["items"]}


async def test_a_region_is_renamed_and_a_new_one_appears(funds: Funds) -> None:
    await store_regions(
        funds, [received(region("511132", "峨边县"), 1), received(region("511190", "新县"), 1)]
    )
    names = await ranked_names(funds)
    assert (names["511132"], names["511190"]) == ("峨边县", "新县")
    assert (await funds.statement("511190", "1.00", "1.00")).status_code == 201


async def test_an_older_version_of_a_region_changes_nothing(funds: Funds) -> None:
    await store_regions(funds, [received(region("511132", "新名"), 2)])
    await store_regions(funds, [received(region("511132", "旧名"), 1)])
    assert (await ranked_names(funds))["511132"] == "新名"


async def test_a_county_that_has_ended_is_no_longer_ranked(funds: Funds) -> None:
    ended = region("511113", "金口河区", valid_to=date(2019, 9, 15))
    await store_regions(funds, [received(ended, 1)])
    assert "511113" in await ranked_names(funds, "2019-09-15")
    assert "511113" not in await ranked_names(funds, "2019-09-16")


async def test_the_newest_snapshot_of_a_household_stands(funds: Funds) -> None:
    first, second = new_id(), new_id()
    batches: list[list[Received[HouseholdSnapshot]]] = [
        [received(household(first, "ARCHIVED", 3), 3), received(household(second, "EXITED", 1), 1)],
        [received(household(first, "EXITED", 4), 4)],
        [received(household(first, "ARCHIVED", 3), 3)],
    ]
    for batch in batches:
        async with funds.app.database.transaction() as session:
            await on_household_snapshot(session, batch)
    async with funds.app.database.reading() as session:
        rows = await session.execute(
            text("SELECT household_id, archive_status, version FROM household_mirror")
        )
        assert {tuple(row) for row in rows} == {(first, "EXITED", 4), (second, "EXITED", 1)}
