"""HTTP for regions."""

from datetime import date
from typing import Annotated, Self

from fastapi import APIRouter, Body, Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.households.regions import commands, queries
from services.households.regions.domain import Kind, RegionFacts
from services.households.regions.tables import Region
from shared import clock
from shared.errors import Invalid, NotFound
from shared.regions import Level, RegionListUnreadable
from shared.security import Actor, Role
from shared.web.dependencies import AnyActor, QuerySession, WriteSession, allows
from shared.web.fields import Day, RegionCode
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import language_of, refusals

router = APIRouter(tags=["regions"])

RegionKeeper = Annotated[Actor, allows(Role.POVERTY_OFFICE, Role.OPS)]


class Centroid(BaseModel):
    """A point in degrees (WGS 84)."""

    model_config = ConfigDict(extra="forbid")

    lng: float = Field(ge=-180, le=180, examples=[103.26])
    lat: float = Field(ge=-90, le=90, examples=[29.23])


class StoreRegion(BaseModel):
    """What holds of a region from a day on."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00]*$")] = Field(
        min_length=1, max_length=100, description="名称", examples=["桐花村"]
    )
    parent: RegionCode | None = Field(None, description="上级代码；可省略，须为本级代码的前缀")
    level: Level | None = Field(None, description="级别；可省略，须与代码长度相符")
    kind: Kind | None = Field(None, description="贫困村/非贫困村；仅村级")
    admin_zone: bool | None = Field(None, description="管理区、开发区；省略时由代码判断")
    centroid: Centroid | None = None
    rural_population: int | None = Field(None, ge=0, le=100_000_000, description="农村户籍人口")
    valid_from: Day | None = Field(None, description="生效日期；省略为今天")
    replaces: list[RegionCode] = Field(
        default=[], max_length=50, description="被本代码取代的旧代码，自生效日期起撤销"
    )

    def facts(self, code: str) -> RegionFacts:
        """The body as a plain value."""
        zone = self.admin_zone
        return RegionFacts(
            name=self.name,
            kind=self.kind,
            admin_zone=commands.default_admin_zone(code) if zone is None else zone,
            longitude=self.centroid.lng if self.centroid else None,
            latitude=self.centroid.lat if self.centroid else None,
            rural_population=self.rural_population,
        )


class RegionView(BaseModel):
    """A region during one period; `valid_to` is the first day on which it no longer holds."""

    code: str
    name: str
    level: Level
    parent: str | None
    kind: Kind | None
    admin_zone: bool
    centroid: Centroid | None
    rural_population: int | None
    valid_from: date
    valid_to: date | None

    @classmethod
    def of(cls, region: Region) -> Self:
        """The view of a row."""
        centroid = None
        if region.longitude is not None and region.latitude is not None:
            centroid = Centroid(lng=region.longitude, lat=region.latitude)
        return cls(**region.model_dump(), centroid=centroid)


class RefusedRowView(BaseModel):
    """A refused row: its line in the file (the header is 1), or its code where the line is known
    to be readable, and why."""

    line: int | None
    region_code: str | None
    code: str
    message: str


class ImportView(BaseModel):
    """What an import did."""

    stored: int = Field(description="新增或变更的区划数")
    unchanged: int
    refused: list[RefusedRowView]


@router.put("/regions/{code}", responses=refusals(NotFound, Invalid))
async def store_region(
    code: RegionCode, body: StoreRegion, session: WriteSession, actor: RegionKeeper
) -> RegionView:
    """Store a region from a day on. A new name or kind ends the present period and opens the next;
    codes are never overwritten (`replaces` ends the old ones)."""
    region = await commands.store_region(
        session,
        actor,
        code,
        body.facts(code),
        parent=body.parent,
        level=body.level,
        since=body.valid_from or clock.today(),
        replaces=body.replaces,
    )
    return RegionView.of(region)


@router.post("/regions:import", responses=refusals(RegionListUnreadable))
async def import_regions(
    body: Annotated[
        bytes, Body(media_type="text/csv", examples=["code,name\n511132201205,桐花村"])
    ],
    session: WriteSession,
    actor: RegionKeeper,
    language: Annotated[str, Depends(language_of)],
) -> ImportView:
    """Store a CSV list (columns code and name; UTF-8 or GB 18030). Every good row is stored, every
    bad one reported; the same list again changes nothing."""
    done = await commands.import_regions(session, actor, body)
    refused = [
        RefusedRowView(
            line=row.line,
            region_code=row.region_code,
            code=row.error.code,
            message=row.error.message(language),
        )
        for row in done.refused
    ]
    return ImportView(stored=done.stored, unchanged=done.unchanged, refused=refused)


@router.get("/regions/{code}", responses=refusals(NotFound))
async def get_region(
    code: RegionCode, session: QuerySession, actor: AnyActor, as_of: Day | None = None
) -> RegionView:
    """A region as it is, or was on a day."""
    return RegionView.of(await queries.get_region(session, code, as_of or clock.today()))


@router.get("/regions", responses=refusals(Invalid))
async def list_regions(
    session: QuerySession,
    actor: AnyActor,
    page: PageQuery,
    parent: RegionCode | None = None,
    level: Level | None = None,
    as_of: Day | None = None,
) -> Page[RegionView]:
    """Regions in the order of their codes, as they are or were on a day."""
    rows = await queries.list_regions(
        session, page, as_of or clock.today(), parent=parent, level=level
    )
    return page.page(rows, RegionView.of, lambda region: (region.code,))
