"""Sums by single dimensions and two indexes, so that the usual questions read few rows."""

from shared.migrate import run_script

revision = "0007"
down_revision = "0006"

MARGINS = """
CREATE TABLE ledger_margins (
  campaign_id uuid,
  dimension   text NOT NULL,
  level       smallint NOT NULL,
  place       text COLLATE "C" NOT NULL,
  value       text NOT NULL,
  lead_dept   text NOT NULL,
  sensitivity text NOT NULL,
  found       integer NOT NULL,
  reported    integer NOT NULL,
  closed      integer NOT NULL
) WITH (fillfactor = 70);

INSERT INTO ledger_margins
SELECT CASE WHEN overall THEN NULL ELSE campaign_id END, dimension, level, place, value, lead_dept,
       CASE WHEN kind = 'STYLE' THEN 'style'
            WHEN starts_with(kind, 'CORRUPTION_') THEN 'corruption'
            ELSE 'ordinary' END,
       sum(found), sum(reported), sum(closed)
FROM ledger_totals
CROSS JOIN (VALUES (true), (false)) AS campaigns (overall)
CROSS JOIN LATERAL (
  VALUES ('kind', kind), ('cohort', cohort), ('severity', severity), ('source', source),
         ('object_type', object_type)) AS margins (dimension, value)
WHERE (overall OR campaign_id IS NOT NULL) AND (level < 9 OR dimension IN ('kind', 'severity'))
GROUP BY 1, 2, 3, 4, 5, 6, 7;

ALTER TABLE ledger_margins ADD CONSTRAINT uq_ledger_margins UNIQUE NULLS NOT DISTINCT
  (campaign_id, dimension, level, place, value, lead_dept, sensitivity)
"""

# Queues of a state and lists of prominent problems may be empty among many open problems.
INDEXES = """
CREATE INDEX ix_problems_state ON problems
  (county_code, state, finished, coalesce(due_on, DATE '9999-12-31'), id) WHERE NOT finished;
CREATE INDEX ix_problems_prominent ON problems
  (county_code, finished, coalesce(due_on, DATE '9999-12-31'), id) WHERE severity = 'PROMINENT'
"""


def upgrade() -> None:
    """Create the sums and fill them from those that exist; index what lists ask for."""
    for script in (MARGINS, INDEXES):
        run_script(script)
