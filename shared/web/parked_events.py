"""What a person can do about events set aside by the consumer, and about a clock that jumped."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from shared import timers
from shared.audit import record_audit
from shared.messaging import parking
from shared.messaging.ordering import Aggregate
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.problem_details import refusals

router = APIRouter(prefix="/api/v1/ops", tags=["operations"])

Operator = Annotated[Actor, allows(Role.OPS)]


class ParkedEventView(BaseModel):
    """An event set aside: why, since when, after how many attempts. Its data are not shown."""

    event_id: UUID
    aggregate_type: str
    aggregate_id: str
    sequence: int | None
    kind: str
    error: str | None
    attempts: int
    parked_at: datetime


class ParkedEvents(BaseModel):
    """The oldest of what is set aside, at most 200."""

    items: list[ParkedEventView]


class ReplayParked(BaseModel):
    """Which subject's events to apply again; all of them without one."""

    model_config = ConfigDict(extra="forbid")

    aggregate_type: str | None = Field(None, examples=["inspection.problem"])
    aggregate_id: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> "ReplayParked":
        # Half a subject must not pass for none: that would apply everything.
        if (self.aggregate_type is None) is not (self.aggregate_id is None):
            raise PydanticCustomError(
                "SUBJECT_INCOMPLETE",
                "aggregate_type 和 aggregate_id 须同时填写，或都不填。",
                {"en": "Give both aggregate_type and aggregate_id, or neither."},
            )
        return self


class Replayed(BaseModel):
    """How many events were applied."""

    applied: int


class SkipParked(BaseModel):
    """Why an event will never be applied."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=2, max_length=500)


@router.get("/parked-events")
async def list_parked_events(
    session: QuerySession, runtime: RunningService, actor: Operator
) -> ParkedEvents:
    """Events the consumer has set aside: poison, held, gap, conflict, unknown version."""
    connection = await session.driver()
    rows = await parking.list_open(connection, runtime.name)
    return ParkedEvents(
        items=[
            ParkedEventView(
                event_id=row.event_id,
                aggregate_type=row.aggregate.type,
                aggregate_id=row.aggregate.id,
                sequence=row.sequence,
                kind=row.kind,
                error=row.error,
                attempts=row.attempts,
                parked_at=row.parked_at,
            )
            for row in rows
        ]
    )


@router.post("/parked-events/replay")
async def replay_parked_events(
    body: ReplayParked, runtime: RunningService, actor: Operator
) -> Replayed:
    """Apply events set aside again, each once and in order, after their cause was mended."""
    subject = None
    if body.aggregate_type is not None and body.aggregate_id is not None:
        subject = [Aggregate(body.aggregate_type, body.aggregate_id)]
    applied = await parking.replay(
        runtime.database, runtime.inbox, by=actor.person, aggregates=subject
    )
    return Replayed(applied=applied)


@router.post(
    "/parked-events/{event_id}/skip",
    status_code=204,
    responses=refusals(parking.ParkedEventNotFound),
)
async def skip_parked_event(
    event_id: UUID,
    body: SkipParked,
    session: WriteSession,
    runtime: RunningService,
    actor: Operator,
) -> None:
    """Give an event up for good; the events held behind it are applied."""
    await parking.skip(runtime.database, runtime.inbox, event_id, by=actor.person)
    await record_audit(session, actor, "SKIP", "parked_event", event_id, remark=body.reason)


@router.post("/confirm-clock", status_code=204)
async def confirm_clock(session: WriteSession, actor: Operator) -> None:
    """Say that the database's clock is right again after a jump; timers go on."""
    await timers.confirm_clock(session)
    await record_audit(session, actor, "CONFIRM", "clock", "database")
