"""How long a logged problem takes into the department's queue, and how many a second go through."""

import json
from collections.abc import Sequence
from functools import partial
from statistics import median

import uvloop

from bench import bare_pipeline
from bench.databases import opened
from bench.findings import HOUSING, INSPECTORS
from bench.following import Followed, follow
from bench.load import KeepAlive, percentile, request
from bench.log_problem import CLIENTS, log_requests
from bench.rounds import Figure, alternate
from bench.stack import Bench
from shared.messaging.settings import KafkaSettings
from shared.messaging.topics import ensure_topics

RATE = 50.0
P50_GOAL, P99_GOAL, RATE_GOAL = 1.5, 2.5, 0.7
PULL = {"max": 100, "wait_seconds": 20, "lease_seconds": 3600}


async def measure(bench: Bench) -> list[Figure]:
    """Milliseconds at a steady rate, and problems a second at full speed."""
    steady = bench.options.sized(300, 150)
    many = bench.options.sized(2_000, 400)
    settings = bench.start_broker()
    floor_urls = await _start_bare(bench, settings)
    inspection = bench.start_service("inspection", await bench.database("inspection"))
    notify = bench.start_service("notify", await bench.database("notify"))
    token, pull_token = bench.token(INSPECTORS, "inspector"), bench.token(HOUSING, "dept_handler")

    async def project(number: int, rate: float | None) -> Followed:
        requests = log_requests(token, number, "HOUSING_UNSAFE")
        pull = request("POST", f"/queues/{HOUSING}/pull", pull_token, PULL)
        ports = inspection.port, notify.port
        return await bench.in_client(follow_services, ports, requests, pull, rate)

    async def floor(number: int, rate: float | None) -> Followed:
        return await bench.in_client(bare_pipeline.follow_bare, *floor_urls, number, rate)

    for end in (project, floor):
        await end(100, RATE)  # to be warm, and joined to the consumers' groups
    rounds = bench.options.rounds
    slow = await alternate(
        {"floor": partial(floor, steady, RATE), "project": partial(project, steady, RATE)}, rounds
    )
    fast = await alternate(
        {"floor": partial(floor, many, None), "project": partial(project, many, None)}, rounds
    )
    return [
        _delay("p50", 50, slow, P50_GOAL),
        _delay("p99", 99, slow, P99_GOAL),
        Figure(
            "problems logged and pulled, sustained",
            "/s",
            median(one.rate for one in fast["floor"]),
            median(one.rate for one in fast["project"]),
            RATE_GOAL,
            at_most=False,
        ),
    ]


def _delay(name: str, hundredth: int, followed: dict[str, list[Followed]], goal: float) -> Figure:
    floor, project = (
        median(1000 * percentile(one.delays, hundredth) for one in followed[side])
        for side in ("floor", "project")
    )
    return Figure(f"problem logged to pulled at {RATE:g}/s, {name}", "ms", floor, project, goal)


async def _start_bare(bench: Bench, settings: KafkaSettings) -> tuple[str, str]:
    """The floor's relay and consumer, and the databases at its two ends."""
    first, second = await bench.database("inspection"), await bench.database("notify")
    await ensure_topics(settings.bootstrap, [bare_pipeline.TOPIC])
    async with opened(first, "inspection") as database, database.statement() as connection:
        await connection.execute(bare_pipeline.WAKE)
    bench.beside(bare_pipeline.relay, first, settings)
    bench.beside(bare_pipeline.consume, second, settings)
    return first, second


def follow_services(
    ports: tuple[int, int], requests: Sequence[bytes], pull: bytes, rate: float | None
) -> Followed:
    """Log at one service and pull at the other, in a process of its own."""
    return uvloop.run(_follow(ports, requests, pull, rate))


async def _follow(
    ports: tuple[int, int], requests: Sequence[bytes], pull: bytes, rate: float | None
) -> Followed:
    waiting = iter(requests)
    connections = [await KeepAlive.connect(ports[0]) for _ in range(CLIENTS)]
    puller = await KeepAlive.connect(ports[1])

    async def log(connection: KeepAlive) -> str:
        problem_id: str = json.loads(await connection.expect(201, next(waiting)))["id"]
        return problem_id

    async def arrivals() -> list[str]:
        answer = json.loads(await puller.expect(200, pull))
        return [item["problem_id"] for item in answer["items"]]

    followed = await follow(
        [partial(log, one) for one in connections], arrivals, len(requests), rate
    )
    for connection in (*connections, puller):
        connection.close()
    return followed
