"""Loops that run until they are told to stop, and that stop in bounded time whatever hangs."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

GRACE_SECONDS = 2.0


async def run_until_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Run a loop that watches `stop` itself; what still hangs after a grace period is cancelled.

    The loop ends by itself between two critical sections; only one that waits for an unreachable
    server meets the cancellation, and then has as long again for its `finally` blocks.
    """
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({task}, timeout=GRACE_SECONDS)
    finally:
        stopped.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE_SECONDS)
    if task.done() and not task.cancelled():
        task.result()


async def pause(event: asyncio.Event, seconds: float) -> None:
    """Wait until `event` is set, at most `seconds`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def ended(work: Coroutine[Any, Any, object], seconds: float) -> bool:
    """Whether `work` ended well within `seconds`; otherwise it is cancelled.

    For closing clients: whatever they raise, a cancellation of their own included, stays here.
    """
    task = asyncio.create_task(work)
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=seconds)
    return task.done() and not task.cancelled() and task.exception() is None
