"""What can be done with a registered household: change it, its members, reveal what is masked."""

from typing import Any
from uuid import UUID

from services.households.register import queries
from services.households.register.changes import difference, finish_change, open_for_change
from services.households.register.codes import Joining, Relation
from services.households.register.columns import (
    SENSITIVE_OF_HOUSEHOLD,
    SENSITIVE_OF_MEMBER,
    household_columns,
    id_columns,
    member_columns,
)
from services.households.register.domain import (
    MemberGone,
    birth_date_of,
    check_joining,
    check_leaving,
    check_present_heads,
    present,
    sex_of,
)
from services.households.register.forms import (
    ChangeHousehold,
    ChangeMember,
    JoinHousehold,
    LeaveHousehold,
    Reasoned,
)
from services.households.register.registration import causes_errors
from services.households.register.sealing import Seals, seals_of
from services.households.register.tables import Household, Member
from shared.audit import record_audit
from shared.database import Session
from shared.errors import Invalid, field_error
from shared.events.households import HouseholdUpdated
from shared.ids import new_id
from shared.runtime import Runtime
from shared.security import Actor
from shared.validators import IdSexMismatch, Sex

Record = tuple[Household, list[Member]]


async def change_household(
    session: Session, runtime: Runtime, actor: Actor, household_id: UUID, form: ChangeHousehold
) -> Record:
    """Change the attributes given."""
    household, members = await open_for_change(session, household_id, actor.region, form.version)
    errors = causes_errors(form, household.village_code, runtime)
    if errors:
        raise Invalid(errors=errors)
    columns = household_columns(form, household_id, seals_of(runtime), form.model_fields_set)
    change = _apply(household, columns, SENSITIVE_OF_HOUSEHOLD)
    await _finish(session, runtime, actor, (household, members), "CHANGE", change, form)
    return household, members


async def change_member(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    household_id: UUID,
    member_id: UUID,
    form: ChangeMember,
) -> Record:
    """Change the attributes given of a present member."""
    household, members = await open_for_change(session, household_id, actor.region, form.version)
    member = _present_member(members, member_id)
    seals = seals_of(runtime)
    columns = member_columns(form, member_id, seals, form.model_fields_set)
    if "insured" in columns:
        columns["insured"] = member.insured | columns["insured"]
    columns |= _identity_columns(member, form, seals)
    change = _apply(member, columns, SENSITIVE_OF_MEMBER)
    if form.relation == Relation.HEAD and "relation" in change:
        _make_way(members, member)
    check_present_heads([one.relation for one in present(members)])
    change["member"] = str(member_id)
    await _finish(session, runtime, actor, (household, members), "CHANGE_MEMBER", change, form)
    return household, members


async def join_household(
    session: Session, runtime: Runtime, actor: Actor, household_id: UUID, form: JoinHousehold
) -> Record:
    """Somebody is born into, marries into or moves into the household (H-03)."""
    household, members = await open_for_change(session, household_id, actor.region, form.version)
    if form.id_no is None and form.joining is not Joining.BIRTH:
        raise field_error("id_no", "REQUIRED", "必填。", "Required.")
    member_id = new_id()
    seals = seals_of(runtime)
    birth_date = form.effective_on
    identity: dict[str, Any] = {}
    if form.id_no is not None:
        birth_date = birth_date_of(form.id_no)
        check_joining(birth_date, form.effective_on)
        identity = id_columns(form.id_no, member_id, seals)
    member = Member(
        id=member_id,
        household_id=household_id,
        position=len(members),
        name=form.name,
        sex=form.sex,
        birth_date=birth_date,
        relation=form.relation,
        effective_from=form.effective_on,
        reason_in=form.joining,
        **identity,
        **member_columns(form, member_id, seals, JoinHousehold.model_fields),
    )
    session.add(member)
    members.append(member)
    check_present_heads([one.relation for one in present(members)])
    change = {"member": str(member_id), "joining": form.joining, "on": form.effective_on}
    await _finish(session, runtime, actor, (household, members), "JOIN", change, form)
    return household, members


async def leave_household(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    household_id: UUID,
    member_id: UUID,
    form: LeaveHousehold,
) -> Record:
    """Somebody dies, marries out or moves out; a head who leaves others behind names the next
    head (H-03)."""
    household, members = await open_for_change(session, household_id, actor.region, form.version)
    member = _present_member(members, member_id)
    check_leaving(member.effective_from, form.effective_on)
    member.effective_to = form.effective_on
    member.reason_out = form.leaving
    if form.new_head_id is not None:
        _present_member(members, form.new_head_id).relation = Relation.HEAD
    check_present_heads([one.relation for one in present(members)])
    change = {
        "member": str(member_id),
        "leaving": form.leaving,
        "on": form.effective_on,
        **({"new_head": str(form.new_head_id)} if form.new_head_id else {}),
    }
    await _finish(session, runtime, actor, (household, members), "LEAVE", change, form)
    return household, members


async def record_reveal(
    session: Session, actor: Actor, household_id: UUID, reason: str
) -> Household:
    """Record that somebody looks at what is masked of a household, and why (X-08)."""
    household = await queries.get_household(session, household_id, actor.region)
    await record_audit(session, actor, "REVEAL", "household", household_id, remark=reason)
    return household


async def record_member_reveal(
    session: Session, actor: Actor, household_id: UUID, member_id: UUID, reason: str
) -> Member:
    """Record that somebody looks at what is masked of a member, and why (X-08)."""
    await queries.get_household(session, household_id, actor.region)
    member = queries.find_member(await queries.list_members(session, household_id), member_id)
    await record_audit(
        session,
        actor,
        "REVEAL_MEMBER",
        "household",
        household_id,
        remark=reason,
        change={"member": str(member_id)},
    )
    return member


async def _finish(
    session: Session,
    runtime: Runtime,
    actor: Actor,
    record: Record,
    action: str,
    change: dict[str, Any],
    form: Reasoned,
) -> None:
    await finish_change(
        session,
        runtime.configuration,
        actor,
        *record,
        HouseholdUpdated,
        action,
        change=change,
        reason=form.reason,
        source_document=form.source_document,
    )


def _apply(
    row: Household | Member, columns: dict[str, Any], sensitive: frozenset[str]
) -> dict[str, Any]:
    change = difference(row, columns, sensitive)
    for name, value in columns.items():
        setattr(row, name, value)
    return change


def _present_member(members: list[Member], member_id: UUID) -> Member:
    member = queries.find_member(members, member_id)
    if member.effective_to is not None:
        raise MemberGone
    return member


def _identity_columns(member: Member, form: ChangeMember, seals: Seals) -> dict[str, Any]:
    """Name, sex, relation and id number where given; number and sex must fit (H-02)."""
    columns: dict[str, Any] = {
        name: getattr(form, name)
        for name in ("name", "sex", "relation")
        if name in form.model_fields_set
    }
    sex = Sex(columns.get("sex", member.sex))
    if "id_no" in form.model_fields_set:
        number = form.id_no
        columns |= id_columns(number, member.id, seals)
        columns["birth_date"] = birth_date_of(number)
    elif member.id_no_sealed is not None:
        number = seals.id_no.open(member.id_no_sealed, member.id)
    else:
        return columns
    if sex_of(number) is not sex:
        field = "id_no" if "id_no" in form.model_fields_set else "sex"
        raise field_error(field, IdSexMismatch.code, IdSexMismatch.zh, IdSexMismatch.en)
    return columns


def _make_way(members: list[Member], head: Member) -> None:
    """The former head becomes OTHER: a household has one head."""
    for member in present(members):
        if member is not head and member.relation == Relation.HEAD:
            member.relation = Relation.OTHER
