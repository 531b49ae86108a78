"""POST /campaigns/{id}/checks and /checks:batch."""

from collections.abc import Iterable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.inspection.campaigns.domain import (
    Action,
    CampaignState,
    OutsideCampaign,
    OwnTownship,
    VillageOutsideSelfCheck,
)
from services.inspection.fields import CivilDate
from services.inspection.problems.api.requests import ProblemObjectRef
from services.inspection.problems.domain.findings import ObjectCodeInvalid
from services.inspection.stages.api.stages import may
from services.inspection.stages.commands.checks import record_checks
from services.inspection.stages.domain.checks import (
    Check,
    CheckedOutOfStage,
    CheckObjectElsewhere,
    CheckObjectInvalid,
    CheckProblemMismatch,
    NotThisStage,
    Result,
)
from shared.errors import DomainError, IllegalMove, Invalid, NotFound, field_error
from shared.security import Actor
from shared.web.dependencies import WriteSession
from shared.web.field_errors import field_errors
from shared.web.fields import RegionCode, Title
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.problem_details import ProblemField, language_of, refusals

router = APIRouter(prefix="/campaigns/{campaign_id}", tags=["campaigns"])


class RecordCheck(BaseModel):
    """A look at one object by a team; `stage` guards against recording it for another than the
    present one."""

    model_config = ConfigDict(extra="forbid")

    object: ProblemObjectRef
    village_code: RegionCode
    checked_on: CivilDate
    team: Title = Field(examples=["沙坪镇交叉排查一组"])
    result: Result
    problem_id: UUID | None = Field(None, description="结果为 PROBLEM 时，填已登记问题的 id")
    stage: CampaignState | None = None

    def check(self) -> Check:
        """The plain check; raises what is wrong with its form."""
        return Check(
            self.object.type,
            self.object.ref(),
            self.village_code,
            self.checked_on,
            self.team,
            self.result,
            self.problem_id,
            self.stage,
        )


class RecordChecks(BaseModel):
    """Up to 1,000 checks; each is stored or refused on its own."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "properties": {
                "rows": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 1000,
                    "items": {"$ref": "#/components/schemas/RecordCheck"},
                },
            }
        },
    )

    rows: list[Any] = Field(min_length=1, max_length=1000)


class CheckView(BaseModel):
    """Whether the check was recorded now, or had been before."""

    recorded: bool


class CheckResult(BaseModel):
    """What became of one row: 201 recorded, 200 known before, 4xx refused."""

    index: int
    status: int
    code: str | None = None
    errors: list[ProblemField] = []


class CheckBatchView(BaseModel):
    """The result of each row, in order, and their numbers."""

    recorded: int
    repeated: int
    refused: int
    results: list[CheckResult]


_CHECK_REFUSALS = refusals(
    Invalid,
    NotFound,
    IllegalMove,
    NotThisStage,
    OutsideCampaign,
    OwnTownship,
    VillageOutsideSelfCheck,
    ObjectCodeInvalid,
    CheckObjectInvalid,
    CheckObjectElsewhere,
    CheckProblemMismatch,
    CheckedOutOfStage,
    IdempotencyConflict,
    IdempotencyInProgress,
)
_Checking = Annotated[Actor, may(Action.CHECK)]


@router.post("/checks", status_code=201, responses=_CHECK_REFUSALS)
async def record_check(
    campaign_id: UUID,
    body: RecordCheck,
    session: WriteSession,
    once: OnceOnly,
    actor: _Checking,
) -> CheckView:
    """Record that a team looked at a household or village in the present stage (I-51)."""
    outcome = (await record_checks(session, actor, campaign_id, [body.check()]))[0]
    if isinstance(outcome, DomainError):
        raise outcome
    return await once.keep(CheckView(recorded=outcome))


@router.post("/checks:batch", status_code=201, responses=_CHECK_REFUSALS)
async def record_check_batch(
    campaign_id: UUID,
    body: RecordChecks,
    request: Request,
    session: WriteSession,
    once: OnceOnly,
    actor: _Checking,
) -> CheckBatchView:
    """Record up to 1,000 checks; good rows are stored, bad ones reported (X-10)."""
    read = [_read(row) for row in body.rows]
    good = [one for one in read if isinstance(one, Check)]
    outcomes = iter(await record_checks(session, actor, campaign_id, good))
    results = [next(outcomes) if isinstance(one, Check) else one for one in read]
    return await once.keep(_batch(results, language_of(request)))


def _read(row: Any) -> Check | DomainError:
    if not isinstance(row, dict):
        return field_error("row", "TYPE_INVALID", "每行应为对象。", "A row is an object.")
    try:
        return RecordCheck.model_validate(row).check()
    except ValidationError as error:
        return Invalid(errors=field_errors(error.errors(include_url=False), skip=0))
    except DomainError as refusal:
        return refusal


def _batch(outcomes: Iterable[bool | DomainError], language: str) -> CheckBatchView:
    results = [_result(index, outcome, language) for index, outcome in enumerate(outcomes)]
    recorded = sum(result.status == 201 for result in results)
    repeated = sum(result.status == 200 for result in results)
    return CheckBatchView(
        recorded=recorded,
        repeated=repeated,
        refused=len(results) - recorded - repeated,
        results=results,
    )


def _result(index: int, outcome: bool | DomainError, language: str) -> CheckResult:
    if not isinstance(outcome, DomainError):
        return CheckResult(index=index, status=201 if outcome else 200)
    codes = {error.code for error in outcome.errors}
    return CheckResult(
        index=index,
        status=outcome.status,
        code=codes.pop() if len(codes) == 1 else outcome.code,
        errors=[
            ProblemField(field=error.field, code=error.code, message=error.message(language))
            for error in outcome.errors
        ],
    )
