"""What reading costs as the ledger grows: a page, grouped statistics, a pull from a queue."""

import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from statistics import median

from bench.databases import opened, patient
from bench.findings import COUNTY, HOUSING
from bench.ledger import PROVINCE, fill_problems, fill_queues
from bench.load import KeepAlive, UnexpectedAnswer, request, run_load
from bench.readings import ITEMS, Reading, readings
from bench.rounds import Figure, alternate
from bench.stack import Bench
from services.inspection.kinds import CORRUPTION_PREFIX
from shared.database import Database
from shared.security import Role

FEW = 10_000
TURNS = {"inspection": 60, "notify": 15}

BEGIN_AGAIN = """
UPDATE messages SET state = 'QUEUED', leased_until = NULL, delivery_count = 0
 WHERE state = 'LEASED'
"""


@dataclass(frozen=True, slots=True)
class Size:
    """The ledger in one size: its databases and the ports of the services that read them."""

    databases: dict[str, Database]
    ports: dict[str, int]
    readings: Sequence[Reading]


async def measure(bench: Bench) -> list[Figure]:
    """Milliseconds of each call and of its statement alone, few rows beside many."""
    many = bench.options.sized(1_000_000, 50_000)
    async with AsyncExitStack() as stack:
        small = await _fill(bench, stack, FEW)
        large = await _fill(bench, stack, many)
        figures = []
        for few, reading in zip(small.readings, large.readings, strict=True):
            figures += await _compare(bench, (small, few), (large, reading), many)
        return figures


async def _fill(bench: Bench, stack: AsyncExitStack, rows: int) -> Size:
    databases, ports = {}, {}
    for service, fill in (("inspection", fill_problems), ("notify", fill_queues)):
        url = await bench.database(service)
        databases[service] = await stack.enter_async_context(opened(url, service))
        async with patient(databases[service]) as connection:
            await fill(connection, rows)
        ports[service] = bench.start_service(service, url).port
    await _check_sums(bench, databases["inspection"], ports["inspection"])
    cursor = await _half_way(bench, databases["inspection"], ports["inspection"])
    return Size(databases, ports, readings(bench, cursor))


async def _check_sums(bench: Bench, database: Database, port: int) -> None:
    """Statistics over sums that do not add up to the problems would measure nothing."""
    async with database.statement() as connection:
        seen: int = await connection.fetchval(
            "SELECT count(*) FROM problems WHERE NOT starts_with(kind, $1)", CORRUPTION_PREFIX
        )
    client = await KeepAlive.connect(port)
    token = bench.token(f"POV@{PROVINCE}", Role.POVERTY_OFFICE)
    found = json.loads(await client.expect(200, request("GET", "/stats/problems", token)))["found"]
    client.close()
    if found != seen:
        raise UnexpectedAnswer(f"the sums tell of {found} problems instead of {seen}")


async def _half_way(bench: Bench, database: Database, port: int) -> str:
    """The cursor of the page in the middle of the department's open list."""
    async with database.statement() as connection:
        waiting = await connection.fetchval(
            "SELECT count(*) FROM problems WHERE county_code = $1 AND lead_dept = 'HOUS'"
            " AND NOT finished",
            COUNTY,
        )
    token = bench.token(HOUSING, Role.DEPT_HANDLER)
    client = await KeepAlive.connect(port)
    cursor = ""
    for _ in range(waiting // 2 // ITEMS):
        after = f"&cursor={cursor}" if cursor else ""
        page = request("GET", f"/problems?limit={ITEMS}{after}", token)
        cursor = json.loads(await client.expect(200, page))["next_cursor"]
    client.close()
    return cursor


async def _compare(
    bench: Bench, small: tuple[Size, Reading], large: tuple[Size, Reading], rows: int
) -> list[Figure]:
    reading = large[1]
    sides = {"floor": small, "project": large}
    rounds = bench.options.rounds
    for one in sides.values():
        await _call(bench, *one)  # to be warm
    calls = await alternate({at: partial(_call, bench, *one) for at, one in sides.items()}, rounds)
    alone = await alternate({at: partial(_alone, *one) for at, one in sides.items()}, rounds)
    plan = await _plan(*large)
    bench.plans.append(f"{reading.name} at {rows:,}\n{plan}")
    used = reading.index in plan
    return [
        Figure(
            f"{reading.name}, {rows:,} ÷ {FEW:,}",
            "ms",
            median(calls["floor"]),
            median(calls["project"]),
            reading.goal,
            limit=reading.limit,
            fault="" if used else f"plan without {reading.index}",
        ),
        Figure(
            "  its statement alone",
            "ms",
            median(alone["floor"]),
            median(alone["project"]),
            limit=reading.limit,
        ),
    ]


async def _call(bench: Bench, size: Size, reading: Reading) -> float:
    """The median milliseconds of a call over HTTP, one after the other."""
    calls = [reading.call] * TURNS[reading.service]
    load = await bench.in_client(run_load, size.ports[reading.service], calls)
    if reading.service == "notify":
        async with patient(size.databases["notify"]) as connection:
            await connection.execute(BEGIN_AGAIN)
            await connection.execute("VACUUM messages")
    return 1000 * median(load.latencies)


async def _alone(size: Size, reading: Reading) -> float:
    """The median milliseconds of the statement, whose changes are taken back."""
    times = []
    async with size.databases[reading.service].statement() as connection:
        for _ in range(TURNS[reading.service]):
            undone = connection.transaction()
            await undone.start()
            began = time.perf_counter()
            await connection.fetch(reading.sql, *reading.parameters)
            times.append(time.perf_counter() - began)
            await undone.rollback()
    return 1000 * median(times)


async def _plan(size: Size, reading: Reading) -> str:
    async with size.databases[reading.service].statement() as connection:
        undone = connection.transaction()
        await undone.start()
        explain = f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {reading.sql}"
        lines = await connection.fetch(explain, *reading.parameters)
        await undone.rollback()
    return "\n".join(line[0] for line in lines)
