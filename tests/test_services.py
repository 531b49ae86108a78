"""What holds for each of the four services."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from shared.app import api_routes
from shared.configuration import Setting
from shared.database import Database
from shared.errors import Invalid
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


def _takes(setting: Setting[Any], value: object) -> bool:
    try:
        parsed = setting.parse(value)
        if setting.check is not None:
            setting.check(parsed)
    except Invalid:
        return False
    return True


@pytest.mark.parametrize("name", BASES)
def test_no_configured_value_is_beyond_all_measure(name: str) -> None:
    """A number of days that leads out of the calendar would stop whatever is counted by it."""
    service = import_module(f"services.{name}.main").SERVICE
    assert service.configuration
    for setting in service.configuration:
        for number in (-(10**9), 10**9):
            for value in (number, [number], [number] * 3):
                assert not _takes(setting, value), f"{setting.key} takes {value}"


@pytest.mark.parametrize("name", BASES)
def test_a_change_is_described_without_defaults_that_clients_would_send_along(name: str) -> None:
    document = import_module(f"services.{name}.main").app.openapi()
    changes = [
        operations["patch"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        for operations in document["paths"].values()
        if "patch" in operations
    ]
    for reference in changes:
        described = document["components"]["schemas"][reference.rpartition("/")[2]]
        assert [part for part in described["properties"].values() if "default" in part] == []


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
