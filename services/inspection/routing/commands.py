"""Setting a region's own routing rule."""

from datetime import date

from sqlalchemy.dialects.postgresql import insert

from services.inspection.kinds import is_sensitive
from services.inspection.routing.domain import Department, RouteFixed
from services.inspection.routing.queries import RoutingTable
from services.inspection.routing.tables import RoutingRule
from shared import clock
from shared.audit import record_audit
from shared.database import Session
from shared.security import Actor


async def set_route(
    session: Session,
    table: RoutingTable,
    actor: Actor,
    *,
    region: str,
    kind: str,
    department: Department,
    effective_from: date,
) -> RoutingRule:
    """Let `department` lead `kind` in `region` from a day on. Problems already dispatched stay
    where they are. Raises `NotFound` outside the actor's region, `RouteFixed`."""
    actor.must_cover(region)
    if is_sensitive(kind):  # I-13
        raise RouteFixed
    rule = RoutingRule(
        region=region,
        kind=kind,
        effective_from=effective_from,
        department=department,
        set_by=actor.person,
        set_at=clock.now(),
    )
    values = rule.model_dump()
    statement = insert(RoutingRule).values(values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["region", "kind", "effective_from"],
            set_={name: values[name] for name in ("department", "set_by", "set_at")},
        )
    )
    await record_audit(
        session,
        actor,
        "SET",
        "routing",
        f"{region}/{kind}",
        change={"department": department, "effective_from": effective_from},
    )
    session.after_commit(lambda: table.remember(kind, region, effective_from, department))
    return rule
