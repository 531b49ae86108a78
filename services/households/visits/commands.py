"""What can be done with visits: record one."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from services.households.register.queries import get_household
from services.households.visits.domain import failed_looks
from services.households.visits.tables import Visit
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.events.households import LookFailed, VisitRecorded
from shared.ids import new_id
from shared.messaging import outbox
from shared.security import Actor


async def record_visit(
    session: Session,
    actor: Actor,
    household_id: UUID,
    *,
    visited_on: date,
    visitor: str,
    looks: Mapping[str, str],
    note: str | None,
) -> Visit:
    """Record a visit to a household within the actor's region; each NO is told to inspection.

    Raises `NotFound`.
    """
    household = await get_household(session, household_id, actor.region)
    visit = Visit(
        id=new_id(),
        household_id=household_id,
        village_code=household.village_code,
        visited_on=visited_on,
        visitor=visitor,
        visitor_organisation=actor.organisation,
        looks=dict(looks),
        note=note,
        recorded_by=actor.person,
        recorded_at=clock.now(),
    )
    failed = failed_looks(looks)
    event = VisitRecorded(
        visit_id=visit.id,
        household_id=household_id,
        household_no=household.household_no,
        village_code=household.village_code,
        cohort=household.cohort,
        visited_on=visited_on,
        visitor=visitor,
        visitor_organisation=actor.organisation,
        failed=[LookFailed(look=look, kind=kind) for look, kind in failed],
    )
    await outbox.record(session, visit, event)
    await record_audit(
        session,
        actor,
        "VISIT",
        "household",
        household_id,
        change={
            "visit": str(visit.id),
            "visited_on": visited_on,
            "failed_looks": [look for look, _kind in failed],
        },
    )
    return visit
