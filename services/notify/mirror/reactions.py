"""Keeping the copy of the regions up to date: set-based, ignoring versions that are not newer."""

from collections.abc import Sequence

from shared.database import Session
from shared.events.base import Received
from shared.events.households import RegionStored

_STORE_REGIONS = """
INSERT INTO regions (code, name, version)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (code) DO UPDATE SET name = EXCLUDED.name, version = EXCLUDED.version
 WHERE regions.version < EXCLUDED.version
"""


async def on_region_stored(session: Session, received: Sequence[Received[RegionStored]]) -> None:
    """Take over regions; a region's version is the sequence of its last event."""
    rows = [(one.event.code, one.event.name, one.envelope.sequence) for one in received]
    await (await session.driver()).execute(_STORE_REGIONS, *zip(*rows, strict=True))
