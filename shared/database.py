"""One service's database: sessions that commit at the edge, and the driver itself for hot paths.

This is the only module that commits. A request's session commits before its answer leaves; a
consumer's commits before its offset does.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeAlias, cast

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

# The limits of every statement; a stuck client must not hold rows (idle_in_transaction).
SERVER_SETTINGS = {
    "timezone": "UTC",
    "statement_timeout": "15s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CHUNK_ROWS = 5000
REST = 2.0  # how many times as long as it took to delete a chunk the next one waits


async def _keep_session(_connection: Connection) -> None:
    """Nothing to reset: settings are transaction-local, and nobody listens on a pooled connection.

    asyncpg's own reset would cost every hot statement a second round trip.
    """


class ReadSession(AsyncSession):
    """A session for queries: PostgreSQL refuses writes in it. Commands do not take it."""

    async def driver(self) -> Connection:
        """The asyncpg connection of this session, in its transaction, for batched statements."""
        if "driver" not in self.info:
            raw = await (await self.connection()).get_raw_connection()
            await self._begin(raw.dbapi_connection)
            self.info["driver"] = raw.driver_connection
        return cast("Connection", self.info["driver"])

    async def _begin(self, adapted: Any) -> None:
        """Open the transaction, which SQLAlchemy does with its first own statement only: one for
        nothing else would cost every transaction a round trip."""
        try:
            if adapted._transaction is None:  # noqa: SLF001
                await adapted._start_transaction()  # noqa: SLF001
        except Exception:  # noqa: BLE001 - met again by SQLAlchemy, which drops a dead connection
            await self.execute(text("SELECT 1"))


class Session(ReadSession):
    """A session inside the one transaction of a request, an event batch or a timer."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` once this transaction has committed; never when it rolls back."""
        self.info.setdefault("after_commit", {})[callback] = None

    def events_recorded(self) -> None:
        """Note that this transaction holds outbox rows, so that its commit wakes the relay."""
        self.after_commit(self.info["database"].events_committed.set)


class Database:
    """Connections to one database: `transaction()`, `reading()`, and the driver for hot paths.

    `events_committed` is set whenever a transaction that recorded events has committed; the relay
    of the same process waits on it instead of for its next poll. `extras` stand in the `info` of
    every session: what a running service lets its commands look up.
    """

    def __init__(self, url: str, *, service: str, pool_size: int = 10) -> None:
        self.url = url
        self.service = service
        self.events_committed = asyncio.Event()
        self.extras: dict[str, object] = {}
        self._settings = {**SERVER_SETTINGS, "application_name": service}
        self._pool_size = pool_size
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self.connect,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_recycle=1800,
            hide_parameters=True,  # error texts must not carry values
        )
        self._reading = self.engine.execution_options(postgresql_readonly=True)

    async def connect(self) -> Connection:
        """A new connection of its own, closed by the caller (listeners, migrations)."""
        return await asyncpg.connect(self.url, server_settings=self._settings, timeout=10)

    async def open(self) -> None:
        """Open the driver pool; the session pool opens with first use."""
        self._pool = await asyncpg.create_pool(
            self.url,
            min_size=1,
            max_size=self._pool_size,
            server_settings=self._settings,
            reset=_keep_session,
        )

    async def close(self) -> None:
        """Close every connection; running statements get ten seconds."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 10)
            except TimeoutError:
                self._pool.terminate()
            self._pool = None
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with Session(self.engine, expire_on_commit=False) as session:
            session.info.update(database=self, service=self.service, **self.extras)
            yield session
            await session.commit()
            for callback in session.info.get("after_commit", ()):
                callback()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """A read-only session."""
        async with ReadSession(self._reading, expire_on_commit=False, autoflush=False) as session:
            session.info.update(self.extras)
            yield session

    @asynccontextmanager
    async def statement(self, *, records_events: bool = False) -> AsyncIterator[Connection]:
        """A driver connection on which each statement is its own transaction."""
        async with self._driver_pool().acquire() as connection:
            yield cast("Connection", connection)
        if records_events:
            self.events_committed.set()

    @asynccontextmanager
    async def driver_transaction(self) -> AsyncIterator[Connection]:
        """A driver connection inside one transaction, committed when the block ends."""
        async with self._driver_pool().acquire() as connection, connection.transaction():
            yield cast("Connection", connection)
        self.events_committed.set()

    def _driver_pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        if self._pool is None:
            raise RuntimeError("the database is not open")
        return self._pool


async def delete_in_chunks(
    connection: Connection, statement: str, before: datetime, *more: Any
) -> int:
    """Delete what is older than `before`, `CHUNK_ROWS` at a time; answers how many rows.

    `$1` of the statement is `before`, `$2` the number of rows, the others are `more`; it returns a
    row for each that it deleted. Each chunk is a transaction of its own.
    """
    total = 0
    started = time.monotonic()
    while deleted := len(await connection.fetch(statement, before, CHUNK_ROWS, *more)):
        total += deleted
        # Chunk upon chunk would triple the time of everybody else's transactions.
        await asyncio.sleep(REST * (time.monotonic() - started))
        started = time.monotonic()
    return total
