"""How many problems a second come in by batches of 1,000, beside COPY into the same bare tables."""

import json
import time
from collections.abc import Sequence
from dataclasses import astuple
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
)
from bench.load import KeepAlive, UnexpectedAnswer, request
from bench.rounds import Figure, alternate
from bench.stack import Bench
from shared.ids import new_id
from shared.messaging.outbox import OUTBOX_COLUMNS

BATCH_ROWS = 1_000


async def measure(bench: Bench) -> list[Figure]:
    """Rows a second of one client that sends batch after batch, each one transaction."""
    batches = bench.options.sized(8, 3)
    url = await bench.database("inspection")
    bare_url = await bench.database("inspection")
    service = bench.start_service("inspection", url)
    token = bench.token(INSPECTORS, "inspector")

    async def project() -> float:
        return await bench.in_client(import_batches, service.port, token, batches)

    async def floor() -> float:
        return await bench.in_client(copy_batches, bare_url, batches)

    await project()  # to be warm
    rates = await alternate({"floor": floor, "project": project}, bench.options.rounds)
    name = f"problems by POST /problems:batch, {BATCH_ROWS:,} a call"
    return [Figure(name, "rows/s", median(rates["floor"]), median(rates["project"]))]


def import_batches(port: int, token: str, batches: int) -> float:
    """Rows a second over HTTP, in a process of its own."""
    requests = [
        request(
            "POST",
            "/problems:batch",
            token,
            {"rows": [finding(number) for number in range(BATCH_ROWS)]},
            {"Idempotency-Key": str(new_id())},
        )
        for _ in range(batches)
    ]
    return uvloop.run(_import(port, requests))


async def _import(port: int, requests: Sequence[bytes]) -> float:
    connection = await KeepAlive.connect(port)
    began = time.perf_counter()
    answers = [await connection.expect(201, one) for one in requests]
    seconds = time.perf_counter() - began
    connection.close()
    for answer in answers:
        if json.loads(answer)["logged"] != BATCH_ROWS:
            raise UnexpectedAnswer(answer[:500].decode())
    return len(requests) * BATCH_ROWS / seconds


def copy_batches(url: str, batches: int) -> float:
    """The floor in a process of its own: rows a second by COPY."""
    rows = [[bare_rows(number) for number in range(BATCH_ROWS)] for _ in range(batches)]
    return uvloop.run(_copy(url, rows))


async def _copy(url: str, batches: Sequence[Sequence[BareRows]]) -> float:
    connection = await asyncpg.connect(url)
    tables = [
        (
            ("problems", PROBLEM_COLUMNS, [one.problem for one in batch]),
            ("timer", TIMER_COLUMNS, [one.timer for one in batch]),
            ("audit", AUDIT_COLUMNS, [one.audit for one in batch]),
            ("outbox", OUTBOX_COLUMNS, [astuple(event) for one in batch for event in one.events]),
        )
        for batch in batches
    ]
    began = time.perf_counter()
    for batch in tables:
        async with connection.transaction():
            for table, columns, records in batch:
                await connection.copy_records_to_table(table, columns=columns, records=records)
    seconds = time.perf_counter() - began
    await connection.close()
    return len(batches) * BATCH_ROWS / seconds
