"""Sessions and their driver: one transaction, and a way back from a lost connection."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from deploy.embedded.postgres import EmbeddedPostgres
from shared.database import Database
from tests.conftest import ROLE

NAME = "sessions"


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    """An empty database with one connection for its sessions."""
    postgres.create_database(NAME, ROLE)
    opened = Database(postgres.url(NAME, ROLE), service=NAME, pool_size=1)
    await opened.open()
    async with opened.statement() as connection:
        await connection.execute("CREATE TABLE notes (line text)")
    yield opened
    await opened.close()
    postgres.drop_database(NAME)


async def test_what_the_driver_did_is_rolled_back_with_its_session(database: Database) -> None:
    async def note_and_fail() -> None:
        async with database.transaction() as session:
            await (await session.driver()).execute("INSERT INTO notes VALUES ('lost')")
            raise LookupError

    with pytest.raises(LookupError):
        await note_and_fail()
    async with database.transaction() as session:
        driver = await session.driver()
        assert driver.is_in_transaction()
        assert await driver.fetchval("SELECT count(*) FROM notes") == 0


async def test_the_driver_of_a_reading_session_cannot_write(database: Database) -> None:
    async with database.reading() as session:
        driver = await session.driver()
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await driver.execute("INSERT INTO notes VALUES ('no')")


async def test_a_lost_connection_costs_one_session_and_not_the_next(database: Database) -> None:
    async with database.transaction() as session:
        lost = await (await session.driver()).fetchval("SELECT pg_backend_pid()")
    async with database.statement() as connection:
        await connection.execute("SELECT pg_terminate_backend($1, 5000)", lost)
    with pytest.raises(DBAPIError):
        async with database.transaction() as session:
            await session.driver()
    async with database.transaction() as session:
        assert await (await session.driver()).fetchval("SELECT 1") == 1
