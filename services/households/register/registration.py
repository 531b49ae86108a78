"""Registering households: any number of rows in a fixed number of statements, each with its result.

One household is a list of one. A row that is refused leaves nothing behind and hinders no other.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.households.regions.domain import RegionUnknown
from services.households.regions.queries import known_codes, standing_codes
from services.households.register.changes import derive, facts_of, prepared_events
from services.households.register.codes import Joining
from services.households.register.columns import household_columns, id_columns, member_columns
from services.households.register.domain import (
    IdDuplicate,
    birth_date_of,
    household_number,
    is_severe,
)
from services.households.register.forms import (
    ChangeHousehold,
    MemberEntry,
    ReadEntry,
    RegisterHousehold,
)
from services.households.register.sealing import Seals, seals_of
from services.households.register.tables import Household, Member
from shared import clock
from shared.audit import AuditEntry, record_audits
from shared.configuration import Setting
from shared.database import Connection, Session
from shared.errors import DomainError, FieldError, Invalid, NotFound
from shared.events.households import HouseholdRegistered
from shared.ids import new_id
from shared.messaging import outbox
from shared.runtime import Runtime
from shared.security import Actor
from shared.validators import parse_resident_id, region_warning

SECONDARY_CAUSES_MAXIMUM = Setting[int](
    "secondary_causes_maximum", 2, Annotated[int, Field(ge=0, le=20)], rule="H-06"
)

# Sorted, so that two batches that share villages or people wait for each other in one order.
_NUMBERS = """
INSERT INTO household_numbers (village_code, last)
SELECT * FROM unnest($1::text[], $2::int[]) AS n(village_code, last) ORDER BY village_code
ON CONFLICT (village_code) DO UPDATE SET last = household_numbers.last + EXCLUDED.last
RETURNING village_code, last
"""
_HOUSEHOLDS = """
INSERT INTO households SELECT * FROM jsonb_populate_recordset(NULL::households, $1::jsonb)
"""
_MEMBERS = """
INSERT INTO members SELECT * FROM jsonb_populate_recordset(NULL::members, $1::jsonb)
ORDER BY id_no_index
ON CONFLICT (id_no_index) WHERE effective_to IS NULL DO NOTHING
RETURNING id
"""
# What lost a race was never visible to anybody.
_FORGET_MEMBERS = "DELETE FROM members WHERE household_id = ANY($1::uuid[])"
_FORGET_HOUSEHOLDS = "DELETE FROM households WHERE id = ANY($1::uuid[])"


MemberRow = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Registered:
    """A row that was registered; warnings do not hinder."""

    household: Household
    members: Sequence[MemberRow]
    warnings: Sequence[FieldError]

    def people(self) -> list[Member]:
        """The members as rows; a batch has no use for them, and they take their time."""
        return [Member(**row) for row in self.members]


Outcome = Registered | DomainError


async def register_households(
    session: Session, runtime: Runtime, actor: Actor, entries: Sequence[ReadEntry]
) -> list[Outcome]:
    """Register each entry or say why not: `Invalid` with every field at fault (H-01, H-02),
    `NotFound` for a village outside the actor's region, `IdDuplicate` for somebody on file."""
    outcomes: dict[int, Outcome] = {}
    forms: dict[int, RegisterHousehold] = {}
    villages = {entry.village_code for entry in entries if entry.village_code is not None}
    standing = await standing_codes(session, villages, clock.today())
    for place, entry in enumerate(entries):
        refusal = _refusal(entry, standing, actor, runtime)
        if refusal is not None:
            outcomes[place] = refusal
        elif entry.form is not None:
            forms[place] = entry.form
    if forms:
        outcomes |= await _store(session, runtime, actor, forms)
    return [outcomes[place] for place in range(len(entries))]


def _refusal(
    entry: ReadEntry, standing: set[str], actor: Actor, runtime: Runtime
) -> DomainError | None:
    errors = list(entry.errors)
    village = entry.village_code
    if village is not None:
        if len(village) != 12 or village not in standing:
            errors.append(
                FieldError("village_code", RegionUnknown.code, RegionUnknown.zh, RegionUnknown.en)
            )
        elif not actor.covers(village):
            return NotFound()
        elif entry.form is not None:
            errors += causes_errors(entry.form, village, runtime)
    return Invalid(errors=errors) if errors else None


def causes_errors(
    form: RegisterHousehold | ChangeHousehold, village: str, runtime: Runtime
) -> list[FieldError]:
    """`CAUSES_TOO_MANY` when there are more secondary causes than allowed there (H-06)."""
    most = runtime.configuration.value(SECONDARY_CAUSES_MAXIMUM, village, clock.today())
    if form.causes is None or len(form.causes.others) <= most:
        return []
    return [
        FieldError(
            "causes.others",
            "CAUSES_TOO_MANY",
            f"次要致贫原因最多 {most} 个。",
            f"At most {most} secondary causes are allowed.",
        )
    ]


async def _store(
    session: Session, runtime: Runtime, actor: Actor, forms: Mapping[int, RegisterHousehold]
) -> dict[int, Outcome]:
    counties = await _known_counties(session, forms.values())
    drafts = {place: _draft(form, counties, runtime, actor) for place, form in forms.items()}
    duplicates = _repeated_in(drafts)
    driver = await session.driver()
    fresh = {place: draft for place, draft in drafts.items() if place not in duplicates}
    await _number(driver, [draft.household for draft in fresh.values()])
    # Prepared first: they count the event in the household's row.
    events = {
        place: prepared_events(draft.household, HouseholdRegistered(**facts_of(draft.household)))
        for place, draft in fresh.items()
    }
    rows = [draft.household.model_dump() for draft in fresh.values()]
    await driver.execute(_HOUSEHOLDS, _to_json(rows))
    people = [member for draft in fresh.values() for member in draft.members]
    stored = {row["id"] for row in await driver.fetch(_MEMBERS, _to_json(people))}
    lost = {
        place: at_fault
        for place, draft in fresh.items()
        if (at_fault := [n for n, m in enumerate(draft.members) if m["id"] not in stored])
    }
    if lost:
        await driver.execute(_FORGET_MEMBERS, [fresh[place].household.id for place in lost])
        await driver.execute(_FORGET_HOUSEHOLDS, [fresh[place].household.id for place in lost])
    await _audit(driver, actor, [draft for place, draft in fresh.items() if place not in lost])
    await outbox.record_many(
        driver, [row for place, rows in events.items() if place not in lost for row in rows]
    )
    session.events_recorded()
    return {**drafts, **{n: _duplicate(at_fault) for n, at_fault in (duplicates | lost).items()}}


async def _known_counties(session: Session, forms: Iterable[RegisterHousehold]) -> set[str]:
    """Those county codes at the head of the id numbers that are or ever were in the table."""
    return await known_codes(session, {m.id_no[:6] for form in forms for m in form.members})


def _repeated_in(drafts: Mapping[int, Registered]) -> dict[int, list[int]]:
    """The rows that name somebody an earlier row, or an earlier member, has named."""
    seen: set[bytes] = set()
    repeated: dict[int, list[int]] = {}
    for place, draft in drafts.items():
        indexes = [member["id_no_index"] for member in draft.members]
        at_fault = [n for n, index in enumerate(indexes) if index in seen or index in indexes[:n]]
        if at_fault:
            repeated[place] = at_fault
        else:
            seen.update(indexes)
    return repeated


def _draft(
    form: RegisterHousehold, counties: set[str], runtime: Runtime, actor: Actor
) -> Registered:
    seals = seals_of(runtime)
    household_id = new_id()
    household = Household(
        id=household_id,
        household_no="",
        village_code=form.village_code,
        archive_status=form.archive_status,
        exit_year=form.exit_year,
        recorded_at=clock.now(),
        recorded_by=actor.person,
        source_document=form.source_document,
        **household_columns(form, household_id, seals, RegisterHousehold.model_fields),
    )
    members = [
        _member(household_id, position, entry, seals) for position, entry in enumerate(form.members)
    ]
    severe = any(is_severe(row["health"], row["disability_level"]) for row in members)
    derive(household, runtime.configuration, severe=severe)
    return Registered(household, members, _warnings(form, counties))


def _warnings(form: RegisterHousehold, counties: set[str]) -> list[FieldError]:
    """`ID_REGION_UNKNOWN` for each number that begins with no county (H-02)."""
    found = [
        region_warning(
            parse_resident_id(entry.id_no, clock.today()), counties, f"members.{n}.id_no"
        )
        for n, entry in enumerate(form.members)
        if entry.id_no[:6] not in counties
    ]
    return [warning for warning in found if warning is not None]


def _member(household_id: UUID, position: int, entry: MemberEntry, seals: Seals) -> MemberRow:
    member_id = new_id()
    birth_date = birth_date_of(entry.id_no)
    return {
        "id": member_id,
        "household_id": household_id,
        "position": position,
        "name": entry.name,
        "sex": entry.sex,
        "birth_date": birth_date,
        "relation": entry.relation,
        # Whoever is on record when the household is registered is taken to have belonged to it
        # all along, so that past periods count them.
        "effective_from": entry.member_since or birth_date,
        "reason_in": Joining.ON_RECORD,
        **id_columns(entry.id_no, member_id, seals),
        **member_columns(entry, member_id, seals, MemberEntry.model_fields),
    }


async def _number(driver: Connection, households: Sequence[Household]) -> None:
    """Give each household the next number of its village."""
    wanted = Counter(household.village_code for household in households)
    rows = await driver.fetch(_NUMBERS, list(wanted), list(wanted.values()))
    following = {row["village_code"]: row["last"] - wanted[row["village_code"]] + 1 for row in rows}
    for household in households:
        village = household.village_code
        household.household_no = household_number(village, following[village])
        following[village] += 1


async def _audit(driver: Connection, actor: Actor, registered: Sequence[Registered]) -> None:
    entries = [
        AuditEntry(
            draft.household.id,
            "REGISTER",
            change={
                "household_no": draft.household.household_no,
                "archive_status": draft.household.archive_status,
                "members": len(draft.members),
            },
        )
        for draft in registered
    ]
    await record_audits(driver, actor, "household", entries)


def _duplicate(places: Sequence[int]) -> IdDuplicate:
    return IdDuplicate(
        errors=[
            FieldError(f"members.{n}.id_no", IdDuplicate.code, IdDuplicate.zh, IdDuplicate.en)
            for n in places
        ]
    )


def _to_json(rows: Any) -> str:
    """Rows as PostgreSQL reads them from JSON: byte strings in its hex form."""
    return json.dumps(rows, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    return "\\x" + value.hex() if isinstance(value, bytes) else str(value)
