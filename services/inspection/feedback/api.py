"""The calls below /feedbacks and /feedback-items: take in, claim, link, read (I-05)."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.inspection.campaigns.domain import CampaignUnknown, OutsideCampaign
from services.inspection.feedback.commands import (
    claim_item,
    link_problems,
    take_in_feedback,
    unlink_problem,
)
from services.inspection.feedback.domain import (
    CountyRequired,
    Item,
    ItemState,
    LinkedElsewhere,
    NotOfTheCounty,
    NumberRepeated,
    OutsideFeedback,
    PlannedAspect,
    PlannedItem,
    ReceivedInFuture,
    totals_of,
)
from services.inspection.feedback.queries import get_feedback, list_feedbacks, list_items
from services.inspection.feedback.tables import Feedback
from services.inspection.fields import CivilDate
from services.inspection.problems.api.batches import SeveralProblems
from services.inspection.problems.domain.findings import RegionUnknown, Source
from services.inspection.roles import Reader, Steerer
from services.inspection.routing.domain import Department
from shared.errors import Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, WriteSession, allows
from shared.web.fields import RegionCode, Text, Title
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(tags=["feedback"])

_UNITS = (Role.DEPT_HANDLER, Role.DEPT_HEAD, Role.DISCIPLINE, Role.POVERTY_OFFICE)
Unit = Annotated[Actor, allows(*_UNITS)]
Linker = Annotated[Actor, allows(*_UNITS, Role.LEADING_GROUP)]


class ReceivedItem(BaseModel):
    """One item of an aspect."""

    model_config = ConfigDict(extra="forbid")

    no: int = Field(ge=1, le=9999, description="序号，同一方面内不重复")
    text: Text = Field(examples=["部分农户住房鉴定不到位"])
    units: list[Department] = Field([], max_length=20, description="责任单位")


class ReceivedAspect(BaseModel):
    """One aspect of the feedback."""

    model_config = ConfigDict(extra="forbid")

    no: int = Field(ge=1, le=9999, description="序号，不重复")
    title: Title = Field(examples=["“两不愁三保障”方面"])
    items: list[ReceivedItem] = Field(min_length=1, max_length=500)

    def planned(self) -> PlannedAspect:
        """The aspect as the domain knows it."""
        items = (PlannedItem(item.no, item.text, tuple(item.units)) for item in self.items)
        return PlannedAspect(self.no, self.title, tuple(items))


class TakeInFeedback(BaseModel):
    """The feedback of an inspection to a county."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Title, Field(max_length=100)] = Field(examples=["中央脱贫攻坚专项巡视反馈意见"])
    source: Source = Field(description="来源渠道")
    region_code: RegionCode = Field(description="认领反馈意见的县")
    campaign_id: UUID | None = Field(None, description="所属整改行动")
    received_on: CivilDate
    aspects: list[ReceivedAspect] = Field(min_length=1, max_length=50)


class CountsView(BaseModel):
    """The problems behind something that the caller may see; withdrawn ones are not counted."""

    problems: int
    closed: int
    open: int


class TotalsView(CountsView):
    """The figures of a feedback; `units` are named or have claimed, each counted once."""

    aspects: int
    items: int
    units: int
    claimed_units: int
    claimed_items: int
    closed_items: int


class ItemView(CountsView):
    """An item. It is CLOSED while it has problems and all of them are, whoever leads them;
    `awaited` are the units named that have not claimed it."""

    id: UUID
    aspect_no: int
    no: int
    text: str
    units: list[str]
    claimed_by: list[str]
    awaited: list[str]
    state: ItemState

    @classmethod
    def of(cls, item: Item) -> "ItemView":
        """The view of an item."""
        return cls(
            id=item.id,
            aspect_no=item.aspect_no,
            no=item.no,
            text=item.text,
            units=list(item.units),
            claimed_by=list(item.claimed_by),
            awaited=list(item.awaited),
            state=item.state,
            problems=item.seen.problems,
            closed=item.seen.closed,
            open=item.seen.open,
        )


class AspectView(CountsView):
    """An aspect with its items."""

    no: int
    title: str
    claimed_units: int
    closed_items: int
    items: list[ItemView]


class ItemsView(BaseModel):
    """Items of a feedback."""

    items: list[ItemView]


class FeedbackView(BaseModel):
    """A feedback and how far it is."""

    id: UUID
    name: str
    source: str
    region_code: str
    campaign_id: UUID | None
    received_on: date
    totals: TotalsView

    @classmethod
    def of(cls, feedback: Feedback, items: Sequence[Item]) -> "FeedbackView":
        """The view of a feedback with these items."""
        return cls(**_plain(feedback, items))


class FeedbackTreeView(FeedbackView):
    """A feedback with its aspects and items."""

    aspects: list[AspectView]

    @classmethod
    def of(cls, feedback: Feedback, items: Sequence[Item]) -> "FeedbackTreeView":
        """The tree of a feedback with these items, in the order of their numbers."""
        titles = {aspect["no"]: aspect["title"] for aspect in feedback.aspects}
        aspects = [
            _aspect(no, titles[no], list(group))
            for no, group in groupby(items, lambda item: item.aspect_no)
        ]
        return cls(**_plain(feedback, items), aspects=aspects)


def _plain(feedback: Feedback, items: Sequence[Item]) -> dict[str, Any]:
    totals = TotalsView.model_validate(totals_of(items), from_attributes=True)
    return {**feedback.model_dump(exclude={"aspects"}), "totals": totals}


def _aspect(no: int, title: str, items: list[Item]) -> AspectView:
    totals = totals_of(items)
    return AspectView(
        no=no,
        title=title,
        claimed_units=totals.claimed_units,
        closed_items=totals.closed_items,
        problems=totals.problems,
        closed=totals.closed,
        open=totals.open,
        items=[ItemView.of(item) for item in items],
    )


@router.post(
    "/feedbacks",
    status_code=201,
    responses=refusals(
        Invalid,
        NotFound,
        CountyRequired,
        NumberRepeated,
        RegionUnknown,
        ReceivedInFuture,
        CampaignUnknown,
        OutsideCampaign,
        IdempotencyConflict,
        IdempotencyInProgress,
    ),
)
async def post_feedback(
    body: TakeInFeedback, session: WriteSession, once: OnceOnly, actor: Steerer
) -> FeedbackTreeView:
    """Take in the feedback of an inspection: its aspects and items, and the units they name."""
    feedback = await take_in_feedback(
        session,
        actor,
        name=body.name,
        source=body.source,
        region_code=body.region_code,
        campaign_id=body.campaign_id,
        received_on=body.received_on,
        aspects=[aspect.planned() for aspect in body.aspects],
    )
    items = await list_items(session, actor, [feedback.id])
    return await once.keep(FeedbackTreeView.of(feedback, items[feedback.id]))


@router.get("/feedbacks", responses=refusals(Invalid))
async def get_feedbacks(
    session: QuerySession, actor: Reader, page: PageQuery, campaign_id: UUID | None = None
) -> Page[FeedbackView]:
    """The feedback to the caller's county, or to those of the caller's region, oldest first."""
    rows = await list_feedbacks(session, actor, campaign_id, page)
    items = await list_items(session, actor, [row.id for row in rows])
    return page.page(rows, lambda row: FeedbackView.of(row, items[row.id]), lambda row: (row.id,))


@router.get("/feedbacks/{feedback_id}", responses=refusals(NotFound, Invalid))
async def get_feedback_by_id(
    feedback_id: UUID, session: QuerySession, actor: Reader
) -> FeedbackTreeView:
    """The tree of a feedback. Problems are counted within the caller's sight; a department counts
    its own."""
    feedback = await get_feedback(session, actor, feedback_id)
    items = await list_items(session, actor, [feedback_id])
    return FeedbackTreeView.of(feedback, items[feedback_id])


@router.get("/feedbacks/{feedback_id}/unclaimed", responses=refusals(NotFound, Invalid))
async def get_unclaimed_items(feedback_id: UUID, session: QuerySession, actor: Reader) -> ItemsView:
    """The items that no unit has claimed yet."""
    await get_feedback(session, actor, feedback_id)
    items = await list_items(session, actor, [feedback_id])
    return ItemsView(items=[ItemView.of(i) for i in items[feedback_id] if not i.claimed_by])


@router.post(
    "/feedback-items/{item_id}/claim", responses=refusals(NotFound, NotOfTheCounty, Invalid)
)
async def post_claim(item_id: UUID, session: WriteSession, actor: Unit) -> ItemView:
    """The caller's department of the county takes the item upon itself, named or not."""
    return ItemView.of(await claim_item(session, actor, item_id))


@router.post(
    "/feedback-items/{item_id}/problems",
    responses=refusals(NotFound, OutsideFeedback, LinkedElsewhere, Invalid),
)
async def post_problems_of_item(
    item_id: UUID, body: SeveralProblems, session: WriteSession, actor: Linker
) -> ItemView:
    """Put up to 1,000 problems behind an item: all of them, or none where one is refused."""
    return ItemView.of(await link_problems(session, actor, item_id, body.problem_ids))


@router.delete(
    "/feedback-items/{item_id}/problems/{problem_id}", responses=refusals(NotFound, Invalid)
)
async def delete_problem_of_item(
    item_id: UUID, problem_id: UUID, session: WriteSession, actor: Linker
) -> ItemView:
    """Take a problem out from behind an item, to put it behind another one."""
    return ItemView.of(await unlink_problem(session, actor, item_id, problem_id))
