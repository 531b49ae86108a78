"""Recording a study or a patrol."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from services.inspection.rhythm.domain import RhythmKind, check_record
from services.inspection.rhythm.tables import RhythmRecord
from services.inspection.scope import sight_of
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.errors import NotFound
from shared.ids import new_id
from shared.regions import region_of
from shared.security import Actor


async def record_rhythm(
    session: Session,
    actor: Actor,
    *,
    org: str,
    kind: RhythmKind,
    on: date,
    person: str,
    place: str | None,
    text: str,
    problem_ids: Sequence[UUID],
) -> RhythmRecord:
    """Keep what a unit's leader did on a day. Raises `NotFound` for a unit the actor does not act
    for, `RecordInFuture`, `PatrolPlaceRequired`, `PlaceOutsideUnit`."""
    if org != actor.organisation:  # a department records its own, a place what lies in it
        actor.must_cover(region_of(org))
        if sight_of(actor).department is not None:
            raise NotFound
    check_record(kind, org, on, place, clock.today())
    record = RhythmRecord(
        id=new_id(),
        org=org,
        region_code=region_of(org),
        kind=kind,
        on_day=on,
        person=person,
        place=place,
        text=text,
        problem_ids=list(problem_ids),
        recorded_by=actor.person,
        recorded_at=clock.now(),
    )
    session.add(record)
    await record_audit(
        session, actor, "RECORD", "rhythm", record.id, change={"kind": kind, "org": org, "on": on}
    )
    return record
