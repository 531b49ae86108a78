"""PUT and GET /responsibles: who answers for an organisation."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from services.inspection.fields import CivilDate
from services.inspection.responsibility.commands import set_responsibles
from services.inspection.responsibility.domain import Responsible
from services.inspection.responsibility.queries import get_responsibles, list_responsibles
from services.inspection.responsibility.tables import ResponsiblePersons
from services.inspection.roles import Reader, Steerer
from shared import clock
from shared.errors import Invalid, NotFound
from shared.web.dependencies import QuerySession, WriteSession
from shared.web.fields import OrganisationCode, PersonName, RegionCode
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/responsibles", tags=["responsibility"])

OnDay = Annotated[CivilDate | None, Query(description="哪一天的责任人；不填为今天")]


class SetResponsibles(BaseModel):
    """The three persons who answer from a day on."""

    model_config = ConfigDict(extra="forbid")

    unit_head: PersonName = Field(description="一把手，第一责任人")
    deputy: PersonName = Field(description="分管领导，具体责任人")
    county_leader: PersonName = Field(description="县级责任领导")
    effective_from: CivilDate = Field(description="自哪一天起")


class ResponsiblesView(SetResponsibles):
    """Who answers for an organisation since `effective_from`."""

    org: str

    @classmethod
    def of(cls, row: ResponsiblePersons) -> "ResponsiblesView":
        """The view of a row."""
        return cls.model_validate(row, from_attributes=True)


@router.put("/{org}", responses=refusals(Invalid, NotFound))
async def put_responsibles(
    org: OrganisationCode, body: SetResponsibles, session: WriteSession, actor: Steerer
) -> ResponsiblesView:
    """Name number one, deputy and county leader of an organisation from a day on; the persons
    before them stay on record, the same day's are replaced (I-12)."""
    responsible = Responsible(body.unit_head, body.deputy, body.county_leader)
    return ResponsiblesView.of(
        await set_responsibles(session, actor, org, responsible, body.effective_from)
    )


@router.get("/{org}", responses=refusals(Invalid, NotFound))
async def get_responsibles_of(
    org: OrganisationCode, session: QuerySession, actor: Reader, on: OnDay = None
) -> ResponsiblesView:
    """Who answers for an organisation of the caller's county line on a day."""
    return ResponsiblesView.of(await get_responsibles(session, actor, org, on or clock.today()))


@router.get("", responses=refusals(Invalid, NotFound))
async def get_responsibles_in_region(
    session: QuerySession,
    actor: Reader,
    page: PageQuery,
    region_code: RegionCode | None = None,
    on: OnDay = None,
) -> Page[ResponsiblesView]:
    """Who answers on a day for the organisations of a region (the caller's own when left out) and
    below, its own organisations first."""
    region = region_code or actor.region
    actor.must_cover(region)
    rows = await list_responsibles(session, region, on or clock.today(), page)
    return page.page(rows, ResponsiblesView.of, lambda row: (row.region_code, row.org))
