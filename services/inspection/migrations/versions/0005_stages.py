"""Stages of campaigns: coverage, duties, stamps, reports, samplings."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables."""
