"""Streams end in time: when the service stops, and when a client never reads."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from uuid import UUID

import asyncpg
import pytest

from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.issuer import TokenIssuer
from tests.conftest import NewDatabase
from tests.faults.counts import count
from tests.faults.services import ServiceProcess, service
from tests.faults.stage import until
from tests.notify.conftest import LEAD
from tests.notify.streams.listener import Listener
from tests.notify.streams.recording import DISPATCHED, problem, record, subscribe


@pytest.fixture
async def notify(
    new_database: NewDatabase, broker: EmbeddedBroker, issuer: TokenIssuer, tmp_path: Path
) -> AsyncIterator[ServiceProcess]:
    """notify as a process of its own."""
    url = await new_database("notify")
    async with service("notify", url, broker.bootstrap, issuer, tmp_path / "notify.log") as process:
        await process.ready()
        yield process


def port_of(notify: ServiceProcess) -> int:
    """Where it listens."""
    port = notify.client.base_url.port
    assert port is not None
    return port


# -- Stopping --------------------------------------------------------------------------------------

OPEN = count(200, 1_000)
STOP_SECONDS = 10.0


async def test_a_service_stops_in_time_however_many_streams_are_open(
    notify: ServiceProcess, issuer: TokenIssuer
) -> None:
    authorization = f"Bearer {issuer.mint('tester', LEAD, ['dept_handler'])}"
    path = f"/api/v1/subscriptions/{await subscribed_at(notify.database_url)}/stream"
    port = port_of(notify)
    listeners = [await Listener.connect(port, path, authorization) for _ in range(OPEN)]
    for listener in listeners:
        await listener.read().opened()
    pulling = asyncio.create_task(
        notify.client.post(
            f"/api/v1/queues/{LEAD}/pull",
            json={"wait_seconds": 20},
            headers={"Authorization": authorization},
        )
    )
    await asyncio.wait([pulling], timeout=0.5)
    began = monotonic()
    notify.process.send_signal(signal.SIGTERM)
    for listener in listeners:
        *_, last = await listener.ended(STOP_SECONDS)
        assert (last.type, json.loads(last.data)) == ("end", {"reason": "STOPPING"})
        await listener.close()
    answer = await pulling
    assert (answer.status_code, answer.json()) == (200, {"items": []})
    await asyncio.wait_for(notify.process.wait(), STOP_SECONDS)
    assert monotonic() - began < STOP_SECONDS
    assert notify.process.returncode in (0, -signal.SIGTERM)


# -- A client that never reads ---------------------------------------------------------------------

LIFETIME_SECONDS = 4
TOO_MUCH = 200  # large events: more than the sockets hold, however far the kernel lets them grow


async def test_a_client_that_never_reads_is_cut_off_soon_after_its_token_has_expired(
    notify: ServiceProcess, issuer: TokenIssuer
) -> None:
    subscription_id = await subscribed_at(notify.database_url, TOO_MUCH)
    path = f"/api/v1/subscriptions/{subscription_id}/stream?from=start"

    async def are_open(streams: int) -> bool:
        return f"bangfu_streams_open {streams}.0" in (await notify.client.get("/metrics")).text

    token = issuer.mint("tester", LEAD, ["dept_handler"], LIFETIME_SECONDS)
    silent = await Listener.connect(port_of(notify), path, f"Bearer {token}")
    await until(lambda: are_open(1), 3, "the stream is open")
    await until(lambda: are_open(0), LIFETIME_SECONDS + 15, "the stream is given up")
    await silent.read().ended()
    assert silent.broken
    assert {event.type for event in silent.events} <= {DISPATCHED}
    await silent.close()


async def subscribed_at(url: str, recorded: int = 0) -> UUID:
    """The id of a new subscription in a database, which has recorded so many large events."""
    connection = await asyncpg.connect(url)
    try:
        subscription_id = await subscribe(connection, LEAD)
        for _ in range(recorded):
            await record(connection, subscription_id, problem(problem_no="9" * 50_000))
        return subscription_id
    finally:
        await connection.close()
