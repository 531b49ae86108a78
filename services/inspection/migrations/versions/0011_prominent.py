"""An index of the prominent problems that each department leads."""

from shared.migrate import run_script

revision = "0011"
down_revision = "0010"

# A plan for departments of any size would read all problems of a large one to find these few.
INDEX = """
CREATE INDEX ix_problems_prominent_department ON problems
  (county_code, lead_dept, finished, coalesce(due_on, DATE '9999-12-31'), id)
  WHERE severity = 'PROMINENT'
"""


def upgrade() -> None:
    """Create the index."""
    run_script(INDEX)
