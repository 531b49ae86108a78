"""A4, A20: the broker's absence and a stop under load, as callers of the real services see them."""

import asyncio
from pathlib import Path
from statistics import quantiles
from time import monotonic

import pytest

from deploy.embedded.issuer import TokenIssuer
from tests.conftest import NewDatabase
from tests.faults.counts import count, seconds
from tests.faults.proxy import Mode, Proxy
from tests.faults.services import DEPARTMENT, ServiceProcess, finding, service
from tests.faults.stage import until

# -- A4 ------------------------------------------------------------------------------------------

PROBLEMS = count(400, 10_000)
AWAY_SECONDS = seconds(3, 60)
CLIENTS = 8
SLOWER = 1.5
ARRIVED_SECONDS = 100


async def log_steadily(
    inspection: ServiceProcess, number: int, lasting: float
) -> tuple[list[str], list[float]]:
    """Log `number` problems spread over some seconds; all must succeed. Their ids, the times."""
    problems: list[str] = []
    taken: list[float] = []

    async def client(start: int) -> None:
        begun = monotonic()
        for place in range(start, number, CLIENTS):
            await asyncio.sleep(max(0, begun + lasting * place / number - monotonic()))
            started = monotonic()
            problem = await inspection.log()
            taken.append(monotonic() - started)
            assert problem is not None
            problems.append(problem)

    await asyncio.gather(*(client(start) for start in range(CLIENTS)))
    return problems, taken


def p99(taken: list[float]) -> float:
    """The 99th percentile."""
    return quantiles(taken, n=100)[98]


async def queued_problems(notify: ServiceProcess) -> list[str]:
    """The problems in the department's queue, once per message."""
    rows = await notify.fetch(f"SELECT problem_id FROM messages WHERE org = '{DEPARTMENT}'")
    return [str(row["problem_id"]) for row in rows]


async def lose_the_broker(
    new_database: NewDatabase,
    issuer: TokenIssuer,
    proxy: Proxy,
    tmp_path: Path,
    *inspection_command: str,
) -> None:
    """Log problems with the broker there, then with the broker away; check times and arrivals."""
    bootstrap = f"127.0.0.1:{proxy.port}"
    databases = {name: await new_database(name) for name in ("inspection", "notify")}
    async with (
        service(
            "inspection",
            databases["inspection"],
            bootstrap,
            issuer,
            tmp_path / "inspection.log",
            *inspection_command,
        ) as inspection,
        service(
            "notify", databases["notify"], bootstrap, issuer, tmp_path / "notify.log"
        ) as notify,
    ):
        expected, _ = await log_steadily(inspection, 50, 0.5)

        async def all_arrived() -> bool:
            return set(expected) <= set(await queued_problems(notify))

        await until(all_arrived, 60, "the first problems in the queue", every=0.5)
        problems, baseline = await log_steadily(inspection, PROBLEMS // 2, AWAY_SECONDS / 2)
        expected += problems
        proxy.use(Mode.BLACK_HOLE)
        problems, taken = await log_steadily(inspection, PROBLEMS, AWAY_SECONDS)
        assert len(problems) == PROBLEMS
        assert p99(taken) <= SLOWER * p99(baseline) + 0.02
        expected += problems
        proxy.use(Mode.PASS)
        print("arrived after", await until(all_arrived, ARRIVED_SECONDS, "all problems in the queue", every=0.5), p99(baseline), p99(taken))
        queued = await queued_problems(notify)
        assert len(queued) == len(set(queued))


async def test_the_api_does_not_notice_that_the_broker_is_away_and_nothing_is_lost(
    new_database: NewDatabase, issuer: TokenIssuer, broker_proxy: Proxy, tmp_path: Path
) -> None:
    await lose_the_broker(new_database, issuer, broker_proxy, tmp_path)


async def test_control_publishing_inside_the_request_fails_with_the_broker(
    new_database: NewDatabase, issuer: TokenIssuer, broker_proxy: Proxy, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError):
        await lose_the_broker(
            new_database, issuer, broker_proxy, tmp_path, "tests.faults.publishing_api"
        )
