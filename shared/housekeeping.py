"""Deleting what is older than anyone may ask for, a little at a time."""

import asyncio
from datetime import timedelta

import structlog

from shared import clock
from shared.database import Database, delete_in_chunks
from shared.messaging.failures import describe
from shared.messaging.republish import purge
from shared.messaging.running import pause

_log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 3600.0
# How long an Idempotency-Key is remembered; what must never happen twice has a key of its own.
IDEMPOTENCY_DAYS = 30

_FORGET_KEYS = """
DELETE FROM idempotency
 WHERE (scope, key) IN (SELECT scope, key FROM idempotency WHERE created_at < $1 LIMIT $2)
RETURNING 1
"""


async def forget_keys(database: Database) -> int:
    """Delete idempotency keys older than `IDEMPOTENCY_DAYS`; answers how many."""
    before = clock.now() - timedelta(days=IDEMPOTENCY_DAYS)
    async with database.statement() as connection:
        return await delete_in_chunks(connection, _FORGET_KEYS, before)


async def keep_house(database: Database, stop: asyncio.Event) -> None:
    """Purge outbox, inbox and idempotency keys every hour until `stop` is set."""
    while not stop.is_set():
        await pause(stop, INTERVAL_SECONDS)
        if stop.is_set():
            return
        try:
            async with database.statement() as connection:
                purged = await purge(connection)
            _log.info("purged", outbox=purged.outbox, inbox=purged.inbox)
            await forget_keys(database)
        except Exception as error:  # noqa: BLE001 - what is old today is older in an hour
            _log.warning("purge_interrupted", cause=describe(error))
