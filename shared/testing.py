"""What tests of every service need: the running application behind a client, and its events."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx
from fastapi import FastAPI
from sqlalchemy import RowMapping, text

from shared import clock
from shared.app import Service, create_app
from shared.database import Database
from shared.events.base import Envelope, Event, Received, data_of, decode
from shared.ids import new_id
from shared.runtime import Runtime
from shared.settings import ServiceSettings

Mint = Callable[[str, str, Sequence[str]], str]


@dataclass(frozen=True)
class RunningApp:
    """A service's application with its lifespan running, called in process over ASGI."""

    app: FastAPI
    client: httpx.AsyncClient
    mint: Mint

    @property
    def runtime(self) -> Runtime:
        """The runtime behind the application."""
        runtime: Runtime = self.app.state.runtime
        return runtime

    @property
    def database(self) -> Database:
        """The service's database."""
        return self.runtime.database

    def headers(self, organisation: str, *roles: str, person: str = "tester") -> dict[str, str]:
        """An `Authorization` header of a real token."""
        return {"Authorization": f"Bearer {self.mint(person, organisation, roles)}"}

    async def events(self, event_type: type[Event] | None = None) -> list[Event]:
        """The events recorded so far, oldest first, optionally of one class."""
        found = [decode(envelope) for envelope in await recorded_envelopes(self.database)]
        return [event for event in found if event_type is None or isinstance(event, event_type)]


# Applications that nothing runs in. FastAPI builds a route when it is first looked at, a second's
# work for a large service: too much for each test.
_idle_apps: dict[int, list[FastAPI]] = {}


@asynccontextmanager
async def running_app(
    service: Service, settings: ServiceSettings, mint: Mint
) -> AsyncIterator[RunningApp]:
    """`service` started with `settings`, and a client that speaks to it."""
    idle = _idle_apps.setdefault(id(service), [])
    app = idle.pop() if idle else create_app(service)
    app.state.settings = settings
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=f"http://{service.name}") as client,
    ):
        yield RunningApp(app, client, mint)
    idle.append(app)


async def recorded_envelopes(database: Database) -> list[Envelope]:
    """Everything in the outbox, in order."""
    async with database.reading() as session:
        rows = await session.execute(
            text(
                "SELECT event_id, aggregate_id, aggregate_seq, event_type, msg_key,"
                " payload::text AS data, headers FROM outbox ORDER BY id"
            )
        )
        return [_envelope(row) for row in rows.mappings()]


def _envelope(row: RowMapping) -> Envelope:
    headers = row["headers"]
    return Envelope(
        id=row["event_id"],
        source=headers["source"],
        type=row["event_type"],
        subject=row["aggregate_id"],
        time=datetime.fromisoformat(headers["time"]),
        sequence=row["aggregate_seq"],
        partition_key=row["msg_key"],
        data=row["data"].encode(),
        region=headers.get("regioncode"),
        correlation_id=headers.get("correlationid"),
        causation_id=headers.get("causationid"),
        simulated=headers.get("simulated") == "true",
    )


def received(event: Event, *, sequence: int = 1, at: datetime | None = None) -> Received[Event]:
    """`event` as a reaction would get it from the broker, the `sequence`-th of its subject."""
    return Received(
        event,
        Envelope(
            id=new_id(),
            source=f"/{event.publisher()}",
            type=event.wire_type,
            subject=event.subject,
            time=at or clock.now(),
            sequence=sequence,
            partition_key=event.partition_key,
            data=data_of(event).encode(),
            region=event.region,
        ),
    )
