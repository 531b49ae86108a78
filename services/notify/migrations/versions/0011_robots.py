"""Contacts of one robot share a lane."""

from shared.migrate import run_script

revision = "0011"
down_revision = "0010"

ROBOTS = """
-- A keyed digest: notify fills it in when it starts, for only notify can open the addresses.
ALTER TABLE contacts ADD COLUMN robot uuid;
ALTER TABLE sending_lanes RENAME COLUMN contact_id TO lane_id;
"""


def upgrade() -> None:
    """Know robots, and name lanes by them."""
    run_script(ROBOTS)
