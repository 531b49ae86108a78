"""The migrated schema is the mapped one, and a fresh service knows the regions."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from services.funds.main import SERVICE, prepare
from services.funds.tables import FundsTable
from shared.database import Database
from tests.conftest import NewDatabase, Start


def _differences(connection: Connection) -> list[Any]:
    def ours(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or name in FundsTable.metadata.tables

    context = MigrationContext.configure(
        connection, opts={"include_name": ours, "compare_type": True}
    )
    return list(compare_metadata(context, FundsTable.metadata))


async def test_the_migrations_build_the_mapped_tables(new_database: NewDatabase) -> None:
    database = Database(await new_database(SERVICE.name), service=SERVICE.name)
    try:
        async with database.engine.connect() as connection:
            assert await connection.run_sync(_differences) == []
    finally:
        await database.close()


async def test_a_fresh_service_knows_every_region_and_a_second_start_adds_none(
    start: Start,
) -> None:
    app = await start(SERVICE)

    async def known() -> Any:
        async with app.database.reading() as session:
            return await session.scalar(text("SELECT count(*) FROM regions"))

    before = await known()
    assert before > 40_000
    await prepare(app.runtime)
    assert await known() == before
