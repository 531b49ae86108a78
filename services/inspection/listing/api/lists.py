"""GET /lists/problem, /lists/responsibility and /lists/deadline, as JSON or as a file (I-06)."""

from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse

from services.inspection.listing.domain import DeadlineLine, ProblemLine, ResponsibilityLine
from services.inspection.listing.queries import count_list, list_page, stream_list, take_snapshot
from services.inspection.listing.sheets import (
    DEADLINE_SHEET,
    PROBLEM_SHEET,
    RESPONSIBILITY_SHEET,
    LineT,
    Sheet,
)
from services.inspection.problems.domain.states import State
from services.inspection.problems.queries import ProblemFilters
from services.inspection.roles import Reader
from services.inspection.routing.domain import Department
from services.inspection.scope import sight_of
from shared import clock
from shared.database import ReadSession
from shared.errors import Invalid
from shared.security import Actor
from shared.web.dependencies import QuerySession
from shared.web.downloads import FILE_ANSWERS, ChosenFormat, Format, download
from shared.web.fields import RegionCode
from shared.web.pagination import Page, PageQuery, PageRequest
from shared.web.problem_details import refusals

router = APIRouter(prefix="/lists", tags=["lists"])

ItemT = TypeVar("ItemT")


class ListPage(Page[ItemT], Generic[ItemT]):
    """One page of a list; `count`, the lines of the whole list, stands on the first one."""

    count: int | None = None


async def _filters(
    campaign_id: UUID | None = None,
    region_prefix: RegionCode | None = None,
    lead_dept: Department | None = None,
    state: State | None = None,
) -> ProblemFilters:
    return ProblemFilters(campaign_id, lead_dept, state, region_prefix=region_prefix)


Filters = Annotated[ProblemFilters, Depends(_filters)]
_ANSWERS: dict[int | str, dict[str, Any]] = {**FILE_ANSWERS, **refusals(Invalid)}


@router.get("/problem", response_model=ListPage[ProblemLine], responses=_ANSWERS)
async def get_problem_list(
    session: QuerySession,
    actor: Reader,
    filters: Filters,
    page: PageQuery,
    chosen: ChosenFormat,
) -> ListPage[ProblemLine] | StreamingResponse:
    """The problem list 问题清单: every problem in the caller's scope that is neither suspected
    nor withdrawn, open ones first, by deadline."""
    return await _answer(session, actor, filters, page, chosen, PROBLEM_SHEET)


@router.get("/responsibility", response_model=ListPage[ResponsibilityLine], responses=_ANSWERS)
async def get_responsibility_list(
    session: QuerySession,
    actor: Reader,
    filters: Filters,
    page: PageQuery,
    chosen: ChosenFormat,
) -> ListPage[ResponsibilityLine] | StreamingResponse:
    """The responsibility list 责任清单: the same problems in the same order, and who answers for
    each (I-12)."""
    return await _answer(session, actor, filters, page, chosen, RESPONSIBILITY_SHEET)


@router.get("/deadline", response_model=ListPage[DeadlineLine], responses=_ANSWERS)
async def get_deadline_list(
    session: QuerySession,
    actor: Reader,
    filters: Filters,
    page: PageQuery,
    chosen: ChosenFormat,
) -> ListPage[DeadlineLine] | StreamingResponse:
    """The deadline list 时限清单: the same problems in the same order, and until when each is to
    be put right."""
    return await _answer(session, actor, filters, page, chosen, DEADLINE_SHEET)


async def _answer(
    session: ReadSession,
    actor: Actor,
    filters: ProblemFilters,
    page: PageRequest,
    chosen: Format,
    sheet: Sheet[LineT],
) -> ListPage[LineT] | StreamingResponse:
    sight, today = sight_of(actor), clock.today()
    await take_snapshot(session)
    if chosen is not Format.JSON:
        rows = sheet.rows(stream_list(session, sight, filters, today), today)
        return await download(chosen, sheet.title, sheet.columns, rows)
    listed = await list_page(session, sight, filters, page, today)
    shown = page.page(listed, lambda one: sheet.line(one, today), lambda one: one.key)
    count = await count_list(session, sight, filters) if page.cursor is None else None
    return ListPage[LineT](items=shown.items, next_cursor=shown.next_cursor, count=count)
