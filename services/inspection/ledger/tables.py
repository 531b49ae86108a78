"""Which sums the ledger keeps. Its rows are not mapped: only sets of them are written and read.

`ledger_deltas` holds the changes not folded yet, `ledger_days` those of each day and village,
`ledger_totals` the sums of each place by all dimensions, `ledger_margins` those by one dimension.
"""

from services.inspection.kinds import CORRUPTION_PREFIX, STYLE
from services.inspection.ledger.domain import Sensitivity

DIMENSIONS = "campaign_id, kind, lead_dept, cohort, severity, source, object_type"
SUMS = "sum(found) AS found, sum(reported) AS reported, sum(closed) AS closed"

# A sum is kept for each place of every level a caller's scope may have above the village.
LEVELS = "(VALUES (2), (4), (6), (9)) AS levels (level)"

# The class of a row's kind.
SENSITIVITY = f"""
CASE WHEN kind = '{STYLE}' THEN '{Sensitivity.STYLE}'
     WHEN starts_with(kind, '{CORRUPTION_PREFIX}') THEN '{Sensitivity.CORRUPTION}'
     ELSE '{Sensitivity.ORDINARY}' END"""

# Most questions look at one dimension. A margin holds its sums by lead department, for each
# campaign and (NULL) for all of them; of the many townships only these dimensions'.
TOWNSHIP_MARGINS = ("kind", "severity")
MARGINS = f"""
SELECT CASE WHEN overall THEN NULL ELSE campaign_id END AS campaign_id, dimension, level, place,
       value, lead_dept, {SENSITIVITY} AS sensitivity, {SUMS}
FROM {{totals}}
CROSS JOIN (VALUES (true), (false)) AS campaigns (overall)
CROSS JOIN LATERAL (
  VALUES ('kind', kind), ('cohort', cohort), ('severity', severity), ('source', source),
         ('object_type', object_type)) AS margins (dimension, value)
WHERE (overall OR campaign_id IS NOT NULL) AND (level < 9 OR dimension IN {TOWNSHIP_MARGINS})
GROUP BY 1, 2, 3, 4, 5, 6, 7"""
