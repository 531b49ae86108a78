"""A notify that is served over real connections: in process, ASGI knows no stream."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast
from uuid import UUID

import pytest
import uvicorn

from shared.web.connections import Connection
from tests.notify.conftest import LEAD, Notify
from tests.notify.streams.listener import Listener
from tests.notify.streams.recording import record, subscribe


class Streams:
    """Subscriptions, what they record, and those who listen."""

    def __init__(self, notify: Notify, port: int, server: uvicorn.Server) -> None:
        self.notify = notify
        self.port = port
        self.server = server
        self.listeners: list[Listener] = []

    async def subscribe(self, org: str = LEAD, channel: str = "SSE") -> UUID:
        """A new subscription."""
        async with self.notify.app.database.statement() as connection:
            return await subscribe(connection, org, channel)

    async def record(self, subscription_id: UUID, count: int = 1, **facts: Any) -> list[UUID]:
        """Record events, one after the other; their ids."""
        async with self.notify.app.database.statement() as connection:
            return [
                (await record(connection, subscription_id, facts or None))[0] for _ in range(count)
            ]

    async def become(self, subscription_id: UUID, state: str) -> None:
        """Bring a subscription into a state."""
        await self.execute(
            "UPDATE subscriptions SET state = $2 WHERE subscription_id = $1", subscription_id, state
        )

    async def execute(self, statement: str, *arguments: Any) -> None:
        """Run a statement."""
        async with self.notify.app.database.statement() as connection:
            await connection.execute(statement, *arguments)

    async def fetch(self, statement: str) -> Any:
        """The value a statement answers."""
        async with self.notify.app.database.statement() as connection:
            return await connection.fetchval(statement)

    async def listen(
        self, subscription_id: UUID, last_event_id: str = "", *, query: str = "", **asked: str
    ) -> Listener:
        """A client that reads the stream and knows where it stands."""
        listener = await self.ask(subscription_id, last_event_id, query, **asked)
        return await listener.read().opened()

    async def ask(
        self,
        subscription_id: UUID,
        last_event_id: str = "",
        query: str = "",
        *,
        authorization: str = "",
        x_now: str = "",
    ) -> Listener:
        """A client that has an answer and reads nothing yet."""
        own = self.notify.app.headers(LEAD, "dept_handler")["Authorization"]
        listener = await Listener.connect(
            self.port,
            f"/api/v1/subscriptions/{subscription_id}/stream{query}",
            authorization or own,
            last_event_id,
            x_now,
        )
        self.listeners.append(listener)
        return listener

    @property
    def connections(self) -> set[Connection]:
        """The server's side of every connection."""
        return cast("set[Connection]", self.server.server_state.connections)

    async def refusal(
        self,
        subscription_id: UUID | str,
        *,
        query: str = "",
        org: str = LEAD,
        role: str = "dept_handler",
        **headers: str,
    ) -> tuple[int, str]:
        """Status and code of an answer that is no stream."""
        answer = await self.notify.app.client.get(
            f"/api/v1/subscriptions/{subscription_id}/stream{query}",
            headers=self.notify.app.headers(org, role) | headers,
        )
        return answer.status_code, answer.json()["code"]

    async def configure(self, key: str, value: int) -> None:
        """Set a configured value."""
        answer = await self.notify.app.client.put(
            f"/api/v1/config/51/{key}",
            json={"value": value, "effective_from": "2020-01-01"},
            headers=self.notify.app.headers("OPS@51", "ops"),
        )
        assert answer.status_code == 200, answer.text


@asynccontextmanager
async def served(notify: Notify) -> AsyncIterator[Streams]:
    """The running service behind a port of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    # What the kernel holds for a client that does not read; of itself it grows to megabytes.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
    configuration = uvicorn.Config(
        notify.app.app,
        http=Connection,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(configuration)
    serving = asyncio.create_task(server._serve([listening]))  # it would take the signals
    streams = Streams(notify, listening.getsockname()[1], server)
    try:
        yield streams
    finally:
        for listener in streams.listeners:
            await listener.close()
        server.should_exit = True
        with suppress(TimeoutError):
            await asyncio.wait_for(serving, 10)
        listening.close()


@pytest.fixture
async def streams(notify: Notify) -> AsyncIterator[Streams]:
    """A running service that is served."""
    async with served(notify) as streams:
        yield streams
