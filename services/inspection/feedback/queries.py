"""Reading feedback: whoever covers the county sees the tree, each with the own problems counted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Select, Subquery, func
from sqlalchemy import select as select_columns
from sqlmodel import col, select

from services.inspection.feedback.domain import Count, Item
from services.inspection.feedback.tables import (
    FEEDBACK_ITEMS,
    FEEDBACKS,
    Feedback,
    FeedbackClaim,
    FeedbackItem,
    FeedbackLink,
)
from services.inspection.problems.domain.states import State
from services.inspection.problems.queries import in_sight
from services.inspection.problems.tables import Problem
from services.inspection.scope import Sight, sight_of
from shared.database import ReadSession
from shared.errors import NotFound
from shared.regions import prefix_range
from shared.security import Actor
from shared.web.pagination import PageRequest


async def get_feedback(session: ReadSession, actor: Actor, feedback_id: UUID) -> Feedback:
    """A feedback to a county the caller covers; raises `NotFound`."""
    feedback = await session.get(Feedback, feedback_id)
    if feedback is None:
        raise NotFound
    actor.must_cover(feedback.region_code)
    return feedback


async def list_feedbacks(
    session: ReadSession, actor: Actor, campaign_id: UUID | None, page: PageRequest
) -> list[Feedback]:
    """A page of the feedback to counties the caller covers, oldest first."""
    low, high = prefix_range(actor.region)
    region = col(Feedback.region_code)
    statement = select(Feedback).where(region >= low, region < high)
    if campaign_id is not None:
        statement = statement.where(col(Feedback.campaign_id) == campaign_id)
    return list(await session.scalars(page.after(statement, [FEEDBACKS.c.id], UUID)))


async def get_item(
    session: ReadSession, actor: Actor, item_id: UUID
) -> tuple[FeedbackItem, Feedback]:
    """An item and its feedback; raises `NotFound`."""
    item = await session.get(FeedbackItem, item_id)
    if item is None:
        raise NotFound
    return item, await get_feedback(session, actor, item.feedback_id)


async def count_item(session: ReadSession, actor: Actor, item: FeedbackItem) -> Item:
    """One item as the actor sees it."""
    statement = _items(sight_of(actor), [item.feedback_id]).where(col(FeedbackItem.id) == item.id)
    return _item((await session.execute(statement)).mappings().one())


async def list_items(
    session: ReadSession, actor: Actor, feedback_ids: Sequence[UUID]
) -> dict[UUID, list[Item]]:
    """The items of each feedback as the actor sees them, in the order of their numbers."""
    items: dict[UUID, list[Item]] = {feedback_id: [] for feedback_id in feedback_ids}
    for row in (await session.execute(_items(sight_of(actor), feedback_ids))).mappings():
        items[row["feedback_id"]].append(_item(row))
    return items


def _items(sight: Sight, feedback_ids: Sequence[UUID]) -> Select[Any]:
    counts = _counts(sight, feedback_ids)
    claiming = (
        select(col(FeedbackClaim.department))
        .where(col(FeedbackClaim.item_id) == col(FeedbackItem.id))
        .order_by(col(FeedbackClaim.department))
        .correlate(FeedbackItem)
        .scalar_subquery()
    )
    order = col(FeedbackItem.feedback_id), col(FeedbackItem.aspect_no), col(FeedbackItem.no)
    return (
        select_columns(
            *FEEDBACK_ITEMS.columns,
            func.array(claiming).label("claimed_by"),
            *(counts.c[name] for name in ("problems", "closed", "all_problems", "all_closed")),
        )
        .outerjoin(counts, counts.c.item_id == col(FeedbackItem.id))
        .where(col(FeedbackItem.feedback_id).in_(feedback_ids))
        .order_by(*order)
    )


def _counts(sight: Sight, feedback_ids: Sequence[UUID]) -> Subquery:
    """Per item the problems in sight and, whoever leads them, all that decide its state."""
    seen = in_sight(sight)
    closed = col(Problem.state) == State.CLOSED
    return (
        select_columns(
            col(FeedbackLink.item_id).label("item_id"),
            func.count().filter(*seen).label("problems"),
            func.count().filter(*seen, closed).label("closed"),
            func.count().label("all_problems"),
            func.count().filter(closed).label("all_closed"),
        )
        .join(Problem, col(Problem.id) == col(FeedbackLink.problem_id))
        .where(
            col(FeedbackLink.feedback_id).in_(feedback_ids),
            col(Problem.state) != State.WITHDRAWN,
            *in_sight(replace(sight, department=None)),
        )
        .group_by(col(FeedbackLink.item_id))
        .subquery()
    )


def _item(row: RowMapping) -> Item:
    return Item(
        id=row["id"],
        feedback_id=row["feedback_id"],
        aspect_no=row["aspect_no"],
        no=row["no"],
        text=row["text"],
        units=tuple(row["units"]),
        claimed_by=tuple(row["claimed_by"]),
        seen=Count(row["problems"] or 0, row["closed"] or 0),
        state=Count(row["all_problems"] or 0, row["all_closed"] or 0).state,
    )
