"""What a queue can be rebuilt from: when its messages were settled, and whom they are meant for."""

from shared.migrate import run_script

revision = "0004"
down_revision = "0003"

SETTLEMENT = """
ALTER TABLE messages ADD COLUMN settled_at timestamptz, ADD COLUMN replayed_version bigint,
                     ADD COLUMN role varchar;
ALTER TABLE reminders ADD COLUMN sent_at timestamptz;
"""


def upgrade() -> None:
    """Add the columns."""
    run_script(SETTLEMENT)
