"""Sums by single dimensions, and what analysis reads."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables."""
