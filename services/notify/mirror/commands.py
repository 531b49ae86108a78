"""Taking over foreign facts, set-based and only when they are newer than what is known."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from services.notify.mirror.domain import Before, Change, Problem, organisation_of
from shared.database import Session
from shared.events.base import Received
from shared.events.inspection import (
    ProblemDispatched,
    ProblemEvent,
    ProblemOverdue,
    ProblemReopened,
    ProblemSubmitted,
    ProblemVerified,
)
from shared.regions import seed_regions

# One statement locks each problem, stores it, and answers what it was before (OLD is null for a
# new one). The organisations travel as text because arrays of arrays cannot be unnested.
_FOLLOW = """
INSERT INTO problems (problem_id, problem_no, kind, tier, severity, state, lead, partners,
                      village_code, due_on, dispatched, version)
SELECT i, n, k, t, w, s, l, string_to_array(p, ','), v, u, d, q
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
              $8::text[], $9::text[], $10::date[], $11::bool[], $12::bigint[])
       AS e(i, n, k, t, w, s, l, p, v, u, d, q)
 ORDER BY i
ON CONFLICT (problem_id) DO UPDATE
   SET kind = EXCLUDED.kind, tier = EXCLUDED.tier, severity = EXCLUDED.severity,
       state = EXCLUDED.state, lead = EXCLUDED.lead, partners = EXCLUDED.partners,
       village_code = EXCLUDED.village_code, due_on = EXCLUDED.due_on,
       dispatched = problems.dispatched OR EXCLUDED.dispatched, version = EXCLUDED.version
 WHERE problems.version < EXCLUDED.version
RETURNING new.problem_id, new.dispatched, old.version AS known, old.lead, old.partners, old.tier,
          old.state, old.due_on, old.dispatched AS was_dispatched
"""


async def follow_problems(
    session: Session, received: Sequence[Received[ProblemEvent]]
) -> list[Change]:
    """Store the problems as the events left them, locking their rows; answers what changed.

    Events older than what is known are left out.
    """
    connection = await session.driver()
    rows = await connection.fetch(_FOLLOW, *zip(*map(_columns_of, received), strict=True))
    stored: dict[UUID, Mapping[str, Any]] = {row["problem_id"]: row for row in rows}
    return [
        _change(one, stored[one.event.problem_id])
        for one in received
        if one.event.problem_id in stored
    ]


async def seed_region_mirror(session: Session) -> int:
    """Copy the national list into an empty mirror; the number of rows, 0 when it was not empty."""
    connection = await session.driver()
    # Two processes may start at once; the second one waits here and then finds the rows.
    await connection.execute("LOCK TABLE regions IN SHARE ROW EXCLUSIVE MODE")
    if await connection.fetchval("SELECT EXISTS (SELECT FROM regions)"):
        return 0
    rows = [(row.code, row.name, 0) for row in seed_regions()]
    await connection.copy_records_to_table(
        "regions", records=rows, columns=("code", "name", "version")
    )
    return len(rows)


def _columns_of(received: Received[ProblemEvent]) -> tuple[Any, ...]:
    event = received.event
    return (
        event.problem_id,
        event.problem_no,
        event.kind,
        event.tier,
        event.severity,
        event.state,
        organisation_of(event.lead_dept, event.village_code),
        ",".join(_partners(event)),
        event.village_code,
        event.due_on,
        # History that was taken over as closed is somebody's task once it is reopened.
        isinstance(event, ProblemDispatched | ProblemReopened),
        received.envelope.sequence,
    )


def _partners(event: ProblemEvent) -> tuple[str, ...]:
    return tuple(organisation_of(one, event.village_code) for one in event.co_depts)


def _change(received: Received[ProblemEvent], stored: Mapping[str, Any]) -> Change:
    event, envelope = received.event, received.envelope
    return Change(
        happened=envelope.type.split(".")[2],
        event_id=envelope.id,
        event_type=envelope.type,
        at=envelope.time,
        data=envelope.data.decode(),
        problem=Problem(
            problem_id=event.problem_id,
            problem_no=event.problem_no,
            kind=event.kind,
            tier=event.tier,
            severity=event.severity,
            state=event.state,
            lead=organisation_of(event.lead_dept, event.village_code),
            partners=_partners(event),
            village_code=event.village_code,
            due_on=event.due_on,
            dispatched=stored["dispatched"],
        ),
        before=None if stored["known"] is None else _before(stored),
        version=envelope.sequence,
        level=event.level if isinstance(event, ProblemOverdue) else None,
        verifier=(
            event.next_org if isinstance(event, ProblemSubmitted | ProblemVerified) else None
        ),
    )


def _before(stored: Mapping[str, Any]) -> Before:
    due_on: date | None = stored["due_on"]
    return Before(
        lead=stored["lead"],
        partners=tuple(stored["partners"]),
        tier=stored["tier"],
        state=stored["state"],
        due_on=due_on,
        dispatched=stored["was_dispatched"],
    )
