"""The mirrors keep what campaigns need of regions and households, and ignore older versions."""

from typing import Any

from services.inspection.mirror.reactions import on_household_snapshots, on_regions_stored
from shared.events.base import Received
from shared.events.households import HouseholdSnapshot, RegionStored
from shared.ids import new_id
from shared.testing import received
from tests.inspection.conftest import VILLAGE, Inspection


def region(kind: str | None) -> RegionStored:
    """A village as the register of regions tells of it."""
    return RegionStored.model_validate(
        {
            "code": VILLAGE,
            "name": "桐花村",
            "level": "VILLAGE",
            "parent": VILLAGE[:9],
            "kind": kind,
            "valid_from": "1949-10-01",
        }
    )


async def test_a_village_keeps_its_kind_as_told_last(inspection: Inspection) -> None:
    kinds = []
    for sequence, kind in ((2, "POOR_VILLAGE"), (1, None), (3, "NON_POOR")):
        items: list[Received[Any]] = [received(region(kind), sequence=sequence)]
        async with inspection.runtime.database.transaction() as session:
            await on_regions_stored(session, items)
        rows = await inspection.fetch("SELECT kind FROM regions WHERE code = $1", VILLAGE)
        kinds.append(rows[0]["kind"])
    assert kinds == ["POOR_VILLAGE", "POOR_VILLAGE", "NON_POOR"]


async def test_a_household_keeps_its_exit_year_as_told_last(inspection: Inspection) -> None:
    household_id = new_id()
    years = []
    for version, year in ((2, 2018), (1, None), (3, 2019)):
        snapshot = HouseholdSnapshot(
            household_id=household_id,
            household_no="511132201205001",
            village_code=VILLAGE,
            archive_status="EXITED",
            household_class="EXITED",
            cohort="EXITED",
            exit_year=year,
            version=version,
        )
        items: list[Received[Any]] = [received(snapshot, sequence=version)]
        async with inspection.runtime.database.transaction() as session:
            await on_household_snapshots(session, items)
        rows = await inspection.fetch("SELECT exit_year FROM household_mirror")
        years.append([row["exit_year"] for row in rows])
    assert years == [[2018], [2018], [2019]]
