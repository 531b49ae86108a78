"""What can be done with standards: set the keys of a region and year."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from services.households.regions.domain import RegionUnknown
from services.households.regions.queries import standing_codes
from services.households.standards.domain import NATIONAL, check_period
from services.households.standards.queries import find_row_for_update
from services.households.standards.tables import StandardRow
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.errors import NotFound
from shared.security import Actor, Role


async def set_standard(
    session: Session, actor: Actor, region: str, year: int, keys: Mapping[str, Any]
) -> StandardRow:
    """Set the keys given; None clears one, a key not given stays (H-15).

    Raises `NotFound` outside the actor's region, `RegionUnknown` and `PeriodInvalid`. What holds
    for the whole country is set by operations.
    """
    await _check_region(session, actor, region)
    await session.execute(
        insert(StandardRow)
        .values(region=region, year=year, set_by=actor.person, set_at=clock.now(), version=0)
        .on_conflict_do_nothing()
    )
    row = await find_row_for_update(session, region, year)
    assert row is not None
    change = {key: [getattr(row, key), value] for key, value in keys.items()}
    for key, value in keys.items():
        setattr(row, key, value)
    check_period(row.period_start, row.period_end)
    row.set_by = actor.person
    row.set_at = clock.now()
    row.version += 1
    await record_audit(session, actor, "SET", "standard", f"{region}/{year}", change=change)
    return row


async def _check_region(session: Session, actor: Actor, region: str) -> None:
    if region == NATIONAL:
        if not actor.has(Role.OPS):
            raise NotFound
        return
    actor.must_cover(region)
    if not await standing_codes(session, {region}, clock.today()):
        raise RegionUnknown
