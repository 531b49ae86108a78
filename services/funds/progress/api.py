"""HTTP for treasury statements, progress and the ranking of counties."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.funds.mirror.domain import UnknownRegion
from services.funds.progress import commands, queries
from services.funds.progress.commands import PROGRESS_TARGET
from services.funds.progress.domain import (
    Basis,
    Correction,
    Figures,
    PaidExceedsAvailable,
    StatementDiffers,
    StatementMissing,
)
from services.funds.progress.tables import TreasuryStatement
from services.funds.roles import READERS
from shared import clock
from shared.errors import Invalid, NotFound, VersionConflict
from shared.regions import is_within
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.fields import Day, Money, Percent, RegionCode
from shared.web.idempotency import (
    IdempotencyConflict,
    IdempotencyInProgress,
    IdempotencyKeyRequired,
    OnceOnlyForMoney,
)
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(tags=["progress"])

Reader = Annotated[Actor, allows(*READERS)]
Year = Annotated[int, Query(ge=2000, le=2100, description="预算年度")]
AsOf = Annotated[Day | None, Query(description="截止日期，缺省为当日")]


class CorrectStatement(BaseModel):
    """Which version is replaced, and why."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, description="被更正的版本", examples=[1])
    reason: str = Field(min_length=1, max_length=500, description="更正原因")


class RecordStatement(BaseModel):
    """What the treasury reports for a region and budget year on a day."""

    model_config = ConfigDict(extra="forbid")

    region_code: RegionCode
    year: int = Field(ge=2000, le=2100, description="预算年度", examples=[2019])
    as_of: Day = Field(description="截止日期", examples=["2019-09-07"])
    available: Money = Field(description="可用金额，元", examples=["100000000.00"])
    paid: Money = Field(description="已支出金额，元", examples=["65110000.00"])
    correction: CorrectStatement | None = Field(None, description="更正已登记的报表时填写")


class StatementView(BaseModel):
    """A treasury statement as recorded."""

    id: UUID
    region_code: str
    year: int
    as_of: date
    version: int
    available: Money
    paid: Money
    reason: str | None
    recorded_at: datetime

    @classmethod
    def of(cls, statement: TreasuryStatement) -> Self:
        """The view of a row."""
        return cls(**statement.model_dump(exclude={"recorded_by"}))


class ExplanationView(BaseModel):
    """What an answer was computed from (X-07)."""

    rules: list[str] = Field(examples=[["F-19", "F-31"]])
    statement_id: UUID | None
    statement_as_of: date | None
    statement_version: int | None
    ledger_paid: Money


class ProgressView(BaseModel):
    """Progress of one region. Percentages are null when nothing was available, gaps without a
    target; a negative gap is money spent beyond it."""

    region_code: str
    year: int
    as_of: date
    basis: Basis
    available: Money
    paid: Money
    progress_pct: Percent | None
    balance: Money
    balance_rate_pct: Percent | None
    target_pct: Percent | None
    gap_amount: Money | None
    gap_points: Percent | None
    difference: Money | None = Field(description="国库支出数减台账支出数；没有国库报表时为空")
    rank: int | None = Field(description="在本市各县中的名次；不是县级时为空")
    ranked: int = Field(description="参加排名的县数")
    explanation: ExplanationView


class RankView(BaseModel):
    """One county's place; counties without figures come last, without a rank."""

    rank: int | None
    region_code: str
    name: str
    progress_pct: Percent | None

    @classmethod
    def of(cls, standing: queries.Standing) -> Self:
        """The view of a standing."""
        return cls(
            rank=standing.rank,
            region_code=standing.region_code,
            name=standing.name,
            progress_pct=standing.figures.progress_pct if standing.figures else None,
        )


class RankingView(BaseModel):
    """Competition ranking (1, 2, 2, 4) of the counties of a city."""

    city: str
    year: int
    as_of: date
    basis: Basis
    items: list[RankView]


@router.post(
    "/treasury-statements",
    status_code=201,
    responses=refusals(
        IdempotencyKeyRequired,
        NotFound,
        StatementDiffers,
        VersionConflict,
        IdempotencyInProgress,
        IdempotencyConflict,
        PaidExceedsAvailable,
        UnknownRegion,
    ),
)
async def record_statement(
    body: RecordStatement,
    session: WriteSession,
    once: OnceOnlyForMoney,
    actor: Annotated[Actor, allows(Role.FINANCE, Role.POVERTY_OFFICE)],
) -> StatementView:
    """Record what the treasury reports for a day, or correct it."""
    statement = await commands.record_statement(
        session,
        actor,
        region_code=body.region_code,
        year=body.year,
        as_of=body.as_of,
        figures=Figures(body.available, body.paid),
        correction=Correction(**dict(body.correction)) if body.correction else None,
    )
    return await once.keep(StatementView.of(statement))


@router.get("/treasury-statements", responses=refusals(NotFound))
async def list_statements(
    session: QuerySession,
    actor: Reader,
    page: PageQuery,
    region_code: RegionCode | None = None,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
) -> Page[StatementView]:
    """Statements of a region and those below it with every correction, in the order recorded."""
    region = region_code or actor.region
    actor.must_cover(region)
    rows = await queries.list_statements(session, region, page, year)
    return page.page(rows, StatementView.of, lambda row: (row.id,))


@router.get("/stats/progress", responses=refusals(NotFound, StatementMissing, Invalid))
async def get_progress(
    session: QuerySession,
    actor: Reader,
    runtime: RunningService,
    region_code: RegionCode,
    year: Year,
    as_of: AsOf = None,
    basis: Basis = Basis.TREASURY,
    target_pct: Percent | None = None,
) -> ProgressView:
    """How far the money of a region and year is spent, and what is missing to the target (F-19)."""
    actor.must_cover(region_code)
    on = as_of or clock.today()
    progress = await queries.get_progress(session, region_code, year, on, basis)
    if target_pct is None:
        target_pct = runtime.configuration.value(PROGRESS_TARGET, region_code, on)
    return _view(progress, region_code, year, on, basis, target_pct)


@router.get("/stats/progress-ranking", responses=refusals(NotFound, Invalid))
async def get_progress_ranking(
    session: QuerySession,
    actor: Reader,
    city: Annotated[str, Query(pattern=r"^\d{4}$", examples=["5111"])],
    year: Year,
    as_of: AsOf = None,
    basis: Basis = Basis.TREASURY,
) -> RankingView:
    """The counties of a city by progress (F-19): for the city and above, and for its own counties,
    because a rank means nothing without those it is among."""
    if not is_within(actor.region, city):
        actor.must_cover(city)
    on = as_of or clock.today()
    standings = await queries.list_standings(session, city, year, on, basis)
    items = [RankView.of(standing) for standing in standings]
    return RankingView(city=city, year=year, as_of=on, basis=basis, items=items)


def _view(
    progress: queries.Progress,
    region_code: str,
    year: int,
    on: date,
    basis: Basis,
    target_pct: Decimal | None,
) -> ProgressView:
    figures, statement = progress.figures, progress.statement
    return ProgressView(
        region_code=region_code,
        year=year,
        as_of=on,
        basis=basis,
        available=figures.available,
        paid=figures.paid,
        progress_pct=figures.progress_pct,
        balance=figures.balance,
        balance_rate_pct=figures.balance_rate_pct,
        target_pct=target_pct,
        gap_amount=figures.gap_amount(target_pct),
        gap_points=figures.gap_points(target_pct),
        difference=progress.difference,
        rank=progress.rank,
        ranked=progress.ranked,
        explanation=ExplanationView(
            rules=["F-19", "F-31"],
            statement_id=statement.id if statement else None,
            statement_as_of=statement.as_of if statement else None,
            statement_version=statement.version if statement else None,
            ledger_paid=progress.ledger.paid,
        ),
    )
