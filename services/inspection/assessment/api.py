"""/assessment-sheets: the self-check of process and result against the strictest rules."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.inspection.assessment.commands import create_sheet, set_scores
from services.inspection.assessment.domain import (
    Area,
    Authority,
    Content,
    Direction,
    Item,
    ItemDuplicate,
    ItemResult,
    ItemUnknown,
)
from services.inspection.assessment.queries import (
    KEY_INDICATORS,
    PASS_PCT,
    ItemCode,
    get_sheet,
    judge,
    list_sheets,
)
from services.inspection.assessment.tables import AssessmentSheet
from services.inspection.roles import Reader, Steerer
from shared.errors import Invalid, NotFound
from shared.web.dependencies import QuerySession, RunningService, WriteSession
from shared.web.fields import RegionCode, Title
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

SETTINGS = (KEY_INDICATORS, PASS_PCT)

router = APIRouter(prefix="/assessment-sheets", tags=["assessment"])


def _without_exponent(figure: Decimal) -> Decimal:
    return Decimal(f"{figure:f}")  # it is answered as it is written


Figure = Annotated[
    Decimal,
    Field(max_digits=14, decimal_places=4, examples=["95"]),
    AfterValidator(_without_exponent),
]


class AssessedItem(BaseModel):
    """An item with its points and the thresholds that apply to it."""

    model_config = ConfigDict(extra="forbid")

    item: ItemCode = Field(description="项目代码；关键指标用配置中的代码")
    title: Title = Field(examples=["帮扶工作群众满意度"])
    content: Content = Field(description="考核内容：过程三项、结果四项")
    weight: Annotated[Figure, Field(gt=0)] = Field(description="分值")
    direction: Direction = Field(Direction.AT_LEAST, description="不低于，或不高于")
    standards: dict[Authority, Figure] = Field(
        min_length=1, description="各级标准，单位与得分相同；自查就高不就低"
    )

    def of(self) -> Item:
        """The item asked for."""
        return Item(
            self.item, self.title, self.content, self.weight, self.direction, self.standards
        )


class DrawSheet(BaseModel):
    """A new assessment sheet."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "region_code": "511132",
                    "year": 2019,
                    "name": "2019年脱贫攻坚成效考核自查",
                    "items": [
                        {
                            "item": "RECTIFICATION_RATE",
                            "title": "督查暗访问题整改率",
                            "content": "RECTIFICATION",
                            "weight": "10",
                            "standards": {"PROVINCE": "100", "CITY": "95"},
                        },
                        {
                            "item": "MISSED_RATE",
                            "title": "漏评率",
                            "content": "IDENTIFICATION",
                            "weight": "10",
                            "direction": "AT_MOST",
                            "standards": {"NATIONAL": "2", "PROVINCE": "1"},
                        },
                    ],
                }
            ]
        },
    )

    region_code: RegionCode
    year: int = Field(ge=2000, le=2099)
    name: Title
    items: list[AssessedItem] = Field(min_length=1, max_length=200)


class EnterScores(BaseModel):
    """Scores by item; null takes one back, an item not named keeps its score."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"scores": {"RECTIFICATION_RATE": "97.5", "MISSED_RATE": "0.8"}}]
        },
    )

    scores: dict[ItemCode, Figure | None] = Field(min_length=1, max_length=200)


class ItemView(AssessedItem):
    """An item judged; `passed` is null while there is no score."""

    area: Area
    key: bool = Field(description="是否关键指标")
    score: Decimal | None
    rule_used: Authority = Field(description="采用哪一级标准")
    threshold: Decimal
    why: str = Field(description="采用理由")
    passed: bool | None
    points: Decimal

    @classmethod
    def judged(cls, result: ItemResult, key_indicators: list[str]) -> "ItemView":
        """The view of a judged item."""
        item = result.item
        return cls(
            item=item.item,
            title=item.title,
            content=item.content,
            weight=item.weight,
            direction=item.direction,
            standards=dict(item.standards),
            area=item.content.area,
            key=item.item in key_indicators,
            score=result.score,
            rule_used=result.authority,
            threshold=result.threshold,
            why=result.why,
            passed=result.passed,
            points=result.points,
        )


class TotalView(BaseModel):
    """Points that can be earned and that are: an item that passes earns its whole weight."""

    weight: Decimal
    points: Decimal


class SheetView(BaseModel):
    """A sheet judged by its scores so far."""

    id: UUID
    region_code: str
    year: int
    name: str
    items: list[ItemView]
    parts: dict[Area, TotalView] = Field(description="过程考核与结果考核合计")
    total: TotalView
    pass_pct: int = Field(description="合格须达到的得分比例")
    key_failing: list[str] = Field(description="未达标、未自查或未列入的关键指标")
    passed: bool

    @classmethod
    def of(cls, sheet: AssessmentSheet) -> "SheetView":
        """The view of a row, judged."""
        result = judge(sheet)
        return cls(
            **sheet.model_dump(include={"id", "region_code", "year", "name", "pass_pct"}),
            items=[ItemView.judged(item, sheet.key_indicators) for item in result.items],
            parts={
                area: TotalView(weight=part.weight, points=part.points)
                for area, part in result.parts.items()
            },
            total=TotalView(weight=result.total.weight, points=result.total.points),
            key_failing=list(result.key_failing),
            passed=result.passed,
        )


@router.post(
    "",
    status_code=201,
    responses=refusals(
        Invalid, ItemDuplicate, NotFound, IdempotencyConflict, IdempotencyInProgress
    ),
)
async def post_assessment_sheet(
    body: DrawSheet,
    session: WriteSession,
    runtime: RunningService,
    once: OnceOnly,
    actor: Steerer,
) -> SheetView:
    """Draw up the sheet of a region's year: items of the process and of the result part with every
    standard that applies to them (I-59)."""
    sheet = await create_sheet(
        session,
        runtime.configuration,
        actor,
        region_code=body.region_code,
        year=body.year,
        name=body.name,
        items=[item.of() for item in body.items],
    )
    return await once.keep(SheetView.of(sheet))


@router.put("/{sheet_id}/scores", responses=refusals(Invalid, ItemUnknown, NotFound))
async def put_assessment_scores(
    sheet_id: UUID, body: EnterScores, session: WriteSession, actor: Steerer
) -> SheetView:
    """Enter the scores of a self-check; each is judged against the strictest of its item's
    standards, 就高不就低 (I-59)."""
    return SheetView.of(await set_scores(session, actor, sheet_id, body.scores))


@router.get("/{sheet_id}", responses=refusals(Invalid, NotFound))
async def get_assessment_sheet(sheet_id: UUID, session: QuerySession, actor: Reader) -> SheetView:
    """A sheet with totals by part and, for each item, the rule used and why."""
    return SheetView.of(await get_sheet(session, actor, sheet_id))


@router.get("", responses=refusals(Invalid, NotFound))
async def get_assessment_sheets(
    session: QuerySession,
    actor: Reader,
    page: PageQuery,
    region_code: RegionCode | None = None,
    year: Annotated[int | None, Query(ge=2000, le=2099)] = None,
) -> Page[SheetView]:
    """The sheets of a region and below, oldest first."""
    region = region_code or actor.region
    actor.must_cover(region)
    rows = await list_sheets(session, region, year, page)
    return page.page(rows, SheetView.of, lambda row: (row.id,))
