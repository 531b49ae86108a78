"""The figures of a county, what is configured for its digests, and reading those issued."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlmodel import col, select

from services.notify.digests.domain import SOON_DAYS, Group, Kind, Period
from services.notify.digests.tables import Digest
from services.notify.mirror.domain import CORRUPTION_PREFIX, STYLE
from shared.clock import start_of_day
from shared.configuration import Setting
from shared.database import Connection, ReadSession
from shared.errors import NotFound
from shared.web.pagination import PageRequest

DIGEST_WEEKDAY = Setting("digest_weekday", 1, Annotated[int, Field(ge=1, le=7)], rule="N-06")
DIGEST_HOUR = Setting("digest_hour", 8, Annotated[int, Field(ge=7, le=21)], rule="N-06")
# Units of the county that see every department's figures; TOWN: each township those of its place.
DIGEST_WATCHERS: Setting[tuple[str, ...]] = Setting(
    "digest_watchers", ("POV", "LG", "TOWN"), tuple[str, ...], rule="N-06"
)

_DISPATCHED = "inspection.problem.dispatched.v1"
_CLOSED = "inspection.problem.closed.v1"

# From one county to the next by the index, however many problems lie between.
_COUNTIES = """
WITH RECURSIVE counties(code) AS (
  SELECT left(min(village_code), 6) FROM problems
   UNION ALL
  SELECT (SELECT left(min(p.village_code), 6) FROM problems p
           WHERE p.village_code > counties.code || ':') FROM counties WHERE code IS NOT NULL)
SELECT code FROM counties WHERE length(code) = 6
"""
# What came after the digest was due is no part of it; a county that had nothing then has none.
_GROUPS = f"""
WITH counted AS (
  SELECT (h.data->>'problem_id')::uuid AS problem_id,
         bool_or(h.event_type = '{_DISPATCHED}' AND h.at < $5) AS came,
         bool_or(h.event_type = '{_CLOSED}' AND h.at < $5) AS went,
         bool_or(h.event_type = '{_DISPATCHED}' AND h.at >= $6) AS later
    FROM happenings h
   WHERE h.event_type IN ('{_DISPATCHED}', '{_CLOSED}') AND h.at >= $4
   GROUP BY 1)
SELECT left(village_code, 6) AS county, lead, left(village_code, 9) AS place, state,
       CASE WHEN kind = '{STYLE}' THEN kind
            WHEN starts_with(kind, '{CORRUPTION_PREFIX}') THEN '{CORRUPTION_PREFIX}'
            ELSE '' END AS confinement,
       count(*) AS count,
       count(*) FILTER (WHERE due_on BETWEEN $2 AND $3) AS due_soon,
       count(*) FILTER (WHERE due_on < $2) AS overdue,
       count(*) FILTER (WHERE came) AS new,
       count(*) FILTER (WHERE went) AS closed
  FROM problems LEFT JOIN counted USING (problem_id)
 WHERE left(village_code, 6) = ANY($1) AND dispatched AND later IS NOT TRUE
 GROUP BY 1, 2, 3, 4, 5
"""
_ISSUED = """
SELECT DISTINCT left(region_code, 6) AS county, period FROM digests
 WHERE kind = $1 AND period = ANY($2)
"""


async def counties_of(connection: Connection) -> list[str]:
    """The counties in which there are problems."""
    return [row["code"] for row in await connection.fetch(_COUNTIES)]


async def counties_with_digests(
    connection: Connection, kind: Kind, periods: Sequence[str]
) -> set[tuple[str, str]]:
    """The counties and periods, of those given, for which digests stand."""
    rows = await connection.fetch(_ISSUED, kind, list(set(periods)))
    return {(row["county"], row["period"]) for row in rows}


async def groups_of(
    connection: Connection, counties: Sequence[str], period: Period, today: date
) -> Mapping[str, Sequence[Group]]:
    """The problems of counties that have some, counted for a period as they stand today."""
    rows = await connection.fetch(
        _GROUPS,
        *(counties, today, today + timedelta(days=SOON_DAYS)),
        *(start_of_day(period.first), start_of_day(period.last + timedelta(days=1))),
        period.due_at,
    )
    groups: dict[str, list[Group]] = {}
    for county, *group in rows:
        groups.setdefault(county, []).append(Group(*group))
    return groups


async def list_digests(
    session: ReadSession, organisation: str, page: PageRequest
) -> Sequence[Digest]:
    """An organisation's digests, the newest first."""
    statement = select(Digest).where(col(Digest.org) == organisation)
    key = page.key(datetime, UUID)
    if key is not None:
        before, after = key
        issued_at, digest_id = col(Digest.issued_at), col(Digest.digest_id)
        statement = statement.where(
            (issued_at < before) | ((issued_at == before) & (digest_id > after))
        )
    statement = statement.order_by(col(Digest.issued_at).desc(), col(Digest.digest_id))
    return (await session.scalars(statement.limit(page.limit + 1))).all()


async def get_digest(session: ReadSession, organisation: str, digest_id: UUID) -> Digest:
    """A digest of the organisation; raises `NotFound`."""
    digest = await session.get(Digest, digest_id)
    if digest is None or digest.org != organisation:
        raise NotFound
    return digest
