"""A4, A20: the broker's absence and a stop under load, as callers of the real services see them."""

import asyncio
import random
import signal
from pathlib import Path
from statistics import quantiles
from time import monotonic
from typing import Any

import httpx
import pytest

from deploy.embedded.issuer import TokenIssuer
from shared.database import Database
from shared.messaging.settings import KafkaSettings
from tests.conftest import NewDatabase
from tests.faults.conftest import NewToys
from tests.faults.counts import FULL, count, seconds
from tests.faults.proxy import Mode, Proxy
from tests.faults.services import DEPARTMENT, ServiceProcess, service
from tests.faults.stage import until, until_drained, worker
from tests.faults.toys import count_in_bulk, new_tallies
from tests.system.county import finding

# -- A4 ------------------------------------------------------------------------------------------

PROBLEMS = count(400, 10_000)
AWAY_SECONDS = seconds(2, 60)
AWAY = (Mode.ABORT, Mode.BLACK_HOLE) if FULL else (Mode.ABORT,)
CLIENTS = 8
SLOWER = 1.5
NOISE_SECONDS = 0.02
ARRIVED_SECONDS = 60


async def log_steadily(
    inspection: ServiceProcess, number: int, lasting: float
) -> tuple[list[str], float]:
    """Log problems spread over some seconds; all must succeed. Their ids, and the p99 of times."""
    problems: list[str] = []
    taken: list[float] = []
    begun = monotonic()

    async def client(start: int) -> None:
        for place in range(start, number, CLIENTS):
            await asyncio.sleep(max(0, begun + lasting * place / number - monotonic()))
            started = monotonic()
            problem = await inspection.log()
            taken.append(monotonic() - started)
            assert problem is not None
            problems.append(problem)

    await asyncio.gather(*(client(start) for start in range(CLIENTS)))
    return problems, quantiles(taken, n=100)[98]


async def log_without_the_broker(inspection: ServiceProcess, proxy: Proxy, away: Mode) -> list[str]:
    """Log problems with the broker there, then with it away: all are taken, and as fast."""
    before, baseline = await log_steadily(inspection, PROBLEMS // 4, AWAY_SECONDS / 4)
    proxy.use(away)
    meanwhile, taken = await log_steadily(inspection, PROBLEMS, AWAY_SECONDS)
    if FULL:  # the small counts are too few to say anything about time on a shared machine
        assert taken <= SLOWER * baseline + NOISE_SECONDS
    return before + meanwhile


async def queued_problems(notify: ServiceProcess) -> list[str]:
    """The problems in the department's queue, once per message."""
    rows = await notify.fetch(f"SELECT problem_id FROM messages WHERE org = '{DEPARTMENT}'")
    return [str(row["problem_id"]) for row in rows]


@pytest.mark.parametrize("away", AWAY)
async def test_the_api_does_not_notice_that_the_broker_is_away_and_nothing_is_lost(
    new_database: NewDatabase, issuer: TokenIssuer, apache_proxy: Proxy, tmp_path: Path, away: Mode
) -> None:
    bootstrap = f"127.0.0.1:{apache_proxy.port}"
    urls = {name: await new_database(name) for name in ("inspection", "notify")}
    async with (
        service("notify", urls["notify"], bootstrap, issuer, tmp_path / "notify.log") as notify,
        service(
            "inspection", urls["inspection"], bootstrap, issuer, tmp_path / "inspection.log"
        ) as inspection,
    ):
        await asyncio.gather(notify.ready(), inspection.ready())
        logged, _ = await log_steadily(inspection, 50, 0.5)

        async def all_arrived() -> bool:
            return set(logged) <= set(await queued_problems(notify))

        await until(all_arrived, 60, "the first problems in the queue", every=0.2)
        logged += await log_without_the_broker(inspection, apache_proxy, away)
        apache_proxy.use(Mode.PASS)
        await until(all_arrived, ARRIVED_SECONDS, "all problems in the queue", every=0.2)
        assert sorted(await queued_problems(notify)) == sorted(logged)


async def test_control_publishing_inside_the_request_fails_with_the_broker(
    new_database: NewDatabase, issuer: TokenIssuer, apache_proxy: Proxy, tmp_path: Path
) -> None:
    bootstrap, url = f"127.0.0.1:{apache_proxy.port}", await new_database("inspection")
    broken = ("tests.faults.publishing_api",)
    async with service(
        "inspection", url, bootstrap, issuer, tmp_path / "log", broken
    ) as inspection:
        await inspection.ready()
        with pytest.raises(AssertionError):
            await log_without_the_broker(inspection, apache_proxy, Mode.ABORT)


# -- A20 -----------------------------------------------------------------------------------------

IN_FLIGHT = 100
BATCH_ROWS = 500
EXIT_SECONDS = 10


@pytest.mark.parametrize("broker", [Mode.PASS, Mode.BLACK_HOLE])
async def test_a_stop_under_load_is_quick_and_acknowledges_exactly_what_is_committed(
    new_database: NewDatabase,
    issuer: TokenIssuer,
    apache_proxy: Proxy,
    tmp_path: Path,
    seed: int,
    broker: Mode,
) -> None:
    bootstrap, url = f"127.0.0.1:{apache_proxy.port}", await new_database("inspection")
    async with service("inspection", url, bootstrap, issuer, tmp_path / "log") as inspection:
        await inspection.ready()
        await log_steadily(inspection, 20, 0.2)
        before = await committed(inspection)
        apache_proxy.use(broker)
        singles = [finding() for _ in range(IN_FLIGHT)]
        batch = [finding() for _ in range(BATCH_ROWS)]
        requests = [asyncio.create_task(answered(inspection, body)) for body in singles]
        requests.append(asyncio.create_task(batch_answered(inspection, batch)))
        await asyncio.sleep(random.Random(seed).uniform(0.01, 0.2))
        inspection.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(inspection.process.wait(), EXIT_SECONDS) in (0, -15, 143)
        acknowledged = {ref for refs in await asyncio.gather(*requests) for ref in refs}
        assert await committed(inspection) - before == acknowledged


async def committed(inspection: ServiceProcess) -> set[str]:
    """What the problems in the database are about."""
    return {row["object_ref"] for row in await inspection.fetch("SELECT object_ref FROM problems")}


async def answered(inspection: ServiceProcess, body: dict[str, Any]) -> set[str]:
    """What a single request was acknowledged to have logged."""
    return set() if await inspection.log(body) is None else {body["object"]["id"]}


async def batch_answered(inspection: ServiceProcess, rows: list[dict[str, Any]]) -> set[str]:
    """What a batch was acknowledged to have logged: all of it or nothing."""
    try:
        answer = await inspection.client.post("/api/v1/problems:batch", json={"rows": rows})
    except httpx.TransportError:
        return set()
    return {row["object"]["id"] for row in rows} if answer.status_code == 201 else set()


async def stop_without_the_broker(
    new_toys: NewToys, proxy: Proxy, relay: str, within_seconds: float
) -> None:
    """Ask a relay to stop that waits for a broker which does not answer."""
    publisher: Database = await new_toys()
    tallies = await new_tallies(publisher, 10)
    settings = KafkaSettings(f"127.0.0.1:{proxy.port}")
    async with worker("relay", {"database": publisher.url, "relay": relay}, settings) as process:
        await count_in_bulk(publisher, tallies, 1)
        await until_drained(publisher, 20)
        proxy.use(Mode.BLACK_HOLE)
        await count_in_bulk(publisher, tallies, 1)
        await asyncio.sleep(0.5)
        process.terminate()
        await asyncio.wait_for(process.wait(), within_seconds)


async def test_a_relay_stops_in_time_while_the_broker_does_not_answer(
    new_toys: NewToys, apache_proxy: Proxy
) -> None:
    relay = "shared.messaging.relay:Relay"
    await stop_without_the_broker(new_toys, apache_proxy, relay, EXIT_SECONDS)


async def test_control_a_relay_that_waits_for_its_producer_to_stop_does_not_end(
    new_toys: NewToys, apache_proxy: Proxy
) -> None:
    relay = "tests.faults.broken:EndlesslyStoppingRelay"
    with pytest.raises(TimeoutError):
        await stop_without_the_broker(new_toys, apache_proxy, relay, seconds(5, EXIT_SECONDS))
