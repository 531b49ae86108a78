"""Watching the sendings of answers to petitioners for their end."""

import asyncio
from datetime import timedelta

import structlog

from services.notify.feedback.commands import ADDRESS_DAYS, erase_addresses, note_ended
from shared import clock
from shared.messaging.failures import describe
from shared.messaging.running import pause
from shared.runtime import Runtime

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 2.0
ROUNDS_PER_HOUR = 1800


async def watch_feedback(runtime: Runtime, stop: asyncio.Event) -> None:
    """Note how answers ended, and every hour erase addresses that are no longer needed, until
    `stop`; what was made in simulated time is left to the job."""
    rounds = 0
    while not stop.is_set():
        try:
            async with runtime.database.transaction() as session:
                await note_ended(session, include_simulated=False)
            if rounds % ROUNDS_PER_HOUR == 0:
                days = runtime.configuration.value(ADDRESS_DAYS, "", clock.today())
                await erase_addresses(runtime.database, clock.now() - timedelta(days=days))
            rounds += 1
        except Exception as error:  # noqa: BLE001 - what has ended is noted later
            _log.warning("feedback_not_watched", error=describe(error))
        await pause(stop, LOOK_SECONDS)
