"""Reading policy gaps, always within a region."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.funds.policy_gaps.domain import State
from services.funds.policy_gaps.tables import POLICY_GAPS, PolicyGap
from shared.database import ReadSession, Session
from shared.errors import NotFound
from shared.regions import prefix_range
from shared.web.pagination import PageRequest


async def list_policy_gaps(
    session: ReadSession, region: str, page: PageRequest, *, state: State | None
) -> Sequence[PolicyGap]:
    """Gaps of `region` and below in the order of their problems' ids, one more than the page."""
    statement = _within(region)
    if state is not None:
        statement = statement.where(col(PolicyGap.state) == state)
    return (await session.scalars(page.after(statement, [POLICY_GAPS.c.problem_id], UUID))).all()


async def get_policy_gap_for_update(
    session: ReadSession, problem_id: UUID, region: str
) -> PolicyGap:
    """The gap of a problem, locked; raises `NotFound` when there is none within `region`."""
    statement = _within(region).where(col(PolicyGap.problem_id) == problem_id)
    gap = await session.scalar(statement.with_for_update())
    if gap is None:
        raise NotFound
    return gap


async def lock_policy_gaps(
    session: Session, problem_ids: Collection[UUID]
) -> dict[UUID, PolicyGap]:
    """The gaps of those problems that have one, locked in a fixed order."""
    statement = (
        select(PolicyGap)
        .where(col(PolicyGap.problem_id).in_(problem_ids))
        .order_by(col(PolicyGap.problem_id))
        .with_for_update()
    )
    return {gap.problem_id: gap for gap in await session.scalars(statement)}


def _within(region: str) -> SelectOfScalar[PolicyGap]:
    low, high = prefix_range(region)
    return select(PolicyGap).where(
        col(PolicyGap.village_code) >= low, col(PolicyGap.village_code) < high
    )
