"""The chores of every service: delete what is older than anyone may ask for, a little at a time,
and take up configured values that a sister process has changed."""

from datetime import timedelta

import structlog

from shared import clock
from shared.chores import HOUR, Chore
from shared.configuration import Configuration
from shared.database import delete_in_chunks
from shared.messaging.republish import purge
from shared.runtime import Runtime

_log = structlog.get_logger(__name__)

# How long an Idempotency-Key is remembered; what must never happen twice has a key of its own.
IDEMPOTENCY_DAYS = 30

_FORGET_KEYS = """
DELETE FROM idempotency
 WHERE (scope, key) IN (SELECT scope, key FROM idempotency WHERE created_at < $1 LIMIT $2)
RETURNING 1
"""


async def forget_keys(runtime: Runtime) -> int:
    """Delete idempotency keys older than `IDEMPOTENCY_DAYS`; answers how many."""
    before = clock.now() - timedelta(days=IDEMPOTENCY_DAYS)
    async with runtime.database.statement() as connection:
        return await delete_in_chunks(connection, _FORGET_KEYS, before)


async def purge_messages(runtime: Runtime) -> None:
    """Delete what outbox and inbox need not remember any longer."""
    async with runtime.database.statement() as connection:
        purged = await purge(connection)
    _log.info("purged", outbox=purged.outbox, inbox=purged.inbox)


async def refresh_configuration(runtime: Runtime) -> None:
    """Read the configured values again."""
    await runtime.configuration.load(runtime.database)


CHORES = (
    Chore("refresh_configuration", refresh_configuration, Configuration.REFRESH_SECONDS),
    Chore("purge_messages", purge_messages, HOUR),
    Chore("forget_keys", forget_keys, HOUR),
)
