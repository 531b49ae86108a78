"""A figure's own connections to the databases of its services."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from shared.database import Connection, Database

SETTLE_SECONDS = 120.0
POLL_SECONDS = 0.02


@asynccontextmanager
async def opened(url: str, service: str) -> AsyncIterator[Database]:
    """The database of `service`, open."""
    database = Database(url, service=service)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def patient(database: Database) -> AsyncIterator[Connection]:
    """A connection whose statements may take as long as they need, to fill tables."""
    connection = await database.connect()
    try:
        await connection.execute("SET statement_timeout = 0")
        yield connection
    finally:
        await connection.close()


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = SETTLE_SECONDS) -> None:
    """Return once the condition holds; raises TimeoutError when that takes too long."""
    async with asyncio.timeout(seconds):
        while True:
            if await holds():
                return
            await asyncio.sleep(POLL_SECONDS)
