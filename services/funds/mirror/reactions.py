"""Keeping the copies up to date: set-based, ignoring versions that are not newer."""

from collections.abc import Sequence

from shared.database import Session
from shared.events.base import Received
from shared.events.households import HouseholdSnapshot, RegionStored

_STORE_REGIONS = """
INSERT INTO regions (code, name, valid_to, version)
SELECT * FROM unnest($1::text[], $2::text[], $3::date[], $4::bigint[])
ON CONFLICT (code) DO UPDATE
SET name = EXCLUDED.name, valid_to = EXCLUDED.valid_to, version = EXCLUDED.version
WHERE regions.version < EXCLUDED.version
"""

_STORE_HOUSEHOLDS = """
INSERT INTO household_mirror (household_id, household_no, village_code, archive_status,
                              household_class, elder_left_in_old_house, active, version)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bool[],
                     $7::bool[], $8::int[])
ON CONFLICT (household_id) DO UPDATE
SET household_no = EXCLUDED.household_no, village_code = EXCLUDED.village_code,
    archive_status = EXCLUDED.archive_status, household_class = EXCLUDED.household_class,
    elder_left_in_old_house = EXCLUDED.elder_left_in_old_house, active = EXCLUDED.active,
    version = EXCLUDED.version
WHERE household_mirror.version < EXCLUDED.version
"""


async def on_region_stored(session: Session, received: Sequence[Received[RegionStored]]) -> None:
    """Take over regions; a region's version is the sequence of its last event."""
    rows = [
        (one.event.code, one.event.name, one.event.valid_to, one.envelope.sequence)
        for one in received
    ]
    await (await session.driver()).execute(_STORE_REGIONS, *zip(*rows, strict=True))


async def on_household_snapshot(
    session: Session, received: Sequence[Received[HouseholdSnapshot]]
) -> None:
    """Take over households."""
    rows = [
        (
            one.event.household_id,
            one.event.household_no,
            one.event.village_code,
            one.event.archive_status,
            one.event.household_class,
            one.event.elder_left_in_old_house,
            one.event.active,
            one.event.version,
        )
        for one in received
    ]
    await (await session.driver()).execute(_STORE_HOUSEHOLDS, *zip(*rows, strict=True))
