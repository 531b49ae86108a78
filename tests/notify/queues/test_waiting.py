"""Long polls: woken at once, by the re-check in any case, and leasing nothing for who has gone."""

import asyncio
import time
from typing import Any

from services.notify.queues.waiting import RECHECK_SECONDS, waiting_of
from shared.messaging.running import pause
from tests.notify.conftest import LEAD, Notify, Story

_LISTENER = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'
"""


async def test_a_waiting_pull_wakes_with_the_commit_of_the_message(notify: Notify) -> None:
    waiting = asyncio.create_task(notify.queue().pull(wait_seconds=20))
    await someone_waits(notify)
    started = time.monotonic()
    await notify.hear(Story().tell())
    assert len(await waiting) == 1
    assert time.monotonic() - started < 2


async def test_a_waiting_pull_gets_what_another_consumers_lease_has_left(notify: Notify) -> None:
    await notify.hear(Story().tell())
    queue = notify.queue()
    (first,) = await queue.pull(lease_seconds=1)
    (again,) = await queue.pull(wait_seconds=20)
    assert (again["message_id"], again["delivery_count"]) == (first["message_id"], 2)


async def test_a_pull_that_waits_in_vain_comes_back_empty_in_time(notify: Notify) -> None:
    started = time.monotonic()
    assert await notify.queue().pull(wait_seconds=0.5) == []
    assert 0.5 <= time.monotonic() - started < 3


async def test_a_pull_is_woken_by_the_recheck_when_no_signal_came(notify: Notify) -> None:
    await notify.hear(Story().tell())
    async with notify.app.database.statement() as connection:
        await connection.execute("UPDATE messages SET state = 'CANCELLED' WHERE org = $1", LEAD)
    waiting = asyncio.create_task(notify.queue().pull(wait_seconds=20))
    await someone_waits(notify)
    started = time.monotonic()
    async with notify.app.database.statement() as connection:  # silently, as no command would
        await connection.execute("UPDATE messages SET state = 'QUEUED' WHERE org = $1", LEAD)
    assert len(await waiting) == 1
    assert time.monotonic() - started < RECHECK_SECONDS + 2


async def test_a_caller_who_has_gone_leases_nothing(notify: Notify) -> None:
    gone = asyncio.Event()
    answered: list[Any] = []
    body = b'{"wait_seconds": 20}'

    async def receive() -> dict[str, Any]:
        if not answered:
            answered.append("body")
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answered.append(message)

    headers = {
        **notify.queue().headers,
        "content-type": "application/json",
        "content-length": str(len(body)),
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/api/v1/queues/{LEAD}/pull",
        "raw_path": f"/api/v1/queues/{LEAD}/pull".encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    call = asyncio.create_task(notify.app.app(scope, receive, send))
    await someone_waits(notify)
    gone.set()
    await notify.hear(Story().tell())
    await asyncio.wait_for(call, 5)
    assert await notify.queue().stats() == {"queued": 1, "leased": 0, "dead": 0}


async def test_the_watch_comes_back_after_its_connection_was_lost(notify: Notify) -> None:
    lost = await listener(notify)
    async with notify.app.database.statement() as connection:
        await connection.execute("SELECT pg_terminate_backend($1)", lost)
    until = time.monotonic() + 10
    while await listener(notify) in (None, lost):
        assert time.monotonic() < until
        await pause(asyncio.Event(), 0.05)
    waiting = asyncio.create_task(notify.queue().pull(wait_seconds=20))
    await someone_waits(notify)
    await notify.hear(Story().tell())
    assert len(await waiting) == 1


async def listener(notify: Notify) -> int | None:
    """The server process of the connection that listens."""
    async with notify.app.database.statement() as connection:
        pid: int | None = await connection.fetchval(_LISTENER)
        return pid


async def someone_waits(notify: Notify) -> None:
    """Until a pull of the lead department waits."""
    until = time.monotonic() + 10
    while LEAD not in waiting_of(notify.app.runtime).organisations:
        assert time.monotonic() < until
        await pause(asyncio.Event(), 0.01)
