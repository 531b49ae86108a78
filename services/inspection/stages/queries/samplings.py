"""Drawing in the database, in the order of a hash keyed by the seed; and what was drawn (I-52)."""

import json
from collections.abc import Mapping
from uuid import UUID

from sqlmodel import col, select

from services.inspection.stages.domain.sampling import Minimum, QuotaBy, ZoneKind
from services.inspection.stages.queries.coverage import households_in
from services.inspection.stages.tables import CampaignSampling
from shared.configuration import Setting
from shared.database import Connection, ReadSession
from shared.errors import NotFound, field_error
from shared.regions import is_within, prefix_range
from shared.security import Actor

_LARGEST_MINIMUM = 10_000


def _check_minimum(minimum: Minimum) -> None:
    if not all(
        0 <= number <= _LARGEST_MINIMUM for number in (minimum.households, minimum.villages)
    ):
        raise field_error(
            "value",
            "OUT_OF_RANGE",
            f"数量须在0至{_LARGEST_MINIMUM}之间。",
            f"Each number is from 0 to {_LARGEST_MINIMUM}.",
        )


def _minimum(key: str, usual: Minimum) -> Setting[Minimum]:
    return Setting(key, usual, Minimum, rule="I-52", check=_check_minimum)


MINIMUM: Mapping[ZoneKind, Setting[Minimum]] = {
    ZoneKind.COUNTY: _minimum("sample_minimum_county", Minimum(200, 10)),
    ZoneKind.ADMIN_ZONE: _minimum("sample_minimum_admin_zone", Minimum(100, 5)),
}

# $1 and $2 the range of places. What a village is called for does not matter to the draw: poor
# villages and others are visited alike.
_GROUPS = {None: "''", QuotaBy.TOWNSHIP: "left({village}, 9)", QuotaBy.COHORT: "cohort"}
_POOLS = {
    "HOUSEHOLD": (
        "household_mirror",
        households_in("village_code >= $1 AND village_code < $2", "$3"),
    ),
    "VILLAGE": (
        "regions",
        "code >= $1 AND code < $2 AND length(code) = 12 AND coalesce(valid_to > $3::date, true)",
    ),
}
_IDS = {"HOUSEHOLD": "household_id::text", "VILLAGE": "code"}
_VILLAGE_OF = {"HOUSEHOLD": "village_code", "VILLAGE": "code"}


class Pool:
    """What is drawn from: households of the campaign's concern, or villages, in a region. `limit`
    is the year exited households count from, or the day villages must exist on."""

    def __init__(self, role: str, region: str, quotas: QuotaBy | None, limit: object) -> None:
        self._table, self._condition = _POOLS[role]
        self._id = _IDS[role]
        by = None if role == "VILLAGE" and quotas is QuotaBy.COHORT else quotas
        self._group = _GROUPS[by].format(village=_VILLAGE_OF[role])
        self._parameters = (*prefix_range(region), limit)
        self.role = role

    async def populations(self, connection: Connection) -> dict[str, int]:
        """How many there are in each group."""
        rows = await connection.fetch(
            f"SELECT {self._group} AS key, count(*) AS number FROM {self._table}"
            f" WHERE {self._condition} GROUP BY 1 ORDER BY 1",
            *self._parameters,
        )
        return {row["key"]: row["number"] for row in rows}

    async def draw(
        self, connection: Connection, seed: int | str, shares: Mapping[str, int]
    ) -> list[str]:
        """As many of each group as `shares` says: the first by SHA-256 of seed and id. The same
        seed and the same pool give the same draw; the ids come in their own order."""
        rows = await connection.fetch(
            f"""
            SELECT id FROM (
              SELECT {self._id} AS id, {self._group} AS key,
                     row_number() OVER (PARTITION BY {self._group} ORDER BY
                       sha256(convert_to($4 || '|' || {self._id}, 'UTF8')), {self._id}) AS place
              FROM {self._table} WHERE {self._condition}
            ) AS pool
            JOIN unnest($5::text[], $6::int[]) AS share (key, number) USING (key)
            WHERE place <= number ORDER BY id COLLATE "C"
            """,
            *self._parameters,
            json.dumps(seed),
            list(shares),
            list(shares.values()),
        )
        return [row["id"] for row in rows]


async def get_sampling(
    session: ReadSession, actor: Actor, campaign_id: UUID, sampling_id: UUID
) -> CampaignSampling:
    """One draw; raises `NotFound` for whoever does not stand above what is spot-checked."""
    sampling = await session.get(CampaignSampling, sampling_id)
    if sampling is None or sampling.campaign_id != campaign_id or not _may_see(actor, sampling):
        raise NotFound
    return sampling


async def list_samplings(
    session: ReadSession, actor: Actor, campaign_id: UUID
) -> list[CampaignSampling]:
    """The draws of a campaign that the caller may see, oldest first."""
    statement = select(CampaignSampling).where(col(CampaignSampling.campaign_id) == campaign_id)
    rows = await session.scalars(statement.order_by(col(CampaignSampling.id)))
    return [row for row in rows if _may_see(actor, row)]


def stands_above(actor: Actor) -> bool:
    """Whether the caller acts for a city or above: a county does not spot-check itself."""
    return len(actor.region) < len("511132")


def _may_see(actor: Actor, sampling: CampaignSampling) -> bool:
    return stands_above(actor) and is_within(sampling.target_region, actor.region)
