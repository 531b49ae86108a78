"""Keeping the copies up to date: set-based, ignoring versions that are not newer."""

from collections.abc import Sequence

from shared.database import Session
from shared.events.base import Received
from shared.events.households import HouseholdSnapshot, RegionStored

_STORE_REGIONS = """
INSERT INTO regions (code, name, kind, admin_zone, valid_to, version)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bool[], $5::date[], $6::bigint[])
ON CONFLICT (code) DO UPDATE
SET name = EXCLUDED.name, kind = EXCLUDED.kind, admin_zone = EXCLUDED.admin_zone,
    valid_to = EXCLUDED.valid_to, version = EXCLUDED.version
WHERE regions.version < EXCLUDED.version
"""

_STORE_HOUSEHOLDS = """
INSERT INTO household_mirror
  (household_id, household_no, village_code, cohort, exit_year, active, version)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bool[],
                     $7::int[])
ON CONFLICT (household_id) DO UPDATE
SET household_no = EXCLUDED.household_no, village_code = EXCLUDED.village_code,
    cohort = EXCLUDED.cohort, exit_year = EXCLUDED.exit_year, active = EXCLUDED.active,
    version = EXCLUDED.version
WHERE household_mirror.version < EXCLUDED.version
"""


async def on_regions_stored(session: Session, received: Sequence[Received[RegionStored]]) -> None:
    """Mirror regions. They carry no version of their own: the sequence of their events is one."""
    events = [item.event for item in received]
    driver = await session.driver()
    await driver.execute(
        _STORE_REGIONS,
        [event.code for event in events],
        [event.name for event in events],
        [event.kind for event in events],
        [event.admin_zone for event in events],
        [event.valid_to for event in events],
        [item.envelope.sequence for item in received],
    )


async def on_household_snapshots(
    session: Session, received: Sequence[Received[HouseholdSnapshot]]
) -> None:
    """Mirror households."""
    events = [item.event for item in received]
    driver = await session.driver()
    await driver.execute(
        _STORE_HOUSEHOLDS,
        [event.household_id for event in events],
        [event.household_no for event in events],
        [event.village_code for event in events],
        [event.cohort for event in events],
        [event.exit_year for event in events],
        [event.active for event in events],
        [event.version for event in events],
    )
