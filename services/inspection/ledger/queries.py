"""The figures asked for: prepared sums plus the changes not folded yet, in one snapshot."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.inspection.ledger.domain import DoneBasis, Figures, GroupBy
from services.inspection.scope import CORRUPTION_PREFIX, STYLE, Sight
from shared.database import Connection
from shared.regions import Level, level_of

_KEYS = {
    GroupBy.TOWNSHIP: "{township}",
    GroupBy.KIND: "kind",
    GroupBy.LEAD_DEPT: "lead_dept",
    GroupBy.COHORT: "cohort",
    GroupBy.SEVERITY: "severity",
    GroupBy.SOURCE: "source",
    GroupBy.OBJECT_TYPE: "object_type",
    None: "''",
}

# The sums are read at the level of townships where townships are asked for.
_TOWNSHIPS = {"place": "place", "village_code": "left(village_code, 9)"}

_FILTERS = f"""
  {{place}} >= $1 AND {{place}} < $2
  AND ($3::text IS NULL OR lead_dept = $3)
  AND ($4::bool OR NOT (kind = '{STYLE}' OR starts_with(kind, '{CORRUPTION_PREFIX}')))
  AND ($5::text IS NULL OR severity = $5)
  AND ($6::text IS NULL OR starts_with(kind, $6))
  AND ($7::text IS NULL OR object_type = $7)
  AND {{campaign}}"""


@dataclass(frozen=True, slots=True)
class FiguresWanted:
    """Which problems to count, how to group them, what counts as done, up to which day."""

    campaign_id: UUID | None = None
    severity: str | None = None
    kind_prefix: str | None = None
    object_type: str | None = None
    group_by: GroupBy | None = None
    done_basis: DoneBasis = DoneBasis.CLOSED
    as_of: date | None = None


async def list_figures(
    connection: Connection, sight: Sight, wanted: FiguresWanted
) -> list[Figures]:
    """The figures of each group in the caller's sight, in order of the key."""
    parameters = [
        sight.low,
        sight.high,
        sight.department,
        sight.sensitive,
        wanted.severity,
        wanted.kind_prefix,
        wanted.object_type,
        wanted.campaign_id,
        *([] if wanted.as_of is None else [wanted.as_of]),
    ]
    rows = await connection.fetch(figures_sql(sight.region, wanted), *parameters)
    return [Figures(row["key"], row["found"], row["done"]) for row in rows]


def figures_sql(region: str, wanted: FiguresWanted) -> str:
    """The statement for a caller whose scope is `region`; its shape depends on what is wanted."""
    done = "closed" if wanted.done_basis is DoneBasis.CLOSED else "reported"
    sources = _village_sources(wanted) if _is_village(region) else _summed_sources(region, wanted)
    branches = "\n UNION ALL\n ".join(
        f"SELECT {_KEYS[wanted.group_by].format(township=_TOWNSHIPS[place])} AS key,"
        f" {sign}sum(found) AS found, {sign}sum({done}) AS done"
        f" FROM {table} WHERE {condition} AND {_filters(place, wanted)} GROUP BY 1"
        for table, place, sign, condition in sources
    )
    return (
        "SELECT key, sum(found)::bigint AS found, sum(done)::bigint AS done"
        f" FROM ({branches}) AS parts GROUP BY key HAVING sum(found) <> 0 OR sum(done) <> 0"
        " ORDER BY key"
    )


def _summed_sources(region: str, wanted: FiguresWanted) -> list[tuple[str, str, str, str]]:
    """Table, place column, sign and own condition of each part. Up to a day = all − later days:
    the days asked for are recent ones, so little is read."""
    level = 9 if wanted.group_by is GroupBy.TOWNSHIP else len(region)
    parts = [("ledger_totals", "place", "", f"level = {level}")]
    if wanted.as_of is None:
        return [*parts, ("ledger_deltas", "village_code", "", "true")]
    return [
        *parts,
        ("ledger_days", "village_code", "-", "on_day > $9"),
        ("ledger_deltas", "village_code", "", "on_day <= $9"),
    ]


def _village_sources(wanted: FiguresWanted) -> list[tuple[str, str, str, str]]:
    up_to = "true" if wanted.as_of is None else "on_day <= $9"
    return [(table, "village_code", "", up_to) for table in ("ledger_days", "ledger_deltas")]


def _filters(place: str, wanted: FiguresWanted) -> str:
    campaign = "campaign_id = $8" if wanted.campaign_id is not None else "$8::uuid IS NULL"
    return _FILTERS.format(place=place, campaign=campaign)


def _is_village(region: str) -> bool:
    return level_of(region) is Level.VILLAGE
