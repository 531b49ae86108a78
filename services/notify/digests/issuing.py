"""Issuing digests by real time."""

import asyncio

import structlog

from services.notify.digests.commands import issue_due
from shared.messaging.failures import describe
from shared.messaging.running import pause
from shared.runtime import Runtime

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 30.0


async def watch_digests(runtime: Runtime, stop: asyncio.Event) -> None:
    """Issue what falls due, until `stop`. Where time is simulated, the job `digests` does it."""
    if runtime.settings.simulation_clock:
        await stop.wait()
    await runtime.until_caught_up(stop)
    done: set[tuple[str, str]] = set()
    while not stop.is_set():
        try:
            number = await issue_due(runtime, done)
            if number:
                _log.info("digests_issued", digests=number)
        except Exception as error:  # noqa: BLE001 - what is due is still due at the next look
            _log.warning("digests_not_issued", error=describe(error))
        await pause(stop, LOOK_SECONDS)
