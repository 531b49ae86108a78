"""Deleting what was kept for subscribers long enough."""

import asyncio
from datetime import timedelta

import structlog

from services.notify.settings import NotifySettings
from shared import clock
from shared.database import Database, delete_in_chunks
from shared.messaging.failures import describe
from shared.messaging.running import pause
from shared.runtime import Runtime

_log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 3600.0

# What waits to be delivered stays however old it is, unless nobody wants it any more.
_FORGET = """
DELETE FROM deliveries
 WHERE (subscription_id, position) IN (
       SELECT d.subscription_id, d.position FROM deliveries d
        WHERE d.recorded_at < $1
          AND (d.state IN ('DELIVERED', 'RECORDED')
               OR EXISTS (SELECT FROM subscriptions s
                           WHERE s.subscription_id = d.subscription_id AND s.state = 'DELETED'))
        ORDER BY d.recorded_at LIMIT $2)
RETURNING 1
"""


async def forget_deliveries(database: Database, days: int) -> int:
    """Delete what was delivered, or recorded for a stream, and is older than so many days; how
    many. What a webhook was not given is kept for as long as its subscription lives."""
    before = clock.now() - timedelta(days=days)
    async with database.statement() as connection:
        return await delete_in_chunks(connection, _FORGET, before)


async def tidy_deliveries(runtime: Runtime, stop: asyncio.Event) -> None:
    """Delete old deliveries every hour until `stop`; none where time is simulated: what was
    recorded months ahead or ago is not old."""
    assert isinstance(runtime.settings, NotifySettings)
    if runtime.settings.simulation_clock:
        await stop.wait()
    while not stop.is_set():
        await pause(stop, INTERVAL_SECONDS)
        if stop.is_set():
            return
        try:
            await forget_deliveries(runtime.database, runtime.settings.delivery_retention_days)
        except Exception as error:  # noqa: BLE001 - what is old today is older in an hour
            _log.warning("deliveries_not_forgotten", cause=describe(error))
