"""How many problems a second one process logs over HTTP, beside four bare statements each."""

import asyncio
import time
from collections.abc import Sequence
from statistics import median

import asyncpg
import uvloop

from bench.findings import (
    AUDIT_COLUMNS,
    INSPECTORS,
    PROBLEM_COLUMNS,
    TIMER_COLUMNS,
    BareRows,
    bare_rows,
    finding,
    insert_sql,
    values_of,
)
from bench.load import request, run_load
from bench.rounds import Figure, alternate
from bench.stack import Bench
from shared.ids import new_id
from shared.messaging.outbox import OUTBOX_COLUMNS

CLIENTS = 32
GOAL = 0.5

INSERT_PROBLEM = insert_sql("problems", PROBLEM_COLUMNS)
INSERT_TIMER = insert_sql("timer", TIMER_COLUMNS)
INSERT_AUDIT = insert_sql("audit", AUDIT_COLUMNS)
INSERT_EVENTS = insert_sql("outbox", OUTBOX_COLUMNS, rows=2)


async def measure(bench: Bench) -> list[Figure]:
    """Problems a second at 32 clients, each committed on disk before it is answered."""
    count = bench.options.sized(4_000, 1_000)
    url = await bench.database("inspection")
    bare_url = await bench.database("inspection")
    service = bench.start_service("inspection", url)
    token = bench.token(INSPECTORS, "inspector")

    async def project() -> float:
        load = await bench.in_client(
            run_load, service.port, log_requests(token, count), CLIENTS, 201
        )
        return load.rate

    async def floor() -> float:
        return await bench.in_client(log_bare, bare_url, count)

    await project()  # to be warm
    rates = await alternate({"floor": floor, "project": project}, bench.options.rounds)
    name = f"problems logged over HTTP at {CLIENTS} clients"
    return [
        Figure(name, "/s", median(rates["floor"]), median(rates["project"]), GOAL, at_most=False)
    ]


def log_requests(token: str, count: int, kind: str | None = None) -> list[bytes]:
    """Requests that log different findings, each with an Idempotency-Key."""
    return [
        request(
            "POST", "/problems", token, finding(number, kind), {"Idempotency-Key": str(new_id())}
        )
        for number in range(count)
    ]


def log_bare(url: str, count: int) -> float:
    """The floor in a process of its own: transactions a second of 32 connections."""
    return uvloop.run(_log_bare(url, [bare_rows(number) for number in range(count)]))


async def _log_bare(url: str, rows: Sequence[BareRows]) -> float:
    waiting = iter(rows)
    connections = [await asyncpg.connect(url) for _ in range(CLIENTS)]

    async def client(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        for one in waiting:
            await log_one(connection, one)

    began = time.perf_counter()
    await asyncio.gather(*map(client, connections))
    seconds = time.perf_counter() - began
    for connection in connections:
        await connection.close()
    return len(rows) / seconds


async def log_one(connection: "asyncpg.Connection[asyncpg.Record]", rows: BareRows) -> None:
    """Problem, timer, audit row and events in one transaction of four statements."""
    async with connection.transaction():
        await connection.execute(INSERT_PROBLEM, *rows.problem)
        await connection.execute(INSERT_TIMER, *rows.timer)
        await connection.execute(INSERT_AUDIT, *rows.audit)
        await connection.execute(INSERT_EVENTS, *values_of(rows.events))
