"""HTTP for the members of a household: join, change, leave, reveal."""

from uuid import UUID

from fastapi import APIRouter

from services.households.register import commands
from services.households.register.domain import HouseholdClosed, IdDuplicate, MemberGone
from services.households.register.forms import (
    ChangeMember,
    JoinHousehold,
    LeaveHousehold,
    Reveal,
)
from services.households.register.requests import ExpectedVersion, with_version
from services.households.register.sealing import seals_of
from services.households.register.views import (
    HouseholdView,
    RevealedMemberView,
    diseases_of,
    opened,
)
from services.households.roles import Keeper, Revealer
from shared import clock
from shared.errors import Invalid, NotFound, VersionConflict
from shared.web.dependencies import RunningService, WriteSession
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.problem_details import refusals

router = APIRouter(prefix="/households/{household_id}/members", tags=["members"])


@router.post(
    "",
    status_code=201,
    responses=refusals(
        NotFound,
        IdDuplicate,
        VersionConflict,
        HouseholdClosed,
        IdempotencyInProgress,
        Invalid,
        IdempotencyConflict,
    ),
)
async def join_household(
    household_id: UUID,
    body: JoinHousehold,
    session: WriteSession,
    once: OnceOnly,
    runtime: RunningService,
    actor: Keeper,
) -> HouseholdView:
    """Somebody is born, marries or moves into the household (H-03)."""
    record = await commands.join_household(session, runtime, actor, household_id, body)
    return await once.keep(HouseholdView.of(*record, seals_of(runtime), clock.today()))


@router.patch(
    "/{member_id}",
    responses=refusals(
        NotFound, IdDuplicate, MemberGone, VersionConflict, HouseholdClosed, Invalid
    ),
)
async def change_member(
    household_id: UUID,
    member_id: UUID,
    body: ChangeMember,
    session: WriteSession,
    runtime: RunningService,
    actor: Keeper,
    expected: ExpectedVersion,
) -> HouseholdView:
    """Change attributes of a member; those not given stay, insured years are added."""
    form = with_version(body, expected)
    record = await commands.change_member(session, runtime, actor, household_id, member_id, form)
    return HouseholdView.of(*record, seals_of(runtime), clock.today())


@router.post(
    "/{member_id}/leave",
    responses=refusals(NotFound, MemberGone, VersionConflict, HouseholdClosed, Invalid),
)
async def leave_household(
    household_id: UUID,
    member_id: UUID,
    body: LeaveHousehold,
    session: WriteSession,
    runtime: RunningService,
    actor: Keeper,
    expected: ExpectedVersion,
) -> HouseholdView:
    """Somebody dies, marries out or moves out (H-03)."""
    form = with_version(body, expected)
    record = await commands.leave_household(session, runtime, actor, household_id, member_id, form)
    return HouseholdView.of(*record, seals_of(runtime), clock.today())


@router.post("/{member_id}/reveal", responses=refusals(NotFound, Invalid))
async def reveal_member(
    household_id: UUID,
    member_id: UUID,
    body: Reveal,
    session: WriteSession,
    runtime: RunningService,
    actor: Revealer,
) -> RevealedMemberView:
    """A member's id number, certificate and diseases in full, for a reason that is kept (X-08)."""
    member = await commands.record_member_reveal(
        session, actor, household_id, member_id, body.reason
    )
    seals = seals_of(runtime)
    return RevealedMemberView(
        id_no=opened(seals.id_no, member.id_no_sealed, member.id),
        disability_cert_no=opened(seals.disability_cert, member.disability_cert_sealed, member.id),
        diseases=diseases_of(member, seals),
    )
