"""Scheduling and cancelling inspections."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from services.inspection.inspections.domain import (
    InspectionAction,
    InspectionBurden,
    OverrideForbidden,
    crowded_days,
)
from services.inspection.inspections.queries import (
    LIMIT,
    WINDOW_DAYS,
    InspectionRow,
    get_inspection_for_update,
    lock_villages,
    planned_days,
)
from services.inspection.inspections.tables import Inspection, InspectionVillage
from shared import clock
from shared.audit import record_audit
from shared.configuration import Configuration
from shared.database import Session
from shared.errors import Forbidden
from shared.ids import new_id
from shared.regions import is_within, region_of
from shared.security import Actor, Role


async def schedule_inspection(
    session: Session,
    configuration: Configuration,
    actor: Actor,
    *,
    village_codes: Sequence[str],
    planned_on: date,
    organiser: str,
    purpose: str,
    team: Sequence[str],
    override_reason: str | None,
) -> InspectionRow:
    """Plan an inspection of villages. Raises `NotFound` outside the actor's region,
    `VillageUnknown`, `OverrideForbidden`, and `InspectionBurden` where a village would have too
    many and no reason is given (I-57)."""
    villages = sorted(set(village_codes))
    for code in villages:
        actor.must_cover(code)
    if override_reason is not None and not actor.has(Role.LEADING_GROUP):
        raise OverrideForbidden
    await lock_villages(session, villages)
    crowded = await _crowded(session, configuration, villages, planned_on)
    if crowded and override_reason is None:
        raise _burden(configuration, crowded, planned_on)
    inspection = Inspection(
        id=new_id(),
        planned_on=planned_on,
        organiser=organiser,
        purpose=purpose,
        team=list(team),
        override=_override(actor, override_reason, crowded) if crowded else None,
        org=actor.organisation,
        scheduled_by=actor.person,
        scheduled_at=clock.now(),
    )
    session.add(inspection)
    session.add_all(
        InspectionVillage(inspection_id=inspection.id, village_code=code, planned_on=planned_on)
        for code in villages
    )
    await record_audit(
        session,
        actor,
        "SCHEDULE",
        "inspection",
        inspection.id,
        remark=override_reason if crowded else None,
        change={"planned_on": planned_on, "villages": villages, "over_limit": crowded},
    )
    return InspectionRow(inspection, villages)


async def cancel_inspection(
    session: Session, actor: Actor, inspection_id: UUID, reason: str
) -> InspectionRow:
    """Take an inspection off its villages' burden. Raises `NotFound`, `Forbidden` for one that an
    office above the actor scheduled, `IllegalMove`."""
    row = await get_inspection_for_update(session, actor, inspection_id)
    if not is_within(region_of(row.inspection.org), actor.region):
        raise Forbidden  # whoever is visited does not call the visit off
    row.inspection.move(InspectionAction.CANCEL)
    await record_audit(session, actor, "CANCEL", "inspection", inspection_id, remark=reason)
    return row


async def _crowded(
    session: Session, configuration: Configuration, villages: Sequence[str], planned_on: date
) -> dict[str, list[date]]:
    """The villages for which one more on `planned_on` is too many, with what they have already."""
    planned = await planned_days(session, villages, planned_on)
    crowded = {
        village: crowded_days(
            planned.get(village, ()),
            planned_on,
            limit=configuration.value(LIMIT, village, planned_on),
            window_days=configuration.value(WINDOW_DAYS, village, planned_on),
        )
        for village in villages
    }
    return {village: days for village, days in crowded.items() if days}


def _burden(
    configuration: Configuration, crowded: Mapping[str, Sequence[date]], planned_on: date
) -> InspectionBurden:
    village, dates = next(iter(crowded.items()))
    return InspectionBurden(
        village=village,
        dates=dates,
        limit=configuration.value(LIMIT, village, planned_on),
        window_days=configuration.value(WINDOW_DAYS, village, planned_on),
        villages=list(crowded),
    )


def _override(
    actor: Actor, reason: str | None, crowded: Mapping[str, Sequence[date]]
) -> dict[str, object]:
    return {
        "reason": reason,
        "by": actor.person,
        "villages": {village: [str(day) for day in days] for village, days in crowded.items()},
    }
