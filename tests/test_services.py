"""What holds for each of the four services."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from shared.app import api_routes
from shared.database import Database
from tests.conftest import NewDatabase, Start

BASES = {
    "households": "HouseholdsTable",
    "funds": "FundsTable",
    "inspection": "InspectionTable",
    "notify": "NotifyTable",
}


def _differences(connection: Connection, metadata: MetaData) -> list[Any]:
    def ours(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or name in metadata.tables

    options = {"include_name": ours, "compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


@pytest.mark.parametrize("service", BASES)
async def test_the_migrations_build_the_mapped_tables(
    service: str, new_database: NewDatabase
) -> None:
    metadata = getattr(import_module(f"services.{service}.tables"), BASES[service]).metadata
    import_module(f"services.{service}.main")
    assert metadata.tables
    database = Database(await new_database(service), service=service)
    try:
        async with database.engine.connect() as connection:
            assert await connection.run_sync(_differences, metadata) == []
    finally:
        await database.close()


@pytest.mark.parametrize("name", BASES)
async def test_the_description_of_the_interface_names_every_route_once(
    name: str, start: Start, field_key_file: Path
) -> None:
    service = import_module(f"services.{name}.main").SERVICE
    running = await start(service, field_key_file=field_key_file)
    answer = await running.client.get("/openapi.json")
    assert answer.status_code == 200
    described = [
        operation["operationId"]
        for operations in answer.json()["paths"].values()
        for operation in operations.values()
    ]
    routes = [route.name for route in api_routes(running.app) if route.include_in_schema]
    assert sorted(described) == sorted(routes)
    assert len(set(described)) == len(described)
