"""Keeping the copies up to date: set-based, ignoring what is not newer."""

from collections.abc import Sequence

from shared.database import Session
from shared.events.base import Received
from shared.events.inspection import ProblemEvent

# A suspected problem does not count as found before it is confirmed (H-61).
_NOT_OPEN = frozenset({"SUSPECTED", "CLOSED", "WITHDRAWN"})

_STORE_PROBLEMS = """
INSERT INTO problems (problem_id, problem_no, kind, severity, object_type, object_ref,
                      village_code, is_open, sequence)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::text[], $8::bool[], $9::bigint[])
ON CONFLICT (problem_id) DO UPDATE
SET problem_no = EXCLUDED.problem_no, kind = EXCLUDED.kind, severity = EXCLUDED.severity,
    object_type = EXCLUDED.object_type, object_ref = EXCLUDED.object_ref,
    village_code = EXCLUDED.village_code, is_open = EXCLUDED.is_open,
    sequence = EXCLUDED.sequence
WHERE problems.sequence < EXCLUDED.sequence
"""


async def on_problem_events(session: Session, received: Sequence[Received[ProblemEvent]]) -> None:
    """Take over the state in which problems are now, whatever has happened to them."""
    rows = [
        (
            one.event.problem_id,
            one.event.problem_no,
            one.event.kind,
            one.event.severity,
            one.event.object.type,
            one.event.object.ref,
            one.event.village_code,
            one.event.state not in _NOT_OPEN,
            one.envelope.sequence,
        )
        for one in received
    ]
    await (await session.driver()).execute(_STORE_PROBLEMS, *zip(*rows, strict=True))
