"""What every change of a household ends in: version, class and cohort, audit row, events."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.households.register import queries
from services.households.register.codes import Attribute
from services.households.register.domain import (
    ArchiveStatus,
    HouseholdClosed,
    IdDuplicate,
    class_of,
    cohort_of,
    is_severe,
    present,
)
from services.households.register.tables import Household, Member
from shared import clock
from shared.audit import record_audit
from shared.configuration import Configuration, Setting
from shared.database import Session
from shared.errors import VersionConflict
from shared.events.households import HouseholdEvent, HouseholdSnapshot
from shared.messaging import outbox
from shared.security import Actor

SAFETYNET_ATTRIBUTES = Setting[frozenset[Attribute]](
    "safetynet_attributes",
    frozenset({Attribute.DIBAO, Attribute.TEKUN}),
    frozenset[Attribute],
    rule="H-40",
)

_KEEP_VERSION = text(
    """
    INSERT INTO household_versions
        (household_id, version, recorded_from, recorded_to, household, members)
    SELECT h.id, h.version, h.recorded_at, :now, to_jsonb(h),
           (SELECT coalesce(jsonb_agg(to_jsonb(m) ORDER BY m.position), '[]') FROM members m
            WHERE m.household_id = h.id)
    FROM households h WHERE h.id = :household_id
    """
)
# What an audit row says of a changed value that it must not show.
_WITHHELD = "***"


async def open_for_change(
    session: Session, household_id: UUID, region: str, version: int | None
) -> tuple[Household, list[Member]]:
    """The household, locked, and its members; its present state is kept as a past one (H-08).

    Raises `NotFound`, `VersionConflict` when `version` is given and not the present one, and
    `HouseholdClosed`.
    """
    household = await queries.get_household_for_update(session, household_id, region)
    if version not in (None, household.version):
        raise VersionConflict(version=household.version)
    if household.archive_status == ArchiveStatus.CLOSED:
        raise HouseholdClosed
    await session.execute(_KEEP_VERSION, {"household_id": household_id, "now": clock.now()})
    return household, list(await queries.list_members(session, household_id))


def derive(household: Household, configuration: Configuration, *, severe: bool) -> None:
    """Set what follows from the other facts: class (H-40) and cohort (I-22). `severe` is whether
    any present member `is_severe`."""
    status = ArchiveStatus(household.archive_status)
    safetynet = configuration.value(SAFETYNET_ATTRIBUTES, household.village_code, clock.today())
    household.household_class = class_of(status, household.attribute, safetynet)
    household.cohort = cohort_of(status, household.attribute, household.tags, severe=severe)


def facts_of(household: Household) -> dict[str, Any]:
    """The fields every event of a household has."""
    return {
        "household_id": household.id,
        "household_no": household.household_no,
        "village_code": household.village_code,
        "archive_status": household.archive_status,
        "household_class": household.household_class,
        "cohort": household.cohort,
        "exit_year": household.exit_year,
        "version": household.version,
    }


def prepared_events(household: Household, event: HouseholdEvent) -> list[outbox.OutboxRow]:
    """The outbox rows of `event`, as the household's next, and of the snapshot after it."""
    household.event_sequence += 1
    snapshot = HouseholdSnapshot(
        **facts_of(household),
        elder_left_in_old_house=household.elder_left_in_old_house,
        active=household.archive_status != ArchiveStatus.CLOSED,
    )
    return [
        outbox.prepare(event, household.event_sequence),
        outbox.prepare(snapshot, household.version),
    ]


async def finish_change(
    session: Session,
    configuration: Configuration,
    actor: Actor,
    household: Household,
    members: Sequence[Member],
    event_type: type[HouseholdEvent],
    action: str,
    *,
    change: Mapping[str, Any],
    reason: str | None,
    source_document: str | None,
    **facts: Any,
) -> None:
    """Store a change of a household that was opened by `open_for_change`, and tell of it.

    `facts` are fields that only this event has. Raises `IdDuplicate` when a member's id number is
    already on file.
    """
    household.version += 1
    household.recorded_at = clock.now()
    household.recorded_by = actor.person
    household.change_reason = reason
    household.source_document = source_document
    severe = any(is_severe(one.health, one.disability_level) for one in present(members))
    derive(household, configuration, severe=severe)
    event = event_type(**facts_of(household), **facts)
    rows = prepared_events(household, event)
    await _flush(session)
    await outbox.record_many(await session.driver(), rows)
    session.events_recorded()
    document = {"source_document": source_document} if source_document else {}
    await record_audit(
        session,
        actor,
        action,
        "household",
        household.id,
        remark=reason,
        change={**change, **document},
    )


def difference(
    row: Household | Member, values: Mapping[str, Any], withheld: frozenset[str]
) -> dict[str, Any]:
    """What setting `values` on `row` changes, from and to, for the audit row; values of the
    columns `withheld` are not shown."""
    return {
        name: [_WITHHELD, _WITHHELD] if name in withheld else [getattr(row, name), value]
        for name, value in values.items()
        if getattr(row, name) != value
    }


async def _flush(session: Session) -> None:
    try:
        await session.flush()
    except IntegrityError as error:
        if "uq_members_present_id_no" in str(error.orig):
            raise IdDuplicate from None
        raise
