"""Outbox, inbox, timers, audit, configuration, idempotency keys."""

from shared.migrate import run_script
from shared.schema import BACKBONE

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables every service has."""
    run_script(BACKBONE)
