"""POST /problems and POST /problems:batch."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from services.inspection.campaigns.domain import (
    CampaignClosed,
    CampaignUnknown,
    OutsideCampaign,
    OwnTownship,
    VillageOutsideSelfCheck,
)
from services.inspection.deadlines.domain import DueBeforeFound, DueTooLate, NoDueForSystemic
from services.inspection.evidence.domain import EvidenceMismatch
from services.inspection.problems.api.requests import LogProblem, LogProblems
from services.inspection.problems.api.views import LoggedProblemView
from services.inspection.problems.commands.judging import desk_of
from services.inspection.problems.commands.logging import KeyHold, log_new_finding
from services.inspection.problems.commands.merging import Logged, log_findings
from services.inspection.problems.domain.findings import (
    ClosedOutOfTime,
    EvidenceRequired,
    Finding,
    FoundInFuture,
    HistoricForOps,
    HistoricWithdrawn,
    ObjectCodeInvalid,
    ObjectMisplaced,
    RegionUnknown,
    VillageRequired,
)
from services.inspection.problems.domain.states import WHO, Action
from services.inspection.problems.tables import NewProblem
from shared.errors import DomainError, Invalid, NotFound, field_error
from shared.security import Actor, Role
from shared.web.dependencies import Allow, RunningService, WriteSession, runtime_of
from shared.web.field_errors import field_errors
from shared.web.idempotency import (
    IdempotencyConflict,
    IdempotencyInProgress,
    OnceOnly,
    key_of,
    once,
    scope_and_digest,
)
from shared.web.problem_details import ProblemField, language_of, refusals

_allow_finders = Allow(*map(Role, WHO[Action.LOG]))
FinderActor = Annotated[Actor, Depends(_allow_finders)]

_REFUSALS = refusals(
    Invalid,
    CampaignUnknown,
    OutsideCampaign,
    CampaignClosed,
    VillageOutsideSelfCheck,
    OwnTownship,
    RegionUnknown,
    VillageRequired,
    ObjectCodeInvalid,
    ObjectMisplaced,
    FoundInFuture,
    EvidenceRequired,
    EvidenceMismatch,
    HistoricForOps,
    HistoricWithdrawn,
    ClosedOutOfTime,
    DueTooLate,
    DueBeforeFound,
    NoDueForSystemic,
    NotFound,
    IdempotencyConflict,
    IdempotencyInProgress,
)


async def idempotency_of_the_hot_path(request: Request) -> KeyHold | None:
    """The request's key for the statement that logs; without a key, None."""
    key = key_of(request)
    if key is None:
        return None
    scope, digest = await scope_and_digest(request)
    return KeyHold(scope, key, digest)


class FindingRoute(APIRoute):
    """The route of single findings, which reads its request itself: to have every request's
    dependencies resolved costs more than to judge the finding and store it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request; it hands `log_problem` what its signature declares."""

        async def answer(request: Request) -> Response:
            actor = await _allow_finders(request)
            try:
                body = LogProblem.model_validate_json(await request.body())
            except ValidationError as error:
                found = error.errors(include_url=False, include_input=False)
                raise RequestValidationError(
                    [{**detail, "loc": ("body", *detail["loc"])} for detail in found]
                ) from None
            hold = await idempotency_of_the_hot_path(request)
            return await log_problem(body, request, hold, actor)

        return answer


single = APIRouter(tags=["problems"], route_class=FindingRoute)
router = APIRouter(tags=["problems"])


@single.post(
    "/problems",
    status_code=201,
    response_model=LoggedProblemView,
    responses={200: {"model": LoggedProblemView, "description": "Merged (I-04)"}, **_REFUSALS},
)
async def log_problem(
    body: LogProblem,
    request: Request,
    hold: Annotated[KeyHold | None, Depends(idempotency_of_the_hot_path)],
    actor: FinderActor,
) -> Response:
    """Log a finding: routed, dated and in the lead department's queue at once (I-01, I-10, I-20).

    A finding that repeats an open problem (same object and kind) is added to it as a source: 200
    with `merged` (I-04).
    """
    runtime = runtime_of(request)
    finding = body.finding(actor)
    answer = await log_new_finding(
        runtime.database, desk_of(runtime), actor, finding, hold, _answer_of
    )
    if answer is not None:
        return Response(answer, 201, media_type="application/json")
    return await _log_again(request, actor, finding)


def _answer_of(problem: NewProblem) -> str:
    return LoggedProblemView.of(problem).model_dump_json()


async def _log_again(request: Request, actor: Actor, finding: Finding) -> Response:
    """The quiet path: the key was used before, or there is an open problem to merge with."""
    runtime = runtime_of(request)
    async with runtime.database.transaction() as session:
        hold = await once(request, session)
        outcome = (await log_findings(desk_of(runtime), session, actor, [finding]))[0]
        if isinstance(outcome, DomainError):
            raise outcome
        status = 200 if outcome.merged else 201
        view = LoggedProblemView.of(outcome.problem, merged=outcome.merged)
        await hold.keep(view, status)
    return Response(view.model_dump_json(), status, media_type="application/json")


class RowResult(BaseModel):
    """What became of one row: 201 logged, 200 merged, 4xx refused with `code` and `errors`."""

    index: int
    status: int
    id: UUID | None = None
    problem_no: str | None = None
    state: str | None = None
    lead_dept: str | None = None
    due_on: str | None = None
    merged: bool = False
    code: str | None = None
    errors: list[ProblemField] = []


class BatchView(BaseModel):
    """The result of each row, in order, and their numbers."""

    logged: int
    merged: int
    refused: int
    results: list[RowResult]


@router.post("/problems:batch", status_code=201, responses=_REFUSALS)
async def log_problems(
    body: LogProblems,
    request: Request,
    session: WriteSession,
    once: OnceOnly,
    runtime: RunningService,
    actor: FinderActor,
) -> BatchView:
    """Log up to 1,000 findings; good rows are stored, bad ones reported, each on its own (X-10)."""
    language = language_of(request)
    read = [_read(row, actor) for row in body.rows]
    findings = [one for one in read if isinstance(one, Finding)]
    outcomes = iter(await log_findings(desk_of(runtime), session, actor, findings))
    results = [
        _row(index, next(outcomes) if isinstance(one, Finding) else one, language)
        for index, one in enumerate(read)
    ]
    return await once.keep(_batch(results))


def _read(row: Any, actor: Actor) -> Finding | DomainError:
    if not isinstance(row, dict):
        return field_error("row", "TYPE_INVALID", "每行应为对象。", "A row is an object.")
    try:
        return LogProblem.model_validate(row).finding(actor)
    except ValidationError as error:
        return Invalid(errors=field_errors(error.errors(include_url=False), skip=0))
    except DomainError as refusal:
        return refusal


def _row(index: int, outcome: Logged | DomainError, language: str) -> RowResult:
    if isinstance(outcome, DomainError):
        codes = {error.code for error in outcome.errors}
        return RowResult(
            index=index,
            status=outcome.status,
            code=codes.pop() if len(codes) == 1 else outcome.code,
            errors=[
                ProblemField(field=error.field, code=error.code, message=error.message(language))
                for error in outcome.errors
            ],
        )
    problem = outcome.problem
    return RowResult(
        index=index,
        status=200 if outcome.merged else 201,
        id=problem.id,
        problem_no=problem.problem_no,
        state=problem.state,
        lead_dept=problem.lead_dept,
        due_on=problem.due_on and problem.due_on.isoformat(),
        merged=outcome.merged,
    )


def _batch(results: list[RowResult]) -> BatchView:
    logged = sum(result.status == 201 for result in results)
    merged = sum(result.status == 200 for result in results)
    return BatchView(
        logged=logged, merged=merged, refused=len(results) - logged - merged, results=results
    )
