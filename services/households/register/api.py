"""HTTP for households: register, read, find, change, reveal."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.households.mirror.queries import count_open_problems
from services.households.register import commands, queries
from services.households.register.domain import ArchiveStatus, HouseholdClosed, IdDuplicate
from services.households.register.forms import (
    ChangeHousehold,
    RegisterHousehold,
    Reveal,
    read_entry,
)
from services.households.register.queries import Line
from services.households.register.registration import Outcome, Registered, register_households
from services.households.register.requests import DocumentedAs, ExpectedVersion, with_version
from services.households.register.sealing import seals_of
from services.households.register.views import (
    BatchRowView,
    BatchView,
    ChangeView,
    HouseholdLine,
    HouseholdView,
    RegisteredView,
    RevealedHouseholdView,
    opened,
)
from services.households.roles import Keeper, Reader, Revealer
from shared import clock
from shared.errors import DomainError, FieldError, Invalid, NotFound, VersionConflict
from shared.names import NameInvalid
from shared.runtime import Runtime
from shared.web.dependencies import QuerySession, RunningService, WriteSession
from shared.web.fields import Day, RegionCode
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import ProblemField, language_of, refusals

router = APIRouter(tags=["households"])

BATCH_MAXIMUM = 1000

Entry = Annotated[dict[str, Any], DocumentedAs(RegisterHousehold)]
Language = Annotated[str, Depends(language_of)]


class RegisterHouseholds(BaseModel):
    """Up to 1,000 households, each checked and registered by itself (X-10)."""

    model_config = ConfigDict(extra="forbid")

    rows: list[Annotated[Any, DocumentedAs(RegisterHousehold)]] = Field(
        min_length=1, max_length=BATCH_MAXIMUM
    )


@router.post(
    "/households",
    status_code=201,
    responses=refusals(NotFound, IdDuplicate, IdempotencyInProgress, Invalid, IdempotencyConflict),
)
async def register_household(
    body: Entry,
    session: WriteSession,
    once: OnceOnly,
    runtime: RunningService,
    actor: Keeper,
    language: Language,
) -> RegisteredView:
    """Register a household and its members. Every field at fault gets its error at once
    (`HEAD_COUNT`, `REGION_UNKNOWN`, `ID_CHECKSUM`, `ID_DATE`, `ID_SEX_MISMATCH`, …; H-01, H-02);
    `ID_REGION_UNKNOWN` is a warning."""
    (outcome,) = await register_households(session, runtime, actor, [read_entry(body)])
    if isinstance(outcome, DomainError):
        raise outcome
    return await once.keep(_registered_view(outcome, runtime, language))


@router.post(
    "/households:batch",
    status_code=201,
    responses=refusals(IdempotencyInProgress, Invalid, IdempotencyConflict),
)
async def register_households_batch(
    body: RegisterHouseholds,
    session: WriteSession,
    once: OnceOnly,
    runtime: RunningService,
    actor: Keeper,
    language: Language,
) -> BatchView:
    """Register up to 1,000 households; a refused row hinders no other and is named with its
    errors."""
    entries = [read_entry(row) for row in body.rows]
    outcomes = await register_households(session, runtime, actor, entries)
    return await once.keep(_batch_view(outcomes, language))


@router.get("/households/{household_id}", responses=refusals(NotFound))
async def get_household(
    household_id: UUID,
    session: QuerySession,
    runtime: RunningService,
    actor: Reader,
    response: Response,
    as_of: Day | None = None,
) -> HouseholdView:
    """A household as it is, or as the register had it at the end of a day (H-08)."""
    day = as_of or clock.today()
    if day >= clock.today():
        household = await queries.get_household(session, household_id, actor.region)
        members = await queries.list_members(session, household_id)
    else:
        household, members = await queries.get_household_as_of(
            session, household_id, actor.region, day
        )
    response.headers["etag"] = f'"{household.version}"'
    open_problems = await count_open_problems(session, household_id)
    return HouseholdView.of(household, members, seals_of(runtime), day, open_problems=open_problems)


@router.get("/households", responses=refusals(NotFound, NameInvalid))
async def list_households(
    session: QuerySession,
    runtime: RunningService,
    actor: Reader,
    page: PageQuery,
    village_code: RegionCode | None = None,
    archive_status: ArchiveStatus | None = None,
    q: Annotated[
        str | None, Query(min_length=1, max_length=60, description="户编号、完整身份证号或姓名")
    ] = None,
) -> Page[HouseholdLine]:
    """Households of a village (or any region within the caller's), in the order of village and
    number."""
    region = village_code or actor.region
    actor.must_cover(region)
    rows = await queries.list_households(
        session, page, seals_of(runtime), region, archive_status=archive_status, q=q
    )
    return page.page(
        rows, _line, lambda line: (line.household.village_code, line.household.household_no)
    )


@router.patch(
    "/households/{household_id}",
    responses=refusals(NotFound, VersionConflict, HouseholdClosed, Invalid),
)
async def change_household(
    household_id: UUID,
    body: ChangeHousehold,
    session: WriteSession,
    runtime: RunningService,
    actor: Keeper,
    expected: ExpectedVersion,
) -> HouseholdView:
    """Change attributes of a household; those not given stay."""
    record = await commands.change_household(
        session, runtime, actor, household_id, with_version(body, expected)
    )
    return HouseholdView.of(*record, seals_of(runtime), clock.today())


@router.get("/households/{household_id}/changes", responses=refusals(NotFound))
async def list_changes(
    household_id: UUID, session: QuerySession, actor: Reader, page: PageQuery
) -> Page[ChangeView]:
    """Who changed what, when and why, oldest first; sensitive values are not shown."""
    await queries.get_household(session, household_id, actor.region)
    rows = await queries.list_changes(session, page, household_id)
    return page.page(
        rows, lambda row: ChangeView.model_validate(row, from_attributes=True), lambda r: (r.id,)
    )


@router.post("/households/{household_id}/reveal", responses=refusals(NotFound, Invalid))
async def reveal_household(
    household_id: UUID,
    body: Reveal,
    session: WriteSession,
    runtime: RunningService,
    actor: Revealer,
) -> RevealedHouseholdView:
    """A household's telephone and account in full, for a reason that is kept (X-08)."""
    household = await commands.record_reveal(session, actor, household_id, body.reason)
    seals = seals_of(runtime)
    return RevealedHouseholdView(
        phone=opened(seals.phone, household.phone_sealed, household.id),
        account=opened(seals.account, household.account_sealed, household.id),
    )


def _registered_view(outcome: Registered, runtime: Runtime, language: str) -> RegisteredView:
    return RegisteredView.of(
        outcome.household,
        outcome.people(),
        seals_of(runtime),
        clock.today(),
        warnings=_fields(outcome.warnings, language),
    )


def _batch_view(outcomes: Sequence[Outcome], language: str) -> BatchView:
    rows = [_batch_row(row, outcome, language) for row, outcome in enumerate(outcomes)]
    accepted = sum(isinstance(outcome, Registered) for outcome in outcomes)
    return BatchView(accepted=accepted, rejected=len(rows) - accepted, results=rows)


def _batch_row(row: int, outcome: Outcome, language: str) -> BatchRowView:
    if isinstance(outcome, DomainError):
        return BatchRowView(row=row, code=outcome.code, errors=_fields(outcome.errors, language))
    return BatchRowView(
        row=row,
        id=outcome.household.id,
        household_no=outcome.household.household_no,
        warnings=_fields(outcome.warnings, language),
    )


def _fields(errors: Sequence[FieldError], language: str) -> list[ProblemField]:
    return [
        ProblemField(field=error.field, code=error.code, message=error.message(language))
        for error in errors
    ]


def _line(line: Line) -> HouseholdLine:
    return HouseholdLine(
        **line.household.model_dump(), head_name=line.head_name, population=line.population
    )
