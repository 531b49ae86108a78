"""Reading rhythm records: pages of a week, and each unit's week, those without a record included.

A department sees its own, a place what lies in it.
"""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints
from sqlalchemy import ColumnElement, func
from sqlmodel import col, or_, select

from services.inspection.mirror.tables import Region
from services.inspection.rhythm.domain import (
    Norm,
    RhythmKind,
    UnitWeek,
    Week,
    judge_week,
)
from services.inspection.rhythm.tables import RhythmRecord
from services.inspection.scope import sight_of
from shared.configuration import Configuration, Setting
from shared.database import ReadSession
from shared.regions import Level, level_of, prefix_range, region_of
from shared.security import Actor
from shared.web.pagination import PageRequest

_Days = Annotated[int, Field(ge=0, le=7)]
_Unit = Annotated[str, StringConstraints(pattern="^[A-Z]{2,12}$")]

STUDIES_PER_WEEK = Setting("rhythm_studies_per_week", 1, _Days, rule="I-35")
# null: a patrol each workday
PATROLS_PER_WEEK: Setting[int | None] = Setting(
    "rhythm_patrols_per_week", None, _Days | None, rule="I-35"
)
# The line departments of C.4: those that rectify.
DEPARTMENTS: Setting[tuple[str, ...]] = Setting(
    "rhythm_departments",
    (
        *("ORG", "EDU", "HOUS", "CIVIL", "HEALTH", "MEDINS", "WATER", "DPF", "TRANS"),
        *("NDRC", "MIIT", "AGRI", "FIN", "HRSS", "FOREST", "BANK", "CULT", "POWER"),
    ),
    tuple[_Unit, ...],
    rule="I-35",
)


async def list_records(
    session: ReadSession, actor: Actor, region: str, week: Week, page: PageRequest
) -> list[RhythmRecord]:
    """A page of a week's records, by day."""
    statement = select(RhythmRecord).where(*_in_week(actor, region, week))
    order: list[Any] = [col(RhythmRecord.on_day), col(RhythmRecord.id)]
    return list(await session.scalars(page.after(statement, order, date, UUID)))


async def list_unit_weeks(
    session: ReadSession,
    configuration: Configuration,
    actor: Actor,
    region: str,
    week: Week,
    today: date,
) -> list[UnitWeek]:
    """The week of every unit of a region the caller sees: its departments and townships, and
    whatever other unit has a record."""
    rows = await session.execute(
        select(col(RhythmRecord.org), col(RhythmRecord.kind), col(RhythmRecord.on_day))
        .where(*_in_week(actor, region, week))
        .distinct()
    )
    days: dict[str, dict[RhythmKind, set[date]]] = {
        org: {} for org in await _expected_units(session, configuration, actor, region, week)
    }
    for org, kind, on in rows:
        days.setdefault(org, {}).setdefault(RhythmKind(kind), set()).add(on)
    return [
        judge_week(org, days[org], week, _norm(configuration, org, week), today)
        for org in sorted(days)
    ]


async def _expected_units(
    session: ReadSession, configuration: Configuration, actor: Actor, region: str, week: Week
) -> list[str]:
    """Departments where the region is a county, and its townships that stand in that week."""
    units: list[str] = []
    if level_of(region) is Level.COUNTY:
        departments = configuration.value(DEPARTMENTS, region, week.monday)
        units = [f"{department}@{region}" for department in departments]
    if sight_of(actor).department is not None:
        return [org for org in units if org == actor.organisation]
    low, high = prefix_range(region)
    code, valid_to = col(Region.code), col(Region.valid_to)
    stands = or_(valid_to.is_(None), valid_to >= week.monday)
    towns = await session.scalars(
        select(Region.code).where(code >= low, code < high, func.length(code) == 9, stands)
    )
    return units + [f"TOWN@{town}" for town in towns]


def _norm(configuration: Configuration, org: str, week: Week) -> Norm:
    place = region_of(org)
    return Norm(
        configuration.value(STUDIES_PER_WEEK, place, week.monday),
        configuration.value(PATROLS_PER_WEEK, place, week.monday),
    )


def _in_week(actor: Actor, region: str, week: Week) -> list[ColumnElement[bool]]:
    low, high = prefix_range(region)
    place, on = col(RhythmRecord.region_code), col(RhythmRecord.on_day)
    conditions = [place >= low, place < high, on >= week.monday, on <= week.sunday]
    if sight_of(actor).department is not None:
        conditions.append(col(RhythmRecord.org) == actor.organisation)
    return conditions
