"""Rectification: what moving, disputing and verifying problems leaves behind."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables."""
