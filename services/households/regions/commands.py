"""What can be done with regions: seed the national list, store one, import a list."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from services.households.regions import queries
from services.households.regions.domain import (
    SINCE_UNKNOWN,
    RegionFacts,
    RegionOutOfScope,
    RegionParentUnknown,
    RegionUnknown,
    Step,
    check_place,
    step_for,
)
from services.households.regions.tables import Region
from shared import clock
from shared.audit import record_audit
from shared.database import Connection, Database, Session
from shared.errors import FieldError, Invalid, field_error
from shared.events.households import RegionStored
from shared.messaging import outbox
from shared.regions import (
    RegionNameInvalid,
    RegionRow,
    is_admin_zone,
    level_of,
    parent_of,
    read_region_list,
)
from shared.regions import seed_regions as shipped_regions
from shared.security import Actor

# Regions change rarely and refer to each other: their writers take turns.
_TAKE_TURNS = "SELECT pg_advisory_xact_lock(hashtext('households.regions'))"

_SEEDED_COLUMNS = ("code", "name", "level", "parent", "admin_zone", "valid_from", "event_sequence")

_CLOSE = "UPDATE regions SET valid_to = $2 WHERE code = ANY($1::text[]) AND valid_to IS NULL"
_OPEN = """
INSERT INTO regions SELECT * FROM jsonb_populate_recordset(NULL::regions, $1::jsonb)
"""
_AMEND = """
UPDATE regions r
SET name = n.name, kind = n.kind, admin_zone = n.admin_zone, longitude = n.longitude,
    latitude = n.latitude, rural_population = n.rural_population,
    event_sequence = n.event_sequence
FROM jsonb_populate_recordset(NULL::regions, $1::jsonb) n
WHERE r.code = n.code AND r.valid_from = n.valid_from
"""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of a list that was not stored: its line or its code, and why."""

    line: int | None
    region_code: str | None
    error: FieldError


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    stored: int
    unchanged: int
    refused: Sequence[RefusedRow]


async def seed_regions(database: Database) -> int:
    """Fill an empty region table with the national list; answers the number of rows stored.

    Every service seeds its own copy from the same list, so nothing is published.
    """
    async with database.driver_transaction() as connection:
        if await connection.fetchval("SELECT EXISTS (SELECT FROM regions)"):
            return 0
        await connection.execute(_TAKE_TURNS)
        if await connection.fetchval("SELECT EXISTS (SELECT FROM regions)"):
            return 0  # a sister process was faster
        return await _copy_seed(connection)


async def store_region(
    session: Session,
    actor: Actor,
    code: str,
    facts: RegionFacts,
    *,
    parent: str | None,
    level: str | None,
    since: date,
    replaces: Sequence[str],
) -> Region:
    """Let `facts` hold of the region from `since` on; the regions it `replaces` end that day.

    Raises `NotFound` outside the actor's region and `Invalid` for a wrong place, day or
    predecessor.
    """
    for concerned in (code, *replaces):
        actor.must_cover(concerned)
    check_place(code, parent, level)
    if since > clock.today():
        raise field_error(
            "valid_from", "DATE_IN_FUTURE", "不得晚于今天。", "It lies in the future."
        )
    await (await session.driver()).execute(_TAKE_TURNS)
    newest = await queries.newest_periods(session, {code, *replaces})
    await _check_parent(session, code, since)
    _check_replaced(code, replaces, newest, since)
    await _store(session, {code: facts}, newest, since, replaces)
    await record_audit(
        session,
        actor,
        "STORE",
        "region",
        code,
        change={**asdict(facts), "valid_from": since, "replaces": sorted(replaces)},
    )
    return await queries.get_region(session, code, since)


async def import_regions(session: Session, actor: Actor, source: bytes) -> Imported:
    """Store every good row of a CSV list from today on; bad rows are reported, not stored.

    A row says a code and a name; kind, centroid and population of a known region stay. Raises
    `RegionListUnreadable`.
    """
    listed = read_region_list(source)
    today = clock.today()
    await (await session.driver()).execute(_TAKE_TURNS)
    good, refused = await _sift(session, actor, listed.rows, today)
    newest = await queries.newest_periods(session, good)
    wanted = {
        code: replace(
            newest[code].period.facts if code in newest else RegionFacts(row.name),
            name=row.name,
            admin_zone=row.admin_zone,
        )
        for code, row in good.items()
    }
    stored = await _store(session, wanted, newest, today)
    unreadable = [
        RefusedRow(error.line, None, FieldError("code", error.code, error.zh, error.en))
        for error in listed.errors
    ]
    result = Imported(stored, len(good) - stored, [*unreadable, *refused])
    await record_audit(
        session,
        actor,
        "IMPORT",
        "region",
        actor.region,
        change={"stored": stored, "refused": len(result.refused)},
    )
    return result


async def _copy_seed(connection: Connection) -> int:
    rows = (
        (row.code, row.name, row.level, row.parent, row.admin_zone, SINCE_UNKNOWN, 0)
        for row in shipped_regions()
    )
    copied = await connection.copy_records_to_table(
        "regions", records=rows, columns=_SEEDED_COLUMNS
    )
    await connection.execute("ANALYZE regions")
    return int(copied.removeprefix("COPY "))


async def _check_parent(session: Session, code: str, since: date) -> None:
    parent = parent_of(code)
    if parent is not None and not await queries.standing_codes(session, {parent}, since):
        raise Invalid(errors=[_at("parent", RegionParentUnknown)])


def _check_replaced(
    code: str, replaces: Sequence[str], newest: Mapping[str, Region], since: date
) -> None:
    """A region that is replaced must have held for a day at least, and hold until now."""
    errors = [
        _at(f"replaces.{place}", RegionUnknown)
        for place, replaced in enumerate(replaces)
        if replaced == code
        or replaced not in newest
        or newest[replaced].valid_to is not None
        or newest[replaced].valid_from >= since
    ]
    if errors:
        raise Invalid(errors=errors)


async def _sift(
    session: Session, actor: Actor, rows: Sequence[RegionRow], day: date
) -> tuple[dict[str, RegionRow], list[RefusedRow]]:
    """The rows that may be stored, and the refusals of the others."""
    listed = {row.code for row in rows}
    parents = {row.parent for row in rows if row.parent is not None}
    known = listed | await queries.standing_codes(session, parents - listed, day)
    good: dict[str, RegionRow] = {}
    refused = []
    for row in rows:
        if not actor.covers(row.code):
            refused.append(RefusedRow(None, row.code, _at("code", RegionOutOfScope)))
        elif "\x00" in row.name:
            refused.append(RefusedRow(None, row.code, _at("name", RegionNameInvalid)))
        elif row.parent is not None and row.parent not in known:
            refused.append(RefusedRow(None, row.code, _at("code", RegionParentUnknown)))
        else:
            good[row.code] = row
    return good, refused


async def _store(
    session: Session,
    wanted: Mapping[str, RegionFacts],
    newest: Mapping[str, Region],
    since: date,
    replaced: Sequence[str] = (),
) -> int:
    """Store and publish; answers how many of `wanted` changed something."""
    steps = {
        code: step_for(newest[code].period if code in newest else None, facts, since)
        for code, facts in wanted.items()
    }
    rows = {
        code: _row(code, wanted[code], newest.get(code), step, since)
        for code, step in steps.items()
        if step is not Step.NOTHING
    }
    ended = [code for code, step in steps.items() if step is Step.SUCCEED]
    abolished = {
        code: newest[code].model_dump()
        | {"valid_to": since, "event_sequence": newest[code].event_sequence + 1}
        for code in replaced
    }
    driver = await session.driver()
    await driver.execute(_CLOSE, [*ended, *abolished], since)
    amended = [row for code, row in rows.items() if steps[code] is Step.AMEND]
    await driver.execute(_AMEND, _as_json([*amended, *abolished.values()]))
    opened = [row for code, row in rows.items() if steps[code] is not Step.AMEND]
    await driver.execute(_OPEN, _as_json(opened))
    published = [*rows.values(), *abolished.values()]
    await outbox.record_many(
        driver,
        [outbox.prepare(RegionStored(**row), row["event_sequence"]) for row in published],
    )
    session.events_recorded()
    session.expire_all()  # the rows read above are older than the statements
    return len(rows)


def _row(
    code: str, facts: RegionFacts, newest: Region | None, step: Step, since: date
) -> dict[str, Any]:
    return {
        "code": code,
        "level": level_of(code),
        "parent": parent_of(code),
        **asdict(facts),
        "valid_from": newest.valid_from if newest and step is Step.AMEND else since,
        "valid_to": None,
        "event_sequence": (newest.event_sequence if newest else 0) + 1,
    }


def _as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(rows, ensure_ascii=False, default=str)


def default_admin_zone(code: str) -> bool:
    """Whether the code itself says that the region is a county-level zone."""
    return len(code) == 6 and is_admin_zone(code)


def _at(field: str, refusal: type[Invalid]) -> FieldError:
    return FieldError(field, refusal.code, refusal.zh, refusal.en)
