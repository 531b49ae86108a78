"""notify loses its database: from the topics it comes back with every queue and reminder."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.settings import StackSettings
from shared import clock
from tests.notify.queues.stores import IN_ORDER, LEASES_ASIDE
from tests.system.conftest import Stack, eventually
from tests.system.county import (
    HOUSING,
    INSPECTOR,
    OPERATOR,
    TOWNSHIP,
    WATER,
    drain,
    finding,
    warmed_up,
)

REBUILT_SECONDS = 120.0
REMINDERS = """
SELECT problem_id, due_on, kind, remind_on, level, remind_at, org, state
  FROM reminders ORDER BY problem_id, due_on, kind, remind_on
"""


async def state_of(server: EmbeddedPostgres) -> list[list[tuple[Any, ...]]]:
    """Every message, their order by problem and organisation, and every reminder."""
    connection = await asyncpg.connect(server.url("notify", "notify"))
    try:
        return [
            [tuple(row) for row in await connection.fetch(query)]
            for query in (LEASES_ASIDE, IN_ORDER, REMINDERS)
        ]
    finally:
        await connection.close()


async def settled_state(server: EmbeddedPostgres) -> list[list[tuple[Any, ...]]]:
    """The state once nothing has changed for two seconds."""
    state = await state_of(server)
    while True:
        await asyncio.sleep(2)
        later = await state_of(server)
        if later == state:
            return state
        state = later


def kill_service(port: int) -> None:
    """Kill the service process that listens on a port; its supervisor starts another."""
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"shared.serve" in words and str(port).encode() in words:
                os.kill(int(process.name), signal.SIGKILL)


async def live_some_weeks(stack: Stack) -> None:
    """Problems of all kinds of fate: read and unread, reminded of, moved, withdrawn, done."""
    began = clock.now() - timedelta(days=28)
    simulated = {"X_Now": began.isoformat()}
    found_on = clock.civil_date(began).isoformat()
    for tier in ("GENERAL", "GENERAL", "IMMEDIATE"):
        body = finding(found_on=found_on, tier=tier)
        await stack.ok("inspection", "POST", "/problems", INSPECTOR, body, **simulated)
    for kind in ("WATER_UNSAFE", "HOUSING_UNSAFE", "HOUSING_UNSAFE"):
        await stack.ok("inspection", "POST", "/problems", INSPECTOR, finding(kind=kind))
    taken = await stack.ok("inspection", "POST", "/problems", INSPECTOR, finding())
    path, body = f"/problems/{taken['id']}/withdraw", {"reason": "登记有误"}
    await stack.ok("inspection", "POST", path, INSPECTOR, body)
    await asyncio.sleep(1)
    for days in (21, 24, 27):
        as_of = (began + timedelta(days=days)).isoformat()
        body = {"job": "reminders", "as_of": as_of}
        await stack.ok("notify", "POST", "/ops/run", OPERATOR, body)
    await drain(stack, WATER)
    pull = {"max": 3, "wait_seconds": 0, "lease_seconds": 3600}
    path = f"/queues/{HOUSING[0]}"
    leased = await stack.ok("notify", "POST", f"{path}/pull", HOUSING, pull)
    for item in leased["items"][:2]:
        await stack.ok("notify", "POST", f"{path}/messages/{item['message_id']}/ack", HOUSING)
    await stack.ok("notify", "POST", f"/queues/{TOWNSHIP[0]}/pull", TOWNSHIP, pull)


async def test_queues_and_reminders_come_back_from_the_topics(stack: Stack) -> None:
    await warmed_up(stack)
    await live_some_weeks(stack)
    settings = StackSettings.from_environment(stack.environment)
    server = EmbeddedPostgres(stack.home)
    before = await settled_state(server)
    states = {row[8] for row in before[0]}
    assert states >= {"QUEUED", "ACKED", "CANCELLED"}
    assert {row[7] for row in before[2]} >= {"PLANNED", "SENT", "CANCELLED"}
    assert "REMINDER" in {row[4] for row in before[0]}

    kill_service(settings.port("notify"))
    server.drop_database("notify")
    server.create_database("notify", "notify")
    stack.migrate("notify", server.url("notify", "notify"))

    async def rebuilt() -> bool:
        return await state_of(server) == before

    async def ready() -> bool:
        try:
            answer = await stack.client.get(f"{settings.url('notify')}/readyz")
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    await eventually(ready, seconds=60, what="notify came back")
    try:
        await eventually(rebuilt, seconds=REBUILT_SECONDS, what="the store before")
    except AssertionError:
        assert await state_of(server) == before
    # And life goes on from there.
    problem = await stack.ok("inspection", "POST", "/problems", INSPECTOR, finding())

    async def arrived() -> bool:
        return any(item["problem_id"] == problem["id"] for item in await drain(stack, HOUSING))

    await eventually(arrived, seconds=10, what="a new problem in the queue")
