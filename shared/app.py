"""`create_app(service)`: all that the four services have in common."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from shared.chores import Chore
from shared.configuration import Configuration, Setting
from shared.database import Database
from shared.events.base import Event
from shared.housekeeping import CHORES
from shared.logs import configure_logs
from shared.messaging.consumer import Consumer
from shared.messaging.inbox import Inbox, Reaction
from shared.messaging.recollection import knows_nothing
from shared.messaging.relay import CopiesTopics, Relay
from shared.messaging.settings import KafkaSettings
from shared.revision import expected_revision
from shared.runtime import Job, Runtime
from shared.security import TokenVerifier
from shared.settings import ServiceSettings
from shared.telemetry import export_traces
from shared.timers import Scheduler, TimerKind, Watchdog
from shared.web import operations, parked_events
from shared.web.dependencies import Allow, LinkScope
from shared.web.description import complete, header_parameters
from shared.web.idempotency import Replayed, replay
from shared.web.middleware import Edge
from shared.web.problem_details import install_problem_details

_log = structlog.get_logger(__name__)

MIGRATIONS = Path(__file__).parents[1] / "services"

# A loop runs beside the API until `stop` is set; if one ends early the process ends.
Loop = Callable[[Runtime, asyncio.Event], Awaitable[None]]


@dataclass(frozen=True)
class Service:
    """What sets one service apart; `main.py` fills it in on one screen."""

    name: str
    title: str
    settings: type[ServiceSettings]
    routers: Sequence[APIRouter]
    subscriptions: Mapping[type[Event], Reaction] = field(default_factory=dict)
    timer_kinds: Sequence[TimerKind] = ()
    watchdog: Watchdog | None = None
    configuration: Sequence[Setting[Any]] = ()
    jobs: Mapping[str, Job] = field(default_factory=dict)
    chores: Sequence[Chore] = ()
    loops: Sequence[Loop] = ()
    prepare: Callable[[Runtime], Awaitable[None]] | None = None
    copies_topics: CopiesTopics | None = None


def create_app(service: Service) -> FastAPI:
    """The ASGI application of `service`. When it starts it takes the settings in `app.state`, or
    else reads them from the environment."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        chosen: ServiceSettings = app.state.settings or service.settings()
        configure_logs(service.name, chosen.log_level)
        if chosen.otlp_endpoint:
            export_traces(service.name, chosen.otlp_endpoint)
        app.state.draining = False
        async with running(service, chosen) as runtime:
            app.state.runtime = runtime
            yield
            app.state.draining = True

    app = BangfuApi(
        title=service.title,
        version="1",
        lifespan=lifespan,
        docs_url=None,  # the stock page loads its scripts from a CDN
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.settings = None
    app.add_middleware(Edge)
    install_problem_details(app)
    app.include_router(operations.probes)
    for router in (operations.router, parked_events.router):
        describe(router)
        app.include_router(router)
    app.add_exception_handler(Replayed, replay)
    for router in service.routers:
        describe(router)
        app.include_router(router, prefix="/api/v1")
    return app


class BangfuApi(FastAPI):
    """FastAPI whose OpenAPI document also says what all routes have in common."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        known = self.openapi_schema
        return complete(super().openapi()) if known is None else known


def api_routes(router: APIRouter | FastAPI) -> list[APIRoute]:
    """Every route of `router` and of the routers it includes."""
    found = (context.original_route for context in iter_route_contexts(router.routes))
    return [route for route in found if isinstance(route, APIRoute)]


def describe(router: APIRouter) -> None:
    """Write into OpenAPI what FastAPI cannot see of each route: its declared scope as roles
    (`x-roles`) and bearer token, and the headers its dependencies read."""
    for route in api_routes(router):
        scope = declared_scope(route)
        declared = scope.declaration() if scope is not None else {}
        route.openapi_extra = {
            **(route.openapi_extra or {}),
            **declared,
            **header_parameters(route),
        }


def declared_scope(route: APIRoute) -> Allow | LinkScope | None:
    """The scope a route depends on, None for one that declares none."""
    for dependant in route.dependant.dependencies:
        if isinstance(dependant.call, Allow | LinkScope):
            return dependant.call
    return None


@asynccontextmanager
async def running(service: Service, settings: ServiceSettings) -> AsyncIterator[Runtime]:
    """The service's runtime with its loops running; they end with the block."""
    database = Database(
        settings.database_url, service=service.name, pool_size=settings.database_pool_size
    )
    await database.open()
    runtime = Runtime(
        name=service.name,
        revision=expected_revision(MIGRATIONS / service.name / "migrations" / "versions"),
        settings=settings,
        database=database,
        configuration=Configuration(service.configuration),
        tokens=TokenVerifier(
            issuer=settings.token_issuer,
            audience=settings.token_audience,
            jwks_file=settings.jwks_file,
            jwks_url=settings.jwks_url,
        ),
        scheduler=Scheduler(
            database,
            service.timer_kinds,
            poll_seconds=settings.timer_poll_seconds,
            watchdog=service.watchdog,
        ),
        inbox=Inbox(service.name, service.subscriptions),
        jobs=service.jobs,
    )
    database.extras["configuration"] = runtime.configuration
    try:
        await runtime.configuration.load(database)
        if not await _is_to_be_rebuilt(service, runtime):
            runtime.caught_up.set()
        if service.prepare is not None:
            await service.prepare(runtime)
        async with _loops(service, runtime):
            yield runtime
    finally:
        await database.close()


def _loops(service: Service, runtime: Runtime) -> AbstractAsyncContextManager[None]:
    loops: dict[str, Callable[[asyncio.Event], Awaitable[None]]] = {
        "scheduler": lambda stop: _run_scheduler(runtime, stop),
    }
    kafka = KafkaSettings.of(runtime.settings)
    if kafka is not None:
        relay = Relay(runtime.database, service.name, kafka, service.copies_topics)
        loops["relay"] = relay.run
        if service.subscriptions:
            loops["consumer"] = Consumer(
                runtime.database, service.name, service.subscriptions, kafka, runtime.caught_up
            ).run
    for chore in (*CHORES, *service.chores):
        loops[f"chore {chore.name}"] = partial(chore.run, runtime)
    for loop in service.loops:
        loops[loop.__name__] = partial(loop, runtime)
    return run_loops(loops)


async def _is_to_be_rebuilt(service: Service, runtime: Runtime) -> bool:
    """Whether the service has a new database and takes up its own events before it acts."""
    hears_itself = any(event.publisher() == service.name for event in service.subscriptions)
    if runtime.settings.kafka_bootstrap is None or not hears_itself:
        return False
    async with runtime.database.statement() as connection:
        return await knows_nothing(connection, service.name)


async def _run_scheduler(runtime: Runtime, stop: asyncio.Event) -> None:
    await runtime.until_caught_up(stop)
    await runtime.scheduler.run(stop)


@asynccontextmanager
async def run_loops(
    loops: Mapping[str, Callable[[asyncio.Event], Awaitable[None]]], *, grace_seconds: float = 6
) -> AsyncIterator[None]:
    """Run `loops` beside the block; afterwards set their stop event and give them
    `grace_seconds`. A loop that ends by itself ends the process: half a service is worse than none.
    """
    stop = asyncio.Event()
    tasks = [
        asyncio.create_task(_watched(name, loop, stop), name=name) for name, loop in loops.items()
    ]
    try:
        yield
    finally:
        stop.set()
        _done, late = await asyncio.wait(tasks, timeout=grace_seconds)
        for task in late:
            _log.warning("loop_cancelled", loop=task.get_name())
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _watched(
    name: str, loop: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event
) -> None:
    try:
        await loop(stop)
    except Exception as error:  # noqa: BLE001 - whatever ended it, the process must end
        _log.error("loop_failed", loop=name, exc_info=error)
    if not stop.is_set():
        _log.error("loop_ended_early", loop=name)
        os.kill(os.getpid(), signal.SIGTERM)
