"""POST /problems/{id}/verify and /reopen, their forms for many problems, and spot checks."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from services.inspection.closing.commands.reopening import Finding, reopen_problems
from services.inspection.closing.commands.spot_checks import draw_spot_check, record_mechanism
from services.inspection.closing.commands.verifying import verify_problems
from services.inspection.closing.domain import (
    BatchState,
    CloseOrder,
    FalseWithPass,
    MechanismRequired,
    NotSystemic,
    ReasonRequired,
    Result,
    SameVerifier,
    SpotCheckEmpty,
    SpotCheckOpen,
    TwinOpen,
    Verdict,
)
from services.inspection.closing.queries import (
    get_batch,
    get_mechanism,
    list_batches,
    list_verifications,
)
from services.inspection.closing.tables import SpotCheckBatch, SpotCheckMember, Verification
from services.inspection.evidence.domain import EvidenceMismatch
from services.inspection.fields import CivilDate
from services.inspection.problems.api.batches import MovedView, SeveralProblems
from services.inspection.problems.api.requests import Evidence
from services.inspection.problems.api.views import EvidenceView, ProblemView
from services.inspection.problems.commands.moves import only
from services.inspection.problems.domain.findings import EvidenceRequired
from services.inspection.problems.domain.levels import Body
from services.inspection.problems.domain.states import WHO, Action
from services.inspection.problems.queries import get_problem
from services.inspection.roles import Reader
from services.inspection.routing.domain import Department
from services.inspection.scope import sight_of
from shared.errors import Forbidden, IllegalMove, Invalid, NotFound
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, WriteSession, allows
from shared.web.fields import Percent, Text, Title
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(tags=["closing"])

VerifierActor = Annotated[Actor, allows(*map(Role, WHO[Action.RETURN]))]
Reopener = Annotated[Actor, allows(*map(Role, WHO[Action.REOPEN]))]
OfficeActor = Annotated[Actor, allows(Role.POVERTY_OFFICE)]
# The discipline commission closes what nobody else sees (I-13).
CloserActor = Annotated[Actor, allows(Role.LEADING_GROUP, Role.DISCIPLINE)]


class Verify(BaseModel):
    """A verdict: `level` counts the closing levels from 1; a FAIL needs `text` and `evidence`;
    `false` says that the report was untrue (I-43)."""

    model_config = ConfigDict(extra="forbid")

    level: int = Field(ge=1, le=4)
    result: Result
    false: bool = False
    text: Text | None = None
    evidence: list[Evidence] = Field([], max_length=50)

    def verdict(self) -> Verdict:
        """The plain verdict."""
        proofs = tuple(one.model_dump() for one in self.evidence)
        return Verdict(self.level, self.result, self.false, self.text, proofs)


class VerifySeveral(SeveralProblems, Verify):
    """One verdict on several problems."""


class Reopen(BaseModel):
    """What a re-inspection found; `false` says that it never was as reported (I-43)."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    evidence: list[Evidence] = Field([], max_length=50)
    false: bool = False

    def finding(self) -> Finding:
        """The plain finding."""
        return Finding(self.text, tuple(one.model_dump() for one in self.evidence), self.false)


class ReopenSeveral(SeveralProblems, Reopen):
    """What a re-inspection found about several problems."""


class VerificationView(BaseModel):
    """A verdict on a submission; `batch_id`: it came with a spot check."""

    attempt: int
    level: int
    body: Body
    passed: bool
    false_report: bool
    batch_id: UUID | None
    text: str | None
    evidence: list[EvidenceView]
    person: str
    organisation: str
    at: datetime

    @classmethod
    def of(cls, verification: Verification) -> "VerificationView":
        """The view of a row."""
        return cls.model_validate(verification, from_attributes=True)


class MechanismView(BaseModel):
    """What keeps a systemic problem from coming back (I-21)."""

    root_cause: str
    measures: str
    mechanism: str
    review_dates: list[date]
    recorded_by: str
    recorded_at: datetime


class RecordMechanism(BaseModel):
    """The root cause, the measures, the standing mechanism and when it is reviewed."""

    model_config = ConfigDict(extra="forbid")

    root_cause: Text
    measures: Text
    mechanism: Text
    review_dates: list[CivilDate] = Field(min_length=1, max_length=50)


class VerificationsView(BaseModel):
    """All verdicts on a problem, oldest first, and its standing mechanism."""

    items: list[VerificationView]
    mechanism: MechanismView | None


class DrawSpotCheck(BaseModel):
    """Whose problems to check where; `seed` makes the draw repeatable, else one is chosen."""

    model_config = ConfigDict(extra="forbid")

    township_code: str = Field(pattern="^[1-9][0-9]{8}$", examples=["511132201"])
    lead_dept: Department
    seed: Annotated[Title, Field(max_length=100)] | None = None


class SpotCheckView(BaseModel):
    """A spot check; `sampled` are to be verified one by one, the others follow their results."""

    id: UUID
    township_code: str
    lead_dept: str
    seed: str
    share_pct: Percent
    state: BatchState
    drawn_by: str
    drawn_at: datetime
    settled_at: datetime | None

    @classmethod
    def of(cls, batch: SpotCheckBatch) -> "SpotCheckView":
        """The view of a row."""
        return cls.model_validate(batch, from_attributes=True)


class SpotCheckDetailView(SpotCheckView):
    """A spot check with its problems."""

    problems: int
    sampled: list[UUID]
    results: dict[UUID, Result]

    @classmethod
    def with_members(
        cls, batch: SpotCheckBatch, members: list[SpotCheckMember]
    ) -> "SpotCheckDetailView":
        """The view of a row and its members."""
        plain: dict[str, Any] = batch.model_dump()
        return cls.model_validate(
            {
                **plain,
                "problems": len(members),
                "sampled": [one.problem_id for one in members if one.sampled],
                "results": {one.problem_id: one.result for one in members if one.result},
            }
        )


_VERIFY_REFUSALS = refusals(
    NotFound,
    Forbidden,
    IllegalMove,
    CloseOrder,
    SameVerifier,
    MechanismRequired,
    SpotCheckOpen,
    EvidenceRequired,
    EvidenceMismatch,
    ReasonRequired,
    FalseWithPass,
    Invalid,
)


@router.post("/problems/{problem_id}/verify", responses=_VERIFY_REFUSALS)
async def verify(
    problem_id: UUID, body: Verify, session: WriteSession, actor: VerifierActor
) -> ProblemView:
    """Pass or fail a submitted problem at a level: department, township, poverty office, leading
    group, each by its own people; the last one closes it (I-40). A FAIL returns it; `false` takes
    it from the done ones at once and opens a case (I-43)."""
    return ProblemView.of(only(await verify_problems(session, actor, [problem_id], body.verdict())))


@router.post("/problems:verify", responses=_VERIFY_REFUSALS)
async def verify_several(
    body: VerifySeveral, request: Request, session: WriteSession, actor: VerifierActor
) -> MovedView:
    """One verdict on up to 1,000 problems, each moved or refused on its own."""
    outcomes = await verify_problems(session, actor, body.problem_ids, body.verdict())
    return MovedView.of(request, body.problem_ids, outcomes)


_REOPEN_REFUSALS = refusals(
    NotFound, IllegalMove, EvidenceRequired, EvidenceMismatch, TwinOpen, Invalid
)


@router.post("/problems/{problem_id}/reopen", responses=_REOPEN_REFUSALS)
async def reopen(
    problem_id: UUID, body: Reopen, session: WriteSession, actor: Reopener
) -> ProblemView:
    """A closed defect is back (I-44), or never was gone (`false`, I-43)."""
    return ProblemView.of(only(await reopen_problems(session, actor, [problem_id], body.finding())))


@router.post("/problems:reopen", responses=_REOPEN_REFUSALS)
async def reopen_several(
    body: ReopenSeveral, request: Request, session: WriteSession, actor: Reopener
) -> MovedView:
    """Reopen those of a group of closed problems that a re-inspection found wanting, each moved or
    refused on its own; the others stay closed."""
    outcomes = await reopen_problems(session, actor, body.problem_ids, body.finding())
    return MovedView.of(request, body.problem_ids, outcomes)


@router.get("/problems/{problem_id}/verifications", responses=refusals(NotFound, Invalid))
async def get_verifications(
    problem_id: UUID, session: QuerySession, actor: Reader
) -> VerificationsView:
    """The verdicts on a problem and, of a systemic one, its standing mechanism."""
    await get_problem(session, sight_of(actor), problem_id)
    mechanism = await get_mechanism(session, problem_id)
    return VerificationsView(
        items=[VerificationView.of(one) for one in await list_verifications(session, problem_id)],
        mechanism=mechanism and MechanismView.model_validate(mechanism, from_attributes=True),
    )


@router.put(
    "/problems/{problem_id}/standing-mechanism",
    responses=refusals(NotFound, Forbidden, NotSystemic, Invalid),
)
async def put_mechanism(
    problem_id: UUID, body: RecordMechanism, session: WriteSession, actor: CloserActor
) -> MechanismView:
    """The leading group records the standing mechanism of a systemic problem (I-21)."""
    recorded = await record_mechanism(session, actor, problem_id, **body.model_dump())
    return MechanismView.model_validate(recorded, from_attributes=True)


@router.post(
    "/verification-batches",
    status_code=201,
    responses=refusals(
        NotFound, SpotCheckEmpty, Invalid, IdempotencyConflict, IdempotencyInProgress
    ),
)
async def post_spot_check(
    body: DrawSpotCheck, session: WriteSession, once: OnceOnly, actor: OfficeActor
) -> SpotCheckDetailView:
    """Draw a sample of a department's problems in a township that wait for the office: 10 % ⚙, at
    least one. All pass when the sample does; one failure returns them all (I-41)."""
    batch, members = await draw_spot_check(
        session, actor, township=body.township_code, lead_dept=body.lead_dept, seed=body.seed
    )
    return await once.keep(SpotCheckDetailView.with_members(batch, members))


@router.get("/verification-batches", responses=refusals(Invalid))
async def get_spot_checks(
    session: QuerySession, actor: Reader, page: PageQuery
) -> Page[SpotCheckView]:
    """The spot checks within the caller's scope, oldest first."""
    rows = await list_batches(session, sight_of(actor), page)
    return page.page(rows, SpotCheckView.of, lambda row: (row.id,))


@router.get("/verification-batches/{batch_id}", responses=refusals(NotFound, Invalid))
async def get_spot_check(
    batch_id: UUID, session: QuerySession, actor: Reader
) -> SpotCheckDetailView:
    """A spot check with its sample and the results so far."""
    return SpotCheckDetailView.with_members(*await get_batch(session, sight_of(actor), batch_id))
