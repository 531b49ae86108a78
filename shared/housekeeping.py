"""The chores of every service: have grown tables counted, take up configured values that a sister
process has changed, delete what is older than anyone may ask for, a little at a time."""

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

STATISTICS_SECONDS = 5.0
CHANGED_ROWS = 1000
# Twice as large as when it was last counted, or half of it replaced: a handful of times in the life
# of a table, and what autovacuum does about a tenth stays as it is. Whoever does not own the tables
# would be refused every time.
_CHANGED = """
SELECT relid::regclass::text AS name FROM pg_stat_user_tables JOIN pg_class ON oid = relid
 WHERE n_mod_since_analyze >= $1 AND n_mod_since_analyze >= n_live_tup / 2
   AND pg_has_role(relowner, 'USAGE')
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


async def keep_statistics(runtime: Runtime) -> list[str]:
    """Have the server count again the tables of which much has changed; answers their names.

    A connection keeps its plans until the tables are counted again. Those made while a table was
    nearly empty, when any way looked short, would read all of it once it has grown; autovacuum
    looks every minute only, and an import is over by then.
    """
    async with runtime.database.statement() as connection:
        tables = [row["name"] for row in await connection.fetch(_CHANGED, CHANGED_ROWS)]
        for table in tables:
            await connection.execute(f"ANALYZE (SKIP_LOCKED) {table}")
    return tables


CHORES = (
    Chore("keep_statistics", keep_statistics, STATISTICS_SECONDS),
    Chore("refresh_configuration", refresh_configuration, Configuration.REFRESH_SECONDS),
    Chore("purge_messages", purge_messages, HOUR),
    Chore("forget_keys", forget_keys, HOUR),
)
