"""Messages of cases: what tells of no single problem."""

from shared.migrate import run_script

revision = "0003"
down_revision = "0002"

CASES = "ALTER TABLE messages ALTER COLUMN problem_id DROP NOT NULL"


def upgrade() -> None:
    """Let messages do without a problem."""
    run_script(CASES)
