"""D11: a dead endpoint costs the others nothing, and gets what it missed."""

import asyncio
from statistics import median, quantiles
from time import monotonic
from typing import Any

import httpx
import pytest

from services.notify.webhooks import lanes
from services.notify.webhooks.posting import Outcome, post
from tests.faults.counts import count
from tests.faults.receiver import answer, silence
from tests.faults.stage import until
from tests.notify.webhooks.endpoints import Endpoint, Hooks

DEAD_PENDING = count(1_000, 10_000)
ROUNDS = count(6, 60)
AT_ONCE = 5
TOLERATED = 1.10
# What two runs of the same thing differ by on a machine that does other things too.
MARGIN_SECONDS = 0.05
# A dead endpoint would delay the others each time; a machine that stands still a moment does once.
ATTEMPTS = 3


async def delays(endpoints: list[Endpoint]) -> list[float]:
    """Seconds from a delivery's record to its arrival, for small groups of them."""
    found: list[float] = []
    for _ in range(ROUNDS):
        for endpoint in endpoints:
            known, began = len(endpoint.requests), monotonic()
            await endpoint.record(AT_ONCE)

            async def come(endpoint: Endpoint = endpoint, known: int = known) -> bool:
                return len(endpoint.requests) >= known + AT_ONCE

            await until(come, 30, "delivered", every=0.02)
            found += [request.at - began for request in endpoint.requests[known:]]
    return found


async def beside_a_dead_endpoint(
    hooks: Hooks, path: str
) -> tuple[list[float], list[float], Endpoint]:
    """The delays of others without and with an endpoint that never answers, and that endpoint."""
    others = [await hooks.open(f"{path}-{number}") for number in range(3)]
    dead = await hooks.open(path)
    await delays(others[:1])  # connections and caches are warm for both
    without = await delays(others)
    hooks.receiver.script(path, silence)
    await dead.record(DEAD_PENDING)
    await hooks.receiver.until(2, path)
    return without, await delays(others), dead


def are_delayed(without: list[float], beside: list[float]) -> bool:
    """Whether median or 95th percentile have grown by more than a tenth."""
    figures = [(median(found), quantiles(found, n=20)[-1]) for found in (without, beside)]
    return any(
        after > TOLERATED * before + MARGIN_SECONDS for before, after in zip(*figures, strict=True)
    )


async def test_a_dead_endpoint_delays_nobody_and_gets_what_it_missed(hooks: Hooks) -> None:
    await hooks.configure(timeout_seconds=4.0)
    for attempt in range(1, ATTEMPTS + 1):
        without, beside, dead = await beside_a_dead_endpoint(hooks, f"/d11-{attempt}")
        if not are_delayed(without, beside):
            break
        assert attempt < ATTEMPTS, (without, beside)
    assert await dead.states() == {"PENDING": DEAD_PENDING}
    assert len(dead.requests) <= 16
    hooks.receiver.script(f"/d11-{attempt}", answer(204))
    tested = await dead.call("POST", "/test")
    assert tested.json()["succeeded"]
    await dead.until_settled(120)
    known = len(dead.requests)
    replay = {"from_position": 11, "to_position": 110}
    assert (await dead.call("POST", "/replay", replay)).json() == {"deliveries": 100}
    await dead.until_settled()
    again = [dead.verified(request)["data"]["position"] for request in dead.requests[known:]]
    assert sorted(again) == list(range(11, 111))


async def test_control_slots_in_common_let_a_dead_endpoint_hold_everybody(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = asyncio.Semaphore(8)

    async def post_in_turn(client: httpx.AsyncClient, *arguments: Any) -> Outcome:
        async with slots:
            return await post(client, *arguments)

    monkeypatch.setattr(lanes, "post", post_in_turn)
    await hooks.configure(timeout_seconds=4.0)
    without, beside, _ = await beside_a_dead_endpoint(hooks, "/d11")
    assert are_delayed(without, beside)
