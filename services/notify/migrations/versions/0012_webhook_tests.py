"""When webhooks were tested."""

from shared.migrate import run_script

revision = "0012"
down_revision = "0011"

TESTS = "ALTER TABLE webhook_lanes ADD COLUMN tested_at timestamptz[] NOT NULL DEFAULT '{}'"


def upgrade() -> None:
    """Remember the tests of the last minute."""
    run_script(TESTS)
