"""Reading assessment sheets and judging them."""

from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, TypeAdapter
from sqlmodel import col, select

from services.inspection.assessment.domain import Item, SheetResult, judge_sheet
from services.inspection.assessment.tables import AssessmentSheet
from shared.configuration import Setting
from shared.database import ReadSession, Session
from shared.errors import NotFound
from shared.regions import prefix_range
from shared.security import Actor
from shared.web.pagination import PageRequest

ItemCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{1,39}$")]
"""What an assessed item is called by."""

# The result indicators of 厅字〔2016〕6号 that a county can be measured by.
KEY_INDICATORS: Setting[tuple[str, ...]] = Setting(
    "assessment_key_indicators",
    (
        "POPULATION_REDUCED",  # 建档立卡贫困人口减少
        "INCOME_GROWTH",  # 农村居民收入增长
        "IDENTIFICATION_ACCURACY",  # 贫困人口识别准确率
        "EXIT_ACCURACY",  # 贫困人口退出准确率
        "HELP_SATISFACTION",  # 帮扶工作群众满意度
        "FUND_PERFORMANCE",  # 扶贫资金绩效
    ),
    tuple[ItemCode, ...],
    rule="I-59",
)
PASS_PCT = Setting("assessment_pass_pct", 100, Annotated[int, Field(ge=0, le=100)], rule="I-59")

ITEMS = TypeAdapter(tuple[Item, ...])


def items_of(sheet: AssessmentSheet) -> tuple[Item, ...]:
    """The items of a sheet."""
    return ITEMS.validate_python(sheet.items)


def judge(sheet: AssessmentSheet) -> SheetResult:
    """A sheet judged by its scores so far."""
    return judge_sheet(
        items_of(sheet),
        {item: Decimal(score) for item, score in sheet.scores.items()},
        key_indicators=sheet.key_indicators,
        pass_pct=sheet.pass_pct,
    )


async def get_sheet(session: ReadSession, actor: Actor, sheet_id: UUID) -> AssessmentSheet:
    """A sheet of the caller's region; raises `NotFound`."""
    return _found(actor, await session.get(AssessmentSheet, sheet_id))


async def get_sheet_for_update(session: Session, actor: Actor, sheet_id: UUID) -> AssessmentSheet:
    """A sheet of the caller's region, locked; raises `NotFound`."""
    return _found(actor, await session.get(AssessmentSheet, sheet_id, with_for_update=True))


async def list_sheets(
    session: ReadSession, region: str, year: int | None, page: PageRequest
) -> list[AssessmentSheet]:
    """A page of the sheets of a region and below, oldest first."""
    low, high = prefix_range(region)
    place = col(AssessmentSheet.region_code)
    statement = select(AssessmentSheet).where(place >= low, place < high)
    if year is not None:
        statement = statement.where(col(AssessmentSheet.year) == year)
    order: list[Any] = [col(AssessmentSheet.id)]
    return list(await session.scalars(page.after(statement, order, UUID)))


def _found(actor: Actor, sheet: AssessmentSheet | None) -> AssessmentSheet:
    if sheet is None:
        raise NotFound
    actor.must_cover(sheet.region_code)
    return sheet
