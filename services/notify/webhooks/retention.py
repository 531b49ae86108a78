"""Deleting the log of attempts once it is old."""

import asyncio
from datetime import timedelta

import structlog

from services.notify.settings import NotifySettings
from services.notify.webhooks.commands import forget_attempts
from shared import clock
from shared.messaging.failures import describe
from shared.messaging.running import pause
from shared.runtime import Runtime

_log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 3600.0


async def tidy_attempts(runtime: Runtime, stop: asyncio.Event) -> None:
    """Delete attempts that are older than the configured days, every hour until `stop`; none where
    time is simulated."""
    assert isinstance(runtime.settings, NotifySettings)
    if runtime.settings.simulation_clock:
        await stop.wait()
    kept = timedelta(days=runtime.settings.webhook_log_days)
    while not stop.is_set():
        await pause(stop, INTERVAL_SECONDS)
        if stop.is_set():
            return
        try:
            await forget_attempts(runtime.database, clock.now() - kept)
        except Exception as error:  # noqa: BLE001 - what is old today is older in an hour
            _log.warning("attempts_not_forgotten", cause=describe(error))
