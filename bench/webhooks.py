"""Webhooks a second to a local receiver, beside a bare loop of httpx with the same concurrency."""

import asyncio
import json
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from uuid import UUID

import httpx

from bench.databases import patient
from bench.findings import HOUSING, finding
from bench.rounds import Figure, alternate
from bench.stack import Bench
from deploy.embedded.issuer import ISSUER
from services.notify.keys import keep_keys, keys_of
from services.notify.main import SERVICE
from services.notify.settings import NotifySettings
from services.notify.webhooks.domain import body_of
from services.notify.webhooks.queries import IN_FLIGHT
from services.notify.webhooks.sending import Sender
from services.notify.webhooks.signing import new_secret
from shared import clock
from shared.app import running
from shared.ids import new_id
from shared.privacy import load_key_ring
from shared.runtime import Runtime

GOAL = 0.5
TYPE = "inspection.problem.dispatched.v1"

_SUBSCRIBE = """
INSERT INTO subscriptions (subscription_id, org, channel, target, filters, state, created_at,
                           changed_at, event_sequence, last_position)
VALUES ($1, $2, 'WEBHOOK', $3, '{}', 'ACTIVE', now(), now(), 1, 0)
"""
_SIGNED_BY = """
INSERT INTO webhook_secrets (secret_id, subscription_id, sealed, created_at)
VALUES ($1, $2, $3, now())
"""
_UNLIMITED = """
INSERT INTO configuration VALUES ('51', 'webhook_per_second', '2020-01-01', '0', 'bench', now())
"""
_RECORD = """
WITH happened AS (
  INSERT INTO happenings (event_id, event_type, at, data)
  SELECT uuidv7(), $3, now(), $4::json FROM generate_series(1, $2) RETURNING event_id),
counted AS (
  UPDATE subscriptions SET last_position = last_position + $2 WHERE subscription_id = $1
  RETURNING last_position - $2 AS first)
INSERT INTO deliveries (subscription_id, position, event_id, problem_id, state, recorded_at,
                        next_at)
SELECT $1, first + row_number() OVER (), event_id, uuidv7(), 'PENDING', now(), now()
  FROM happened, counted
"""


async def measure(bench: Bench) -> list[Figure]:
    """Deliveries a second: signed, in order by problem, and recorded, beside bare requests."""
    number = bench.options.sized(10_000, 1_000)
    receiver = bench.start_python("receiver", ("bench.webhook_receiver",), {})
    target = f"http://127.0.0.1:{receiver.port}/"
    async with _runtime(await bench.database("notify")) as runtime:
        subscription_id = await _subscribed(runtime, target)

        async def project() -> float:
            return await _send(runtime, subscription_id, number)

        async def floor() -> float:
            return await _post(target, number)

        await _send(runtime, subscription_id, 100)
        rates = await alternate({"floor": floor, "project": project}, bench.options.rounds)
    name = f"{number:,} webhooks to one receiver, {IN_FLIGHT.default} at once"
    floors, projects = median(rates["floor"]), median(rates["project"])
    return [Figure(name, "/s", floors, projects, GOAL, at_most=False)]


async def _send(runtime: Runtime, subscription_id: UUID, number: int) -> float:
    """Deliveries a second until all are recorded as delivered."""
    data = {**finding(0), "problem_no": "511132-2020-000001", "state": "DISPATCHED"}
    async with patient(runtime.database) as connection:
        await connection.execute(_RECORD, subscription_id, number, TYPE, json.dumps(data))
        await connection.execute("VACUUM (ANALYZE) deliveries")
    began = time.perf_counter()
    sent = await Sender(runtime).drain()
    seconds = time.perf_counter() - began
    assert sent == number
    return number / seconds


async def _post(target: str, number: int) -> float:
    """Requests a second of bare workers with a body of the same size."""
    body = body_of(TYPE, clock.now(), event_id=new_id(), problem_id=new_id(), position=1)
    left = iter(range(number))

    async def work(client: httpx.AsyncClient) -> None:
        for _ in left:
            answer = await client.post(
                target, content=body, headers={"content-type": "application/json"}
            )
            assert answer.status_code == 200

    async with httpx.AsyncClient() as client:
        began = time.perf_counter()
        await asyncio.gather(*(work(client) for _ in range(IN_FLIGHT.default)))
        return number / (time.perf_counter() - began)


async def _subscribed(runtime: Runtime, target: str) -> UUID:
    """A webhook to `target` with a secret."""
    subscription_id, secret_id = new_id(), new_id()
    async with runtime.database.transaction() as session:
        connection = await session.driver()
        column = keys_of(session).column("webhook_secrets", "sealed")
        sealed = column.seal(new_secret(), secret_id)
        await connection.execute(_SUBSCRIBE, subscription_id, HOUSING, target)
        await connection.execute(_SIGNED_BY, secret_id, subscription_id, sealed)
        await connection.execute(_UNLIMITED)
    await runtime.configuration.load(runtime.database)
    return subscription_id


@asynccontextmanager
async def _runtime(database_url: str) -> AsyncIterator[Runtime]:
    """notify in this process, with none of its own loops."""
    with tempfile.TemporaryDirectory() as home:
        key_file = Path(home) / "field.key"
        key_file.touch(mode=0o600)
        key_file.write_text(secrets.token_hex(32))

        async def prepare(runtime: Runtime) -> None:
            keep_keys(runtime.database, load_key_ring(key_file))

        settings = NotifySettings(
            database_url=database_url,
            field_key_file=key_file,
            jwks_file=key_file,
            token_issuer=ISSUER,
            webhook_networks="127.0.0.0/8",
            webhook_ports="1-65535",
            webhook_plain_http=True,
            log_level="WARNING",
        )
        async with running(replace(SERVICE, prepare=prepare, loops=()), settings) as runtime:
            yield runtime
