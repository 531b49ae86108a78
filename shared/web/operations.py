"""The calls every service has: probes, metrics, configured values, jobs for an instant."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError

from shared import clock
from shared.configuration import UnknownSetting
from shared.errors import Invalid, NotFound, field_error
from shared.revision import is_at_head
from shared.security import Actor, Role
from shared.web.dependencies import RunningService, WriteSession, allows, runtime_of
from shared.web.fields import Day, Instant
from shared.web.problem_details import refusals

probes = APIRouter(include_in_schema=False)
router = APIRouter(prefix="/api/v1", tags=["operations"])

RegionPath = Annotated[
    str,
    Path(
        pattern=r"^(\d{2}|\d{4}|\d{6}|\d{9}|\d{12})$",
        description="对哪个区划（及其下级）生效",
        examples=["511132"],
    ),
]


class ConfiguredValue(BaseModel):
    """A configured value from a date on."""

    model_config = ConfigDict(extra="forbid")

    value: Any
    effective_from: Day


class ConfiguredValueView(ConfiguredValue):
    """A stored configured value."""

    region: str
    key: str


class RunJob(BaseModel):
    """Which job to run, for which instant (now when absent)."""

    model_config = ConfigDict(extra="forbid")

    job: str = Field(examples=["overdue_scan"])
    as_of: Instant | None = Field(None, examples=["2019-10-01T00:00:00+08:00"])


class JobResult(BaseModel):
    """What a job did."""

    job: str
    as_of: datetime
    figures: dict[str, int]


@probes.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@probes.get("/readyz")
async def readyz(request: Request, response: Response) -> dict[str, str]:
    """The database answers and its schema is the newest. A broker that is away is no reason to
    turn callers off: writes wait in the outbox (X-01)."""
    runtime = runtime_of(request)
    try:
        at_head = await asyncio.wait_for(is_at_head(runtime.database, runtime.revision), 3)
    except (OSError, TimeoutError, DBAPIError):
        at_head = False
    if not at_head or request.app.state.draining:
        response.status_code = 503
        return {"status": "not ready"}
    return {"status": "ready"}


@probes.get("/metrics")
async def metrics() -> Response:
    """Prometheus text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.put("/config/{region}/{key}", responses=refusals(NotFound, UnknownSetting, Invalid))
async def set_config_value(
    region: RegionPath,
    key: Annotated[str, Path(description="配置项，见各服务说明中的 ⚙")],
    body: ConfiguredValue,
    session: WriteSession,
    runtime: RunningService,
    actor: Annotated[Actor, allows(Role.POVERTY_OFFICE, Role.LEADING_GROUP, Role.OPS)],
) -> ConfiguredValueView:
    """Set one of the rules' configurable values for a region from a date on (X-06)."""
    parsed = await runtime.configuration.store(
        session,
        actor,
        region=region,
        key=key,
        value=body.value,
        effective_from=body.effective_from,
    )
    return ConfiguredValueView(
        region=region, key=key, value=parsed, effective_from=body.effective_from
    )


@router.post("/ops/run")
async def run_job(
    body: RunJob, runtime: RunningService, actor: Annotated[Actor, allows(Role.OPS)]
) -> JobResult:
    """Run a time-dependent job for an instant, without waiting for it (X-15)."""
    job = runtime.jobs.get(body.job)
    if job is None:
        raise field_error("job", "JOB_UNKNOWN", "没有此作业。", "There is no such job.")
    as_of = body.as_of or clock.now()
    if as_of > clock.now() and not runtime.settings.simulation_clock:
        raise field_error(
            "as_of", "AS_OF_IN_FUTURE", "不得晚于当前时间。", "It must not lie in the future."
        )
    figures = await job(runtime, as_of)
    return JobResult(job=body.job, as_of=as_of, figures=figures)
