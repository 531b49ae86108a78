"""A thousand clients of server-sent events on one process: its memory, and how late events come."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import cast

import uvloop

from bench.databases import opened, until
from bench.findings import HOUSING
from bench.ledger import VILLAGE
from bench.load import KeepAlive, percentile, request
from bench.rounds import Figure
from bench.stack import Bench, Process
from services.notify.feeds.recording import CHANNEL
from services.notify.streams.domain import event_frame
from shared import clock
from shared.ids import new_id
from shared.security import Role

CLIENTS = 1_000
MEGABYTES = 250.0
EVERY_SECONDS = 0.2
LIMIT_SECONDS = 60.0
DISPATCHED = "inspection.problem.dispatched.v1"

SUBSCRIBE = """
INSERT INTO subscriptions (subscription_id, org, channel, filters, state, created_at, changed_at,
                           event_sequence, last_position)
SELECT id, $2, 'SSE', '{}', 'ACTIVE', $3, $3, 0, 0 FROM unnest($1::uuid[]) AS one(id)
"""
RECORD = f"""
WITH drawn AS (
  UPDATE subscriptions SET last_position = last_position + 1
  RETURNING subscription_id, last_position),
happened AS (
  INSERT INTO happenings (event_id, event_type, at, data) VALUES ($1, $2, $3, $4)),
recorded AS (
  INSERT INTO deliveries (subscription_id, position, event_id, state, recorded_at)
  SELECT subscription_id, last_position, $1, 'RECORDED', $3 FROM drawn)
SELECT count(pg_notify('{CHANNEL}', subscription_id::text)) FROM drawn
"""
DATA = {
    "problem_id": "019df9a0-0000-7000-8000-000000000001",
    "problem_no": "511132-2026-000001",
    "kind": "HOUSING_UNSAFE",
    "tier": "GENERAL",
    "severity": "GENERAL",
    "state": "DISPATCHED",
    "due_on": "2026-12-31",
    "village_code": VILLAGE,
    "lead_dept": HOUSING,
}
METRICS = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
OPEN = re.compile(rb"^bangfu_streams_open (\S+)", re.MULTILINE)
AT = re.compile(rb'"at":"([^"]+)".*"position":(\d+)')


@dataclass(frozen=True, slots=True)
class Heard:
    """What clients heard: whether each got every event once and in order, and how late."""

    complete: bool
    seconds: Sequence[float]


class Client(asyncio.Protocol):
    """One stream; notes each event's position and how old it was."""

    def __init__(self, asked: bytes, expected: int) -> None:
        self._asked = asked
        self._expected = expected
        self._rest = b""
        self.positions: list[int] = []
        self.seconds: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        cast("asyncio.Transport", transport).write(self._asked)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        now = time.time()
        *frames, self._rest = (self._rest + data).split(b"\n\n")
        for frame in frames:
            found = AT.search(frame)
            if found is not None:
                self.positions.append(int(found[2]))
                self.seconds.append(now - datetime.fromisoformat(found[1].decode()).timestamp())
        if len(self.positions) >= self._expected and not self.done.done():
            self.done.set_result(None)


async def _listen(port: int, asked: Sequence[bytes], expected: int) -> Heard:
    loop = asyncio.get_running_loop()
    clients = []
    for one in asked:
        _, client = await loop.create_connection(partial(Client, one, expected), "127.0.0.1", port)
        clients.append(client)
    await asyncio.wait([client.done for client in clients], timeout=LIMIT_SECONDS)
    wanted = list(range(1, expected + 1))
    return Heard(
        all(client.positions == wanted for client in clients),
        [one for client in clients for one in client.seconds],
    )


def listen(port: int, asked: Sequence[bytes], expected: int) -> Heard:
    """Listen to so many streams until each has brought so many events."""
    return uvloop.run(_listen(port, asked, expected))


async def measure(bench: Bench) -> list[Figure]:
    """Megabytes and delays: a thousand streams of as many subscriptions, and of a single one."""
    events = bench.options.sized(100, 20)
    figures = []
    for subscriptions in (CLIENTS, 1):
        floor, bare = await _bare(bench, events)
        heard, process = await _streams(bench, subscriptions, events)
        fault = "" if heard.complete and floor.complete else "an event was lost or came twice"
        name = f"{CLIENTS:,} streams of {subscriptions:,} subscription" + "s" * (subscriptions > 1)
        figures.append(
            Figure(f"memory with {name}", "MB", bare, process, limit=MEGABYTES, fault=fault)
        )
        figures += [
            Figure(
                f"  an event at all of them, p{hundredth}",
                "ms",
                1000 * percentile(floor.seconds, hundredth),
                1000 * percentile(heard.seconds, hundredth),
            )
            for hundredth in (50, 99)
        ]
    return figures


async def _streams(bench: Bench, subscriptions: int, events: int) -> tuple[Heard, float]:
    url = await bench.database("notify")
    process = bench.start_service("notify", url)
    ids = [new_id() for _ in range(subscriptions)]
    token = bench.token(HOUSING, Role.DEPT_HANDLER)
    asked = [
        request("GET", f"/subscriptions/{ids[number % subscriptions]}/stream", token)
        for number in range(CLIENTS)
    ]
    async with opened(url, "notify") as database, database.statement() as connection:
        await connection.execute(SUBSCRIBE, ids, HOUSING, clock.now())

        async def record(_position: int) -> None:
            now = clock.now()
            await connection.execute(RECORD, new_id(), DISPATCHED, now, json.dumps(DATA))

        return await _heard(bench, process, asked, events, record)


async def _bare(bench: Bench, events: int) -> tuple[Heard, float]:
    process = bench.start_python("bare", ("bench.bare_streams",), {})
    _, writer = await asyncio.open_connection("127.0.0.1", process.port)
    writer.write(b"POST")
    event_id = str(new_id())

    async def post(position: int) -> None:
        at = {"event_id": event_id, "event_type": DISPATCHED, "at": clock.now().isoformat()}
        data = {name: value for name, value in DATA.items() if name != "lead_dept"}
        link = f"/api/v1/problems/{DATA['problem_id']}"
        writer.write(
            event_frame(position, DISPATCHED, at | data | {"link": link, "position": position})
        )

    asked = [request("GET", "/stream", "none")] * CLIENTS
    try:
        return await _heard(bench, process, asked, events, post)
    finally:
        writer.close()


async def _heard(
    bench: Bench,
    process: Process,
    asked: Sequence[bytes],
    events: int,
    tell: Callable[[int], Awaitable[None]],
) -> tuple[Heard, float]:
    """What the clients of a process heard of the events told, and its memory with all of them."""
    listening = asyncio.create_task(bench.in_client(listen, process.port, asked, events))

    async def all_listen() -> bool:
        return await _open_streams(process.port) == len(asked)

    await until(all_listen)
    for position in range(1, events + 1):
        await tell(position)
        await asyncio.sleep(EVERY_SECONDS)
    heard = await listening
    memory = process.memory
    bench.stop_processes()
    return heard, memory


async def _open_streams(port: int) -> int:
    client = await KeepAlive.connect(port)
    _, figures = await client.ask(METRICS)
    client.close()
    found = OPEN.search(figures)
    return 0 if found is None else int(float(found[1]))
