"""Deleting what was kept for subscribers long enough."""

from datetime import timedelta

from services.notify.settings import NotifySettings
from shared import clock
from shared.chores import HOUR, Chore
from shared.database import Database, delete_in_chunks
from shared.runtime import Runtime

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


async def tidy_deliveries(runtime: Runtime) -> None:
    """Delete old deliveries."""
    assert isinstance(runtime.settings, NotifySettings)
    await forget_deliveries(runtime.database, runtime.settings.delivery_retention_days)


# In simulated time what was recorded months ahead or ago is not old.
CHORES = (Chore("tidy_deliveries", tidy_deliveries, HOUR, real_time_only=True),)
