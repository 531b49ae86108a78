"""What is known of problems under verification: verdicts, spot checks, mechanisms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select

from services.inspection.closing.tables import (
    BATCHES,
    SpotCheckBatch,
    SpotCheckMember,
    StandingMechanism,
    Verification,
)
from services.inspection.problems.domain.levels import Body
from services.inspection.problems.domain.states import REPORTED, State
from services.inspection.problems.tables import Problem
from services.inspection.scope import Sight
from shared.database import Connection, ReadSession, Session
from shared.errors import NotFound
from shared.regions import prefix_range
from shared.web.pagination import PageRequest

_UNDER_VERIFICATION = sorted(REPORTED - {State.CLOSED})
_VERIFIERS = """
SELECT v.problem_id, v.person, v.organisation, v.level, v.body
FROM verifications v JOIN problems p ON p.id = v.problem_id AND p.attempt = v.attempt
WHERE v.problem_id = ANY($1::uuid[]) AND v.passed ORDER BY v.level
"""
_BATCHED = "SELECT problem_id FROM spot_check_members WHERE problem_id = ANY($1) AND NOT settled"
_MECHANISMS = "SELECT problem_id FROM standing_mechanisms WHERE problem_id = ANY($1::uuid[])"


@dataclass(frozen=True, slots=True)
class Verifier:
    """Somebody who passed a level of the present submission."""

    person: str
    organisation: str
    level: int
    body: Body


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A spot check that is not settled, locked, with its members by problem."""

    batch: SpotCheckBatch
    members: Mapping[UUID, SpotCheckMember]


async def find_verifiers(
    connection: Connection, problem_ids: Sequence[UUID]
) -> dict[UUID, list[Verifier]]:
    """Who passed which level of each problem's present submission, in order."""
    found: dict[UUID, list[Verifier]] = {}
    for row in await connection.fetch(_VERIFIERS, list(problem_ids)):
        body = Body(row["body"])
        verifier = Verifier(row["person"], row["organisation"], row["level"], body)
        found.setdefault(row["problem_id"], []).append(verifier)
    return found


async def find_mechanisms(connection: Connection, problem_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those of the problems whose standing mechanism is recorded."""
    rows = await connection.fetch(_MECHANISMS, list(problem_ids))
    return frozenset(row["problem_id"] for row in rows)


async def find_batched(connection: Connection, problem_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those of the problems, locked before, that are in an unsettled spot check."""
    rows = await connection.fetch(_BATCHED, list(problem_ids))
    return frozenset(row["problem_id"] for row in rows)


async def lock_open_batches(session: Session, problem_ids: Sequence[UUID]) -> list[OpenBatch]:
    """The unsettled spot checks that some of the problems belong to, locked before any problem."""
    member = select(SpotCheckMember.batch_id).where(
        col(SpotCheckMember.problem_id) == func.any(list(problem_ids)),
        ~col(SpotCheckMember.settled),
    )
    chosen = select(SpotCheckBatch).where(col(SpotCheckBatch.id).in_(member))
    batches = list(await session.scalars(chosen.order_by(col(SpotCheckBatch.id)).with_for_update()))
    members: dict[UUID, dict[UUID, SpotCheckMember]] = {batch.id: {} for batch in batches}
    if batches:
        # A second statement: it sees what a verification this one waited for has settled.
        found = select(SpotCheckMember).where(
            col(SpotCheckMember.batch_id) == func.any(list(members)), ~col(SpotCheckMember.settled)
        )
        for row in await session.scalars(found):
            members[row.batch_id][row.problem_id] = row
    return [OpenBatch(batch, members[batch.id]) for batch in batches if members[batch.id]]


async def lock_unbatched(session: Session, township: str, lead_dept: str) -> list[Problem]:
    """The problems of a department in a township that are under verification and in no unsettled
    spot check, locked in the order of their ids."""
    low, high = prefix_range(township)
    statement = select(Problem).where(
        col(Problem.county_code) == township[:6],
        col(Problem.lead_dept) == lead_dept,
        ~col(Problem.finished),
        col(Problem.village_code) >= low,
        col(Problem.village_code) < high,
        col(Problem.state).in_(_UNDER_VERIFICATION),
    )
    locked = list(await session.scalars(statement.order_by(col(Problem.id)).with_for_update()))
    # A second statement: it sees what a draw this one waited for has taken.
    batched = await find_batched(await session.driver(), [problem.id for problem in locked])
    return [problem for problem in locked if problem.id not in batched]


async def list_verifications(session: ReadSession, problem_id: UUID) -> list[Verification]:
    """The verdicts on a problem, oldest first."""
    statement = select(Verification).where(col(Verification.problem_id) == problem_id)
    return list(await session.scalars(statement.order_by(col(Verification.id))))


async def list_batches(
    session: ReadSession, sight: Sight, page: PageRequest
) -> list[SpotCheckBatch]:
    """A page of spot checks within the sight, oldest first."""
    place = col(SpotCheckBatch.township_code)
    statement = select(SpotCheckBatch).where(place >= sight.low, place < sight.high)
    if sight.department is not None:
        statement = statement.where(col(SpotCheckBatch.lead_dept) == sight.department)
    return list(await session.scalars(page.after(statement, [BATCHES.c.id], UUID)))


async def get_batch(
    session: ReadSession, sight: Sight, batch_id: UUID
) -> tuple[SpotCheckBatch, list[SpotCheckMember]]:
    """A spot check with its members; raises `NotFound` outside the sight."""
    batch = await session.get(SpotCheckBatch, batch_id)
    if (
        batch is None
        or not sight.low <= batch.township_code < sight.high
        or sight.department not in (None, batch.lead_dept)
    ):
        raise NotFound
    members = select(SpotCheckMember).where(col(SpotCheckMember.batch_id) == batch_id)
    return batch, list(await session.scalars(members.order_by(col(SpotCheckMember.problem_id))))


async def get_mechanism(session: ReadSession, problem_id: UUID) -> StandingMechanism | None:
    """The standing mechanism of a problem, None before it is recorded."""
    return await session.get(StandingMechanism, problem_id)
