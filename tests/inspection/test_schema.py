"""The migrated tables are those the code maps, and every process may prepare them."""

import asyncio

from sqlalchemy import inspect

from services.inspection.main import prepare
from services.inspection.tables import InspectionTable
from tests.inspection.conftest import Inspection


async def test_the_mapped_columns_are_the_migrated_ones(inspection: Inspection) -> None:
    async with inspection.runtime.database.engine.connect() as connection:
        migrated = await connection.run_sync(
            lambda sync: {
                table: {
                    column["name"]: column["nullable"]
                    for column in inspect(sync).get_columns(table)
                }
                for table in InspectionTable.metadata.tables
            }
        )
    mapped = {
        name: {column.name: column.nullable for column in table.columns}
        for name, table in InspectionTable.metadata.tables.items()
    }
    assert migrated == mapped


async def test_the_regions_are_seeded_once_however_many_processes_start(
    inspection: Inspection,
) -> None:
    await inspection.fetch("DELETE FROM regions")
    await asyncio.gather(*(prepare(inspection.runtime) for _ in range(3)))
    assert await inspection.count("regions") > 45_000
