"""A ledger and queues of any size, made by SQL in the real tables, consistent with each other."""

from bench.findings import COUNTY, HOUSING, bare_rows
from services.inspection.ledger.tables import DIMENSIONS, LEVELS, MARGINS
from services.inspection.routing.domain import DEFAULT_ROUTES
from shared import clock
from shared.database import Connection
from shared.ids import new_id
from shared.regions import Level, level_of, seed_regions

PROVINCE = COUNTY[:2]
TOWNSHIP = f"TOWN@{COUNTY}201"
VILLAGE = f"{COUNTY}201205"

# A fifth of all problems lies in one county and a quarter of all with one department, so that the
# lists that are read grow with the table. Half are closed; the others are reported as done, so
# that no deadline falls due while reading is measured. Kinds and sources are as uneven as in life.
PROBLEMS = """
WITH dice AS MATERIALIZED (
  SELECT n, random() < 0.5 AS closed,
         CASE WHEN random() < 0.25 THEN array_position($2::text[], 'HOUSING_UNSAFE')
              ELSE 1 + floor(cardinality($2::text[]) * power(random(), 2))::int END AS kind,
         CASE WHEN random() < 0.2 THEN ($4::text[])[1 + floor(cardinality($4) * random())::int]
              ELSE ($5::text[])[1 + floor(cardinality($5) * random())::int] END AS township
    FROM generate_series(1, $1) AS n)
INSERT INTO problems (id, problem_no, campaign_id, kind, tier, scope, severity, cohort, object_type,
                      object_ref, county_code, village_code, lead_dept, co_depts, source, found_on,
                      sources, due_on, due_rules, due_history, extended, state, state_since,
                      finished, closed_on, overdue_level, false_rectification, late_found,
                      object_unverified, unrouted, no_policy, accountable, logged_at, logged_by,
                      recurrence, attempt, version, event_sequence)
SELECT uuidv7(), 'bench-' || n, ($6::uuid[])[1 + floor(4 * power(random(), 3))::int],
       ($2::text[])[kind], 'GENERAL', 'INDIVIDUAL',
       CASE WHEN random() < 0.06 THEN 'PROMINENT' ELSE 'GENERAL' END,
       ('{EXITED,NOT_EXITED,EXIT_THIS_YEAR,NON_ARCHIVED_SPECIAL}'::text[])
         [1 + floor(4 * power(random(), 2))::int],
       'HOUSEHOLD', gen_random_uuid()::text, left(township, 6),
       township || to_char(1 + floor(8 * random()), 'FM000'), ($3::text[])[kind], '{}',
       ('{SELF_CHECK,CROSS_CHECK,COUNTY_INSPECTION,HOTLINE_12317}'::text[])
         [1 + floor(4 * power(random(), 2))::int],
       $7::date - 100 - floor(200 * random())::int, $8::jsonb,
       $7::date + floor(90 * random())::int, '{RELATIVE_GENERAL}', '[]', false,
       CASE WHEN closed THEN 'CLOSED' ELSE 'SUBMITTED' END, clock_timestamp(), closed,
       CASE WHEN closed THEN $7::date - floor(100 * random())::int END,
       0, false, false, false, false, false, true, clock_timestamp(), 'bench', 0, 1, 5, 5
  FROM dice
"""

DAYS = f"""
INSERT INTO ledger_days (on_day, village_code, {DIMENSIONS}, found, reported, closed)
SELECT on_day, village_code, {DIMENSIONS}, sum(found), sum(done), sum(closed)
  FROM (SELECT found_on AS on_day, village_code, {DIMENSIONS}, 1 AS found,
               (NOT finished)::int AS done, 0 AS closed FROM problems
        UNION ALL
        SELECT closed_on, village_code, {DIMENSIONS}, 0, 1, 1 FROM problems WHERE finished) AS c
 GROUP BY on_day, village_code, {DIMENSIONS}
"""
TOTALS = f"""
INSERT INTO ledger_totals (level, place, {DIMENSIONS}, found, reported, closed)
SELECT level, left(village_code, level), {DIMENSIONS}, sum(found), sum(reported), sum(closed)
  FROM ledger_days, {LEVELS}
 GROUP BY level, left(village_code, level), {DIMENSIONS}
"""
_MARGINS = f"""
INSERT INTO ledger_margins (campaign_id, dimension, level, place, value, lead_dept, sensitivity,
                            found, reported, closed)
{MARGINS.format(totals="ledger_totals")}
"""
_INDEXES = """
SELECT coalesce('ALTER TABLE ' || $1 || ' DROP CONSTRAINT ' || conname,
                'DROP INDEX ' || indexrelid::regclass) AS removal,
       coalesce('ALTER TABLE ' || $1 || ' ADD CONSTRAINT ' || conname || ' '
                || pg_get_constraintdef(c.oid), pg_get_indexdef(indexrelid)) AS addition
  FROM pg_index LEFT JOIN pg_constraint c ON conindid = indexrelid
 WHERE indrelid = $1::text::regclass
"""

# Each problem is dispatched once; the lead department is told, and a township has had its copy. A
# fifth of all messages wait in one department's queue; of the other departments' half were taken.
MIRROR = """
INSERT INTO problems
SELECT uuidv7(), 'bench-' || n, 'HOUSING_UNSAFE', 'GENERAL', 'GENERAL', 'DISPATCHED',
       CASE WHEN random() < 0.4 THEN $2 ELSE 'HOUS@' || 510000 + floor(1000 * random())::int END,
       '{}', $3, $4::date + 30, true, 2
  FROM generate_series(1, $1) AS n
"""
# An event's id may be any; here it is its problem's.
HAPPENINGS = """
INSERT INTO happenings
SELECT problem_id, 'inspection.problem.dispatched.v1', now(), $1::json FROM problems
"""
MESSAGES = """
INSERT INTO messages (message_id, event_id, org, problem_id, purpose, information, priority, state)
SELECT uuidv7(), problem_id, CASE WHEN copy THEN $2 ELSE lead END, problem_id, 'DISPATCH', copy,
       CASE WHEN copy THEN 1 ELSE 5 END,
       CASE WHEN copy OR lead <> $1 AND random() < 0.5 THEN 'ACKED' ELSE 'QUEUED' END
  FROM problems, (VALUES (false), (true)) AS copies (copy)
"""


async def fill_problems(connection: Connection, count: int) -> None:
    """So many problems in a province, and the sums of the ledger."""
    townships = [
        row.code
        for row in seed_regions()
        if row.code.startswith(PROVINCE) and level_of(row.code) is Level.TOWNSHIP
    ]
    sample = bare_rows(0).problem[16]
    await _fill(
        connection,
        "problems",
        PROBLEMS,
        count,
        list(DEFAULT_ROUTES),
        [str(department) for department in DEFAULT_ROUTES.values()],
        [code for code in townships if code.startswith(COUNTY)],
        townships,
        [new_id(), new_id(), new_id(), None],
        clock.today(),
        sample,
    )
    await _fill(connection, "ledger_days", DAYS)
    await _fill(connection, "ledger_totals", TOTALS)
    await _fill(connection, "ledger_margins", _MARGINS)


async def fill_queues(connection: Connection, count: int) -> None:
    """So many messages, a fifth of them waiting in one department's queue."""
    await _fill(connection, "problems", MIRROR, count // 2, HOUSING, VILLAGE, clock.today())
    await _fill(connection, "happenings", HAPPENINGS, bare_rows(0).events[1].payload)
    await _fill(connection, "messages", MESSAGES, HOUSING, TOWNSHIP)


async def _fill(connection: Connection, table: str, statement: str, *arguments: object) -> None:
    """Run an INSERT without the table's indexes, which are then made anew."""
    await connection.execute("SET maintenance_work_mem = '256MB'")
    await connection.execute("SET work_mem = '256MB'")
    indexes = await connection.fetch(_INDEXES, table)
    for index in indexes:
        await connection.execute(index["removal"])
    await connection.execute(statement, *arguments)
    for index in indexes:
        await connection.execute(index["addition"])
    await connection.execute(f"VACUUM (ANALYZE) {table}")
