"""HTTP for answers to petitioners."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.notify.contacts.addresses import PetitionerAddress
from services.notify.contacts.api import reach_of
from services.notify.contacts.domain import Channel, PersonalIdentifier
from services.notify.feedback import commands, queries
from services.notify.feedback.domain import Result, State
from services.notify.feedback.queries import ListedFeedback
from shared.errors import NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, RunningService, WriteSession, allows
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/petition-feedback", tags=["petitions"])

Handler = Annotated[
    Actor,
    allows(
        Role.DEPT_HANDLER,
        Role.DEPT_HEAD,
        Role.POVERTY_OFFICE,
        Role.TOWNSHIP_REVIEWER,
        Role.TOWNSHIP_PARTY_SECRETARY,
        Role.DISCIPLINE,
    ),
]
PetitionNo = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$")]
Note = Annotated[
    str, StringConstraints(max_length=300, strip_whitespace=True, pattern=r"^[^\x00]*$")
]


class AnswerPetitioner(BaseModel):
    """What a petitioner is to be told, and where."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_extra={
            "examples": [
                {
                    "petition_no": "XF-2026-0017",
                    "result": "RESOLVED",
                    "note": "危房已于本月修缮完毕。",
                    "contact": {"channel": "SMS", "mobile": "19900000001"},
                }
            ]
        },
    )

    petition_no: PetitionNo = Field(description="信访件编号", examples=["XF-2026-0017"])
    result: Result = Field(description="办理结果")
    note: Note = Field("", description="补充说明，不得含身份证号、账号、手机号")
    contact: PetitionerAddress


class FeedbackView(BaseModel):
    """An answer to a petitioner, and whether it has reached him."""

    id: UUID
    petition_no: str
    org: str
    result: Result
    channel: Channel
    address_shown: str = Field(description="脱敏；到期清除", examples=["199****0001"])
    state: State
    reason: str | None = Field(description="未送达的原因，取值同发送记录")
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, listed: ListedFeedback) -> Self:
        """The view of a row with its contact."""
        feedback, contact = listed
        return cls(
            **feedback.model_dump(),
            id=feedback.feedback_id,
            channel=Channel(contact.channel),
            address_shown=contact.address_shown,
        )


@router.post(
    "",
    status_code=201,
    responses=refusals(NotFound, PersonalIdentifier, IdempotencyConflict, IdempotencyInProgress),
)
async def answer_petitioner(
    body: AnswerPetitioner,
    session: WriteSession,
    runtime: RunningService,
    once: OnceOnly,
    actor: Handler,
) -> FeedbackView:
    """Tell a petitioner what came of the petition (N-10): within working hours, and no number,
    account or illness with it."""
    listed = await commands.answer_petitioner(
        session,
        actor,
        petition_no=body.petition_no,
        result=body.result,
        note=body.note,
        reach=reach_of(runtime, body.contact),
    )
    return await once.keep(FeedbackView.of(listed))


@router.get("")
async def list_petition_feedback(
    session: QuerySession,
    actor: Handler,
    page: PageQuery,
    petition_no: Annotated[PetitionNo | None, Query(description="只列该信访件的答复")] = None,
    state: Annotated[State | None, Query(description="只列处于该状态的")] = None,
) -> Page[FeedbackView]:
    """The answers one's own organisation has given."""
    rows = await queries.list_feedback(
        session, actor.organisation, page, petition_no=petition_no, state=state
    )
    return page.page(rows, FeedbackView.of, lambda row: (row.feedback.feedback_id,))


@router.get("/{feedback_id}", responses=refusals(NotFound))
async def get_petition_feedback(
    feedback_id: UUID, session: QuerySession, actor: Handler
) -> FeedbackView:
    """One answer of one's own organisation."""
    return FeedbackView.of(await queries.get_feedback(session, actor.organisation, feedback_id))
