"""PUT /routing/{region}/{kind}: a region's own lead department of a problem kind."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.inspection.fields import CivilDate, KindCode
from services.inspection.roles import Steerer
from services.inspection.routing.commands import set_route
from services.inspection.routing.domain import Department, RouteFixed
from services.inspection.routing.queries import routing_of
from shared.errors import Invalid, NotFound
from shared.web.dependencies import RunningService, WriteSession
from shared.web.fields import RegionCode
from shared.web.problem_details import refusals

router = APIRouter(prefix="/routing", tags=["routing"])


class SetRoute(BaseModel):
    """The lead department from a day on."""

    model_config = ConfigDict(extra="forbid")

    dept: Department = Field(description="牵头部门", examples=["HOUS"])
    effective_from: CivilDate


class RouteView(SetRoute):
    """A region's routing rule."""

    region: str
    kind: str


@router.put("/{region}/{kind}", responses=refusals(Invalid, RouteFixed, NotFound))
async def put_route(
    region: RegionCode,
    kind: KindCode,
    body: SetRoute,
    session: WriteSession,
    runtime: RunningService,
    actor: Steerer,
) -> RouteView:
    """Name the department that leads a kind in a region and below, from a day on (I-10)."""
    rule = await set_route(
        session,
        routing_of(runtime),
        actor,
        region=region,
        kind=kind,
        department=body.dept,
        effective_from=body.effective_from,
    )
    return RouteView(
        region=rule.region,
        kind=rule.kind,
        dept=Department(rule.department),
        effective_from=rule.effective_from,
    )
