"""Adding changes to the ledger, and folding them into the sums outside any request.

A change is one narrow row in the transaction that makes it; nobody waits for a counter. Folding
moves changes into the sums in one statement, so sums and changes together are exact at any instant.
"""

from collections.abc import Sequence

from services.inspection.ledger.domain import Delta
from services.inspection.ledger.tables import DIMENSIONS, LEVELS, MARGINS, SUMS
from services.inspection.settings import InspectionSettings
from shared.chores import Chore
from shared.database import Connection, Database
from shared.runtime import Runtime

_ADD = """
INSERT INTO ledger_deltas (on_day, campaign_id, village_code, kind, lead_dept, cohort, severity,
                           source, object_type, found, reported, closed)
SELECT * FROM unnest($1::date[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::text[], $8::text[], $9::text[], $10::int[], $11::int[], $12::int[])
"""

_ADD_UP = """
SET found = t.found + EXCLUDED.found, reported = t.reported + EXCLUDED.reported,
    closed = t.closed + EXCLUDED.closed"""

FOLD_ROWS = 5_000

# Only one process folds at a time: the order in which two would lock the sums is not defined. What
# is taken is joined: in an array, a plan made while there was little would search it for every row.
FOLD = f"""
WITH alone AS MATERIALIZED (
  SELECT pg_try_advisory_xact_lock({0x4C454447}) AS held
), taken AS (
  DELETE FROM ledger_deltas d USING (
    SELECT ctid FROM ledger_deltas WHERE (SELECT held FROM alone)
    LIMIT {FOLD_ROWS} FOR UPDATE SKIP LOCKED) AS found
  WHERE d.ctid = found.ctid
  RETURNING d.*
), days AS (
  INSERT INTO ledger_days AS t (on_day, village_code, {DIMENSIONS}, found, reported, closed)
  SELECT on_day, village_code, {DIMENSIONS}, {SUMS}
  FROM taken GROUP BY on_day, village_code, {DIMENSIONS}
  ON CONFLICT (campaign_id, on_day, village_code, kind, lead_dept, cohort, severity, source,
               object_type) DO UPDATE {_ADD_UP}
), summed AS MATERIALIZED (
  SELECT level, left(village_code, level) AS place, {DIMENSIONS}, {SUMS}
  FROM taken, {LEVELS}
  GROUP BY level, left(village_code, level), {DIMENSIONS}
), totals AS (
  INSERT INTO ledger_totals AS t (level, place, {DIMENSIONS}, found, reported, closed)
  SELECT level, place, {DIMENSIONS}, found, reported, closed FROM summed
  ON CONFLICT (campaign_id, level, place, kind, lead_dept, cohort, severity, source,
               object_type) DO UPDATE {_ADD_UP}
), margins AS (
  INSERT INTO ledger_margins AS t (campaign_id, dimension, level, place, value, lead_dept,
                                   sensitivity, found, reported, closed)
  {MARGINS.format(totals="summed")}
  ON CONFLICT (campaign_id, dimension, level, place, value, lead_dept, sensitivity)
  DO UPDATE {_ADD_UP}
)
SELECT count(*) FROM taken
"""


async def add_deltas(connection: Connection, deltas: Sequence[Delta]) -> None:
    """Write `deltas` in the connection's transaction."""
    if not deltas:
        return
    rows = [(d.on_day, *d.dimensions, d.found, d.reported, d.closed) for d in deltas]
    await connection.execute(_ADD, *map(list, zip(*rows, strict=True)))


async def fold_deltas(database: Database) -> int:
    """Move every change written so far into the sums; the number moved."""
    moved = 0
    async with database.statement() as connection:
        while True:
            count: int = await connection.fetchval(FOLD)
            moved += count
            if count < FOLD_ROWS:
                return moved


async def keep_folding(runtime: Runtime) -> None:
    """Fold, and clear away what that leaves behind once it has become much."""
    dead_rows = runtime.extras.get("ledger_dead_rows", 0) + await fold_deltas(runtime.database)
    if dead_rows >= FOLD_ROWS:
        # Every figure asked for reads the table whole; dead rows must not pile up in it.
        async with runtime.database.statement() as connection:
            await connection.execute("VACUUM (SKIP_LOCKED) ledger_deltas")
        dead_rows = 0
    runtime.extras["ledger_dead_rows"] = dead_rows


def _fold_seconds(settings: InspectionSettings) -> float:
    return settings.ledger_fold_seconds


CHORES = (Chore("fold_ledger", keep_folding, _fold_seconds),)
