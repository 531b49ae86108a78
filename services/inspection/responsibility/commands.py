"""Naming who answers for an organisation."""

from dataclasses import asdict
from datetime import date

from sqlalchemy.dialects.postgresql import insert

from services.inspection.responsibility.domain import Responsible
from services.inspection.responsibility.tables import ResponsiblePersons
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.regions import region_of
from shared.security import Actor


async def set_responsibles(
    session: Session, actor: Actor, org: str, responsible: Responsible, effective_from: date
) -> ResponsiblePersons:
    """Let three persons answer for an organisation from a day on; who did before stays on record.
    Raises `NotFound` for an organisation outside the actor's region."""
    place = region_of(org)
    actor.must_cover(place)
    persons = asdict(responsible)
    changed = {**persons, "set_by": actor.person, "set_at": clock.now()}
    row = ResponsiblePersons(org=org, effective_from=effective_from, region_code=place, **changed)
    await session.execute(
        insert(ResponsiblePersons)
        .values(row.model_dump())
        .on_conflict_do_update(index_elements=["org", "effective_from"], set_=changed)
    )
    await record_audit(
        session,
        actor,
        "SET",
        "responsibles",
        org,
        change={**persons, "effective_from": effective_from},
    )
    return row
