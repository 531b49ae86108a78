"""The same object and kind is one problem within a county: codes of funds are a county's own."""

from shared.migrate import run_script

revision = "0010"
down_revision = "0009"

SUBJECTS = """
DROP INDEX uq_problems_open_finding;
CREATE UNIQUE INDEX uq_problems_open_finding
  ON problems (object_type, object_ref, kind, county_code) WHERE NOT finished;
DROP INDEX ix_problems_closed_finding;
CREATE INDEX ix_problems_closed_finding
  ON problems (object_type, object_ref, kind, county_code, closed_on) WHERE state = 'CLOSED'
"""


def upgrade() -> None:
    """Take the county into what findings must share."""
    run_script(SUBJECTS)
