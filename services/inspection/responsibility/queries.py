"""Who answers for an organisation on a day: one, a page of a region's, many at once."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select

from services.inspection.responsibility.domain import Responsible
from services.inspection.responsibility.tables import ResponsiblePersons
from services.inspection.scope import concerns
from shared.database import Connection, ReadSession
from shared.errors import NotFound
from shared.regions import prefix_range, region_of
from shared.security import Actor
from shared.web.pagination import PageRequest

_IN_FORCE = """
SELECT DISTINCT ON (org) org, unit_head, deputy, county_leader FROM responsibles
WHERE org = ANY($1::text[]) AND effective_from <= $2 ORDER BY org, effective_from DESC
"""


async def find_responsibles(
    connection: Connection, orgs: Collection[str], on: date
) -> Mapping[str, Responsible]:
    """Who answers on a day for each of those organisations (`HOUS@511132`) that have somebody."""
    if not orgs:
        return {}
    rows = await connection.fetch(_IN_FORCE, list(orgs), on)
    return {
        row["org"]: Responsible(row["unit_head"], row["deputy"], row["county_leader"])
        for row in rows
    }


async def get_responsibles(
    session: ReadSession, actor: Actor, org: str, on: date
) -> ResponsiblePersons:
    """Who answers for an organisation above, at or below the caller's place; raises `NotFound`."""
    if not concerns(actor, region_of(org)):
        raise NotFound
    effective_from = col(ResponsiblePersons.effective_from)
    found: ResponsiblePersons | None = await session.scalar(
        select(ResponsiblePersons)
        .where(col(ResponsiblePersons.org) == org, effective_from <= on)
        .order_by(effective_from.desc())
        .limit(1)
    )
    if found is None:
        raise NotFound
    return found


async def list_responsibles(
    session: ReadSession, region: str, on: date, page: PageRequest
) -> list[ResponsiblePersons]:
    """A page of who answers for the organisations of a region and below, its own ones first."""
    low, high = prefix_range(region)
    order: list[Any] = [col(ResponsiblePersons.region_code), col(ResponsiblePersons.org)]
    effective_from = col(ResponsiblePersons.effective_from)
    statement = (
        select(ResponsiblePersons)
        .ext(distinct_on(*order))
        .where(order[0] >= low, order[0] < high, effective_from <= on)
    )
    newest_first = page.after(statement, order, str, str).order_by(effective_from.desc())
    return list(await session.scalars(newest_first))
