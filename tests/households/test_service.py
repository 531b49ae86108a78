"""The service as a whole: schema, seed, interface."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from services.households.main import SERVICE, prepare
from services.households.tables import HouseholdsTable
from shared.database import Database
from tests.conftest import NewDatabase
from tests.households.conftest import Households


def _differences(connection: Connection) -> list[Any]:
    def ours(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or name in HouseholdsTable.metadata.tables

    context = MigrationContext.configure(
        connection, opts={"include_name": ours, "compare_type": True}
    )
    return list(compare_metadata(context, HouseholdsTable.metadata))


async def test_the_migrations_build_the_mapped_tables(
    seeded_template: str, new_database: NewDatabase
) -> None:
    assert seeded_template
    database = Database(await new_database(SERVICE.name), service=SERVICE.name)
    try:
        async with database.engine.connect() as connection:
            assert await connection.run_sync(_differences) == []
    finally:
        await database.close()


async def test_the_country_is_there_once_however_often_the_service_starts(
    households: Households,
) -> None:
    (before,) = await households.rows("SELECT count(*) FROM regions")
    assert before["count"] > 40_000
    await prepare(households.app.runtime)
    (after,) = await households.rows("SELECT count(*) FROM regions")
    assert after == before


async def test_the_interface_describes_rows_that_are_checked_further_in(
    households: Households,
) -> None:
    document = (await households.app.client.get("/openapi.json")).json()
    paths = document["paths"]
    body = paths["/api/v1/households"]["post"]["requestBody"]["content"]["application/json"]
    schemas = document["components"]["schemas"]
    row = schemas["RegisterHouseholds"]["properties"]["rows"]["items"]
    row = schemas[row["$ref"].rsplit("/", 1)[-1]] if "$ref" in row else row
    for described in (body["schema"], row):
        assert set(described["required"]) == {
            "village_code",
            "archive_status",
            "phone",
            "members",
        }
        entry = described["properties"]["members"]["items"]
        assert entry == {"$ref": "#/components/schemas/MemberEntry"}
    looks = schemas["NineLooks"]["properties"]
    assert sorted(looks) == [str(look) for look in range(1, 10)]


async def test_it_is_ready(households: Households) -> None:
    assert (await households.app.client.get("/readyz")).status_code == 200
