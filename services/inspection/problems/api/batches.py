"""Moves of up to 1,000 problems in one transaction, each taken or refused on its own (X-10)."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from services.inspection.problems.api.moves import LeadDepartment
from services.inspection.problems.commands.moves import Outcome, accept_problems
from shared.errors import DomainError, Invalid
from shared.web.dependencies import WriteSession
from shared.web.problem_details import ProblemField, language_of, refusals

router = APIRouter(tags=["problems"])


def _once_each(problem_ids: list[UUID]) -> list[UUID]:
    if len(set(problem_ids)) < len(problem_ids):
        raise PydanticCustomError(
            "DUPLICATE_ID", "同一问题只能列一次。", {"en": "A problem is listed once."}
        )
    return problem_ids


class SeveralProblems(BaseModel):
    """The problems to be moved."""

    model_config = ConfigDict(extra="forbid")

    problem_ids: Annotated[list[UUID], AfterValidator(_once_each)] = Field(
        min_length=1, max_length=1000
    )


class MovedRow(BaseModel):
    """What became of one problem: 200 with its state, or 4xx with `code` and what goes with it."""

    id: UUID
    status: int
    state: str | None = None
    version: int | None = None
    code: str | None = None
    detail: str | None = None
    errors: list[ProblemField] = []
    members: dict[str, Any] = {}


class MovedView(BaseModel):
    """The result of each problem, in the order asked for, and their numbers."""

    moved: int
    refused: int
    results: list[MovedRow]

    @classmethod
    def of(
        cls, request: Request, problem_ids: Sequence[UUID], outcomes: Sequence[Outcome]
    ) -> "MovedView":
        """The view of what became of `problem_ids`."""
        language = language_of(request)
        rows = [_row(*pair, language) for pair in zip(problem_ids, outcomes, strict=True)]
        moved = sum(row.status == 200 for row in rows)
        return cls(moved=moved, refused=len(rows) - moved, results=rows)


def _row(problem_id: UUID, outcome: Outcome, language: str) -> MovedRow:
    if not isinstance(outcome, DomainError):
        return MovedRow(id=problem_id, status=200, state=outcome.state, version=outcome.version)
    return MovedRow(
        id=problem_id,
        status=outcome.status,
        code=outcome.code,
        detail=outcome.detail(language),
        errors=[
            ProblemField(field=error.field, code=error.code, message=error.message(language))
            for error in outcome.errors
        ],
        members=outcome.members,
    )


@router.post("/problems:accept", responses=refusals(Invalid))
async def accept_several(
    body: SeveralProblems, request: Request, session: WriteSession, actor: LeadDepartment
) -> MovedView:
    """The lead department takes up to 1,000 problems up."""
    outcomes = await accept_problems(session, actor, body.problem_ids)
    return MovedView.of(request, body.problem_ids, outcomes)
