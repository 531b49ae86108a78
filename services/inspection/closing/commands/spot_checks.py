"""Drawing the office's spot checks, and recording standing mechanisms."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field

from services.inspection.closing.domain import (
    NotSystemic,
    SpotCheckEmpty,
    check_body,
    draw,
    sample_size,
)
from services.inspection.closing.queries import lock_unbatched
from services.inspection.closing.tables import SpotCheckBatch, SpotCheckMember, StandingMechanism
from services.inspection.deadlines.domain import Scope
from services.inspection.problems.commands.changes import Changes
from services.inspection.problems.commands.levels import order_of, path_for
from services.inspection.problems.domain.levels import Body
from services.inspection.problems.domain.states import State, next_body
from services.inspection.problems.queries import get_problem_for_update
from services.inspection.scope import sight_of
from shared import clock
from shared.audit import record_audit
from shared.configuration import Setting, configuration_of
from shared.database import Session
from shared.ids import new_id
from shared.security import Actor

SPOT_CHECK_SHARE = Setting(
    "spot_check_share_pct",
    Decimal(10),
    Annotated[Decimal, Field(gt=0, le=100, decimal_places=2)],
    rule="I-41",
)


async def draw_spot_check(
    session: Session, actor: Actor, *, township: str, lead_dept: str, seed: str | None
) -> tuple[SpotCheckBatch, list[SpotCheckMember]]:
    """Make a spot check of all of a department's problems in a township that wait for the office,
    and draw its sample; the seed is stored, so the draw can be repeated (I-41).

    Raises `NotFound` outside the actor's region, `SpotCheckEmpty`.
    """
    actor.must_cover(township)
    configuration = configuration_of(session)
    waiting = [
        problem
        for problem in await lock_unbatched(session, township, lead_dept)
        if next_body(State(problem.state), path_for(order_of(configuration, problem), problem))
        is Body.OFFICE
    ]
    if not waiting:
        raise SpotCheckEmpty
    batch_id = new_id()
    seed = seed or str(batch_id)
    share = configuration.value(SPOT_CHECK_SHARE, township, clock.today())
    ids = [problem.id for problem in waiting]
    sampled = draw(seed, ids, sample_size(len(ids), share))
    batch = SpotCheckBatch(
        id=batch_id,
        county_code=township[:6],
        township_code=township,
        lead_dept=lead_dept,
        seed=seed,
        share_pct=share,
        drawn_by=actor.person,
        drawn_at=clock.now(),
    )
    members = [
        SpotCheckMember(batch_id=batch_id, problem_id=one, sampled=one in sampled) for one in ids
    ]
    session.add(batch)
    await session.flush()
    session.add_all(members)
    change = {"problems": len(ids), "sampled": len(sampled), "seed": seed}
    await record_audit(session, actor, "DRAW", "spot_check", batch_id, change=change)
    return batch, members


async def record_mechanism(
    session: Session,
    actor: Actor,
    problem_id: UUID,
    *,
    root_cause: str,
    measures: str,
    mechanism: str,
    review_dates: Sequence[date],
) -> StandingMechanism:
    """Whoever closes a systemic problem records, or replaces, what keeps it from coming back
    (I-21). Raises `NotFound`, `Forbidden`, `NotSystemic`."""
    problem = await get_problem_for_update(session, sight_of(actor), problem_id)
    path = path_for(order_of(configuration_of(session), problem), problem)
    check_body(path[-1], unit=actor.unit, roles=actor.roles, lead_dept=problem.lead_dept)
    if problem.scope != Scope.SYSTEMIC:
        raise NotSystemic
    recorded = await session.merge(
        StandingMechanism(
            problem_id=problem_id,
            root_cause=root_cause,
            measures=measures,
            mechanism=mechanism,
            review_dates=sorted(review_dates),
            recorded_by=actor.person,
            recorded_at=clock.now(),
        )
    )
    changes = Changes(actor)
    changes.note(problem, "RECORD_MECHANISM", remark=mechanism)
    await changes.write(session)
    return recorded
