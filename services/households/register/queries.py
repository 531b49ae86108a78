"""Reading the register: within a region, now or as it stood at the end of a day."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, text
from sqlalchemy import select as sqlalchemy_select
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.households.register.codes import Relation
from services.households.register.domain import ArchiveStatus
from services.households.register.sealing import Seals
from services.households.register.tables import HOUSEHOLDS, Household, HouseholdVersion, Member
from shared import clock
from shared.database import ReadSession, Session
from shared.errors import Invalid, NotFound
from shared.names import parse_person_name
from shared.regions import prefix_range
from shared.validators import parse_resident_id
from shared.web.pagination import PageRequest

_HOUSEHOLD_NO = re.compile(r"[0-9]{17}")

_PAST_HOUSEHOLD = text(
    """
    SELECT past.* FROM household_versions v,
           jsonb_populate_record(NULL::households, v.household) past
    WHERE v.household_id = :household_id AND v.version = :version
    """
)
_PAST_MEMBERS = text(
    """
    SELECT past.* FROM household_versions v,
           jsonb_populate_recordset(NULL::members, v.members) past
    WHERE v.household_id = :household_id AND v.version = :version
    """
)
_CHANGES = text(
    """
    SELECT id, at, action, person, organisation, remark AS reason, change FROM audit
    WHERE object_type = 'household' AND object_id = :household_id AND id > :after
    ORDER BY id LIMIT :limit
    """
)


class Line(NamedTuple):
    """A household in a list."""

    household: Household
    head_name: str | None
    population: int


async def get_household(session: ReadSession, household_id: UUID, region: str) -> Household:
    """The household within `region`; raises `NotFound`."""
    household = await session.scalar(_one(household_id, region))
    if household is None:
        raise NotFound
    return household


async def list_members(session: ReadSession, household_id: UUID) -> Sequence[Member]:
    """Everybody who belongs or ever belonged to the household, in the order they came."""
    return (
        await session.scalars(
            select(Member)
            .where(col(Member.household_id) == household_id)
            .order_by(col(Member.position))
        )
    ).all()


async def get_household_as_of(
    session: ReadSession, household_id: UUID, region: str, day: date
) -> tuple[Household, Sequence[Member]]:
    """What the register said of a household at the end of `day` (H-08).

    Raises `NotFound`, also for a day on which the household was not yet registered.
    """
    household = await get_household(session, household_id, region)
    ended = clock.start_of_day(day + timedelta(days=1))
    if household.recorded_at < ended:
        return household, await list_members(session, household_id)
    version = await session.scalar(
        select(func.max(HouseholdVersion.version)).where(
            col(HouseholdVersion.household_id) == household_id,
            col(HouseholdVersion.recorded_from) < ended,
        )
    )
    if version is None:
        raise NotFound
    key = {"household_id": household_id, "version": version}
    session.expunge(household)  # the past state has the same identity
    past = select(Household).from_statement(_PAST_HOUSEHOLD)
    members = select(Member).from_statement(_PAST_MEMBERS)
    return (await session.scalars(past, key)).one(), (await session.scalars(members, key)).all()


async def get_household_for_update(session: Session, household_id: UUID, region: str) -> Household:
    """The household within `region`, locked; raises `NotFound`."""
    household = await session.scalar(_one(household_id, region).with_for_update())
    if household is None:
        raise NotFound
    return household


async def list_households(
    session: ReadSession,
    page: PageRequest,
    seals: Seals,
    region: str,
    *,
    archive_status: ArchiveStatus | None = None,
    q: str | None = None,
) -> list[Line]:
    """Households of `region` with their heads' names and populations, by village and number.

    `q` is a household number, a full id number or an exact name; raises `NameInvalid`.
    """
    statement = _lines(region)
    if archive_status is not None:
        statement = statement.where(col(Household.archive_status) == archive_status)
    if q is not None:
        statement = statement.where(_found_by(q, seals))
    order = [HOUSEHOLDS.c.village_code, HOUSEHOLDS.c.household_no]
    rows = await session.execute(page.after(statement, order, str, str))
    return [Line._make(row) for row in rows]


async def list_changes(
    session: ReadSession, page: PageRequest, household_id: UUID
) -> Sequence[Row[Any]]:
    """Who changed what of a household, oldest first, one more than the page shows."""
    (after,) = page.key(int) or (0,)
    key = {"household_id": str(household_id), "after": after, "limit": page.limit + 1}
    return (await session.execute(_CHANGES, key)).all()


def find_member(members: Sequence[Member], member_id: UUID) -> Member:
    """The member with that id; raises `NotFound`."""
    for member in members:
        if member.id == member_id:
            return member
    raise NotFound


def _one(household_id: UUID, region: str) -> SelectOfScalar[Household]:
    return select(Household).where(col(Household.id) == household_id, _within(region))


def _within(region: str) -> ColumnElement[bool]:
    low, high = prefix_range(region)
    return and_(col(Household.village_code) >= low, col(Household.village_code) < high)


def _lines(region: str) -> Select[Any]:
    of_household = and_(
        col(Member.household_id) == col(Household.id), col(Member.effective_to).is_(None)
    )
    head = select(Member.name).where(of_household, col(Member.relation) == Relation.HEAD)
    population = select(func.count()).select_from(Member).where(of_household)
    columns: list[Any] = [
        Household,
        head.limit(1).scalar_subquery(),
        population.scalar_subquery(),
    ]
    return sqlalchemy_select(*columns).where(_within(region))


def _found_by(q: str, seals: Seals) -> ColumnElement[bool]:
    if _HOUSEHOLD_NO.fullmatch(q):
        return col(Household.household_no) == q
    try:
        number = parse_resident_id(q, clock.today()).number
        found: ColumnElement[bool] = col(Member.id_no_index).in_(seals.id_no.blind_indexes(number))
    except Invalid:
        found = col(Member.name) == parse_person_name(q).normalised
    return col(Household.id).in_(
        select(Member.household_id).where(found, col(Member.effective_to).is_(None))
    )
