"""Look-ups in what inspection knows of regions and households."""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from uuid import UUID

from shared.database import Connection

_KNOWN_REGIONS = "SELECT code FROM regions WHERE code = ANY($1::text[])"
_COHORTS = (
    "SELECT household_id, cohort FROM household_mirror"
    " WHERE household_id = ANY($1::uuid[]) AND active"
)
_REGION_NAMES = "SELECT code, name FROM regions WHERE code = ANY($1::text[])"
_HOUSEHOLD_NUMBERS = (
    "SELECT household_id, household_no FROM household_mirror WHERE household_id = ANY($1::uuid[])"
)
_REMEMBERED_REGIONS = 50_000


class KnownRegions:
    """Region codes that were found to exist. A region is never deleted, so what was found stays
    true; what was not found is asked for again."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()

    def has(self, code: str) -> bool:
        """Whether `code` is remembered; False says nothing."""
        return code in self._known

    async def find(self, connection: Connection, codes: Collection[str]) -> frozenset[str]:
        """Those of `codes` that exist."""
        asked = [code for code in codes if code not in self._known]
        if asked:
            for row in await connection.fetch(_KNOWN_REGIONS, asked):
                self._known[row["code"]] = None
            while len(self._known) > _REMEMBERED_REGIONS:
                self._known.popitem(last=False)
        return frozenset(code for code in codes if code in self._known)


async def find_cohorts(
    connection: Connection, household_ids: Collection[UUID]
) -> Mapping[UUID, str]:
    """The cohort of each of the households that is known and active."""
    if not household_ids:
        return {}
    rows = await connection.fetch(_COHORTS, list(household_ids))
    return {row["household_id"]: row["cohort"] for row in rows}


async def find_region_names(connection: Connection, codes: Collection[str]) -> Mapping[str, str]:
    """The name of each of the regions that exists."""
    rows = await connection.fetch(_REGION_NAMES, list(codes))
    return {row["code"]: row["name"] for row in rows}


async def find_household_numbers(
    connection: Connection, household_ids: Collection[UUID]
) -> Mapping[UUID, str]:
    """The household number of each of the households that is known."""
    if not household_ids:
        return {}
    rows = await connection.fetch(_HOUSEHOLD_NUMBERS, list(household_ids))
    return {row["household_id"]: row["household_no"] for row in rows}
