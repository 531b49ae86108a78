"""HTTP for standards."""

from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from services.households.regions.domain import RegionUnknown
from services.households.standards import commands, queries
from services.households.standards.domain import (
    NATIONAL,
    Comparison,
    HouseholdProfile,
    IncomeBasis,
    PeriodInvalid,
    Standard,
    StandardNotFound,
    VillageProfile,
)
from services.households.standards.tables import StandardRow
from shared.errors import NotFound
from shared.regions import RegionCodeInvalid, parse_region_code
from shared.security import Actor, Role
from shared.web.dependencies import AnyActor, QuerySession, WriteSession, allows
from shared.web.fields import Day, Money, Percent
from shared.web.problem_details import refusals

router = APIRouter(prefix="/standards/{region}/{year}", tags=["standards"])

StandardKeeper = Annotated[Actor, allows(Role.POVERTY_OFFICE, Role.LEADING_GROUP, Role.OPS)]


def _region_or_country(text: str) -> str:
    if text == NATIONAL:
        return text
    try:
        return parse_region_code(text)
    except RegionCodeInvalid as refusal:
        raise PydanticCustomError(refusal.code, refusal.zh, {"en": refusal.en}) from None


RegionOrCountry = Annotated[
    str,
    AfterValidator(_region_or_country),
    Path(description="区划代码，CN 为全国", examples=["511132", NATIONAL]),
]
Year = Annotated[int, Path(ge=2000, le=2100, description="标准年度", examples=[2019])]


class StandardBody(BaseModel):
    """The keys of a standard."""

    model_config = ConfigDict(extra="forbid")

    poverty_line: Money | None = Field(None, description="脱贫线，元/人·年")
    monitor_line: Money | None = Field(None, description="监测线，元/人·年")
    income_basis: IncomeBasis | None = Field(None, description="收入口径：全部或稳定收入")
    exit_compare: Comparison | None = Field(None, description="达到（GTE）或超过（GT）标准线")
    household_profile: HouseholdProfile | None = Field(None, description="户脱贫指标体系")
    village_profile: VillageProfile | None = Field(None, description="村退出指标体系")
    sudden_drop_pct: Percent | None = Field(None, description="收入骤减比例")
    rigid_ratio_pct: Percent | None = Field(None, description="刚性支出占比")
    period_start: Day | None = Field(None, description="核算期首日", examples=["2018-10-01"])
    period_end: Day | None = Field(None, description="核算期末日", examples=["2019-09-30"])


class StoredStandardView(StandardBody):
    """What a region itself has set for a year."""

    region: str
    year: int
    version: int

    @classmethod
    def of(cls, row: StandardRow) -> Self:
        """The view of a row."""
        return cls(**row.model_dump(exclude={"set_by", "set_at"}))


class StandardView(StandardBody):
    """What holds for a region and year, and where each key was found."""

    region: str
    year: int
    resolved_from: dict[str, str] = Field(
        description="各项取自哪一级：区划代码、CN 或 DEFAULT（系统默认）"
    )

    @classmethod
    def of(cls, standard: Standard) -> Self:
        """The view of a resolved standard."""
        return cls.model_validate(standard, from_attributes=True)


@router.put("", responses=refusals(NotFound, RegionUnknown, PeriodInvalid))
async def set_standard(
    region: RegionOrCountry,
    year: Year,
    body: StandardBody,
    session: WriteSession,
    actor: StandardKeeper,
) -> StoredStandardView:
    """Set keys for a region and year: those given are set, null clears, the others stay (H-15)."""
    keys = body.model_dump(exclude_unset=True)
    return StoredStandardView.of(await commands.set_standard(session, actor, region, year, keys))


@router.get("", responses=refusals(StandardNotFound))
async def get_standard(
    region: RegionOrCountry, year: Year, session: QuerySession, actor: AnyActor
) -> StandardView:
    """The standard of a region and year, each key nearest in the chain up to the country."""
    return StandardView.of(await queries.get_standard(session, region, year))
