"""The figures asked for: prepared sums plus the changes not folded yet, in one snapshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from services.inspection.ledger.domain import DoneBasis, Figures, GroupBy, Sensitivity
from services.inspection.ledger.tables import SENSITIVITY, TOWNSHIP_MARGINS
from services.inspection.scope import Sight
from shared.database import Connection
from shared.regions import is_within, prefix_range

# The digits of a place's code.
PLACE_DIGITS: Mapping[str, int] = {GroupBy.COUNTY: 6, GroupBy.TOWNSHIP: 9, GroupBy.VILLAGE: 12}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which problems are counted; None leaves a filter out. `kind_prefix` also takes a whole kind,
    `region` what lies in it."""

    campaign_id: UUID | None = None
    severity: str | None = None
    kind_prefix: str | None = None
    object_type: str | None = None
    cohort: str | None = None
    source: str | None = None
    lead_dept: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class FiguresWanted:
    """Which problems to count, how to group them, what counts as done, up to which day."""

    filters: Filters = Filters()
    group_by: GroupBy | None = None
    done_basis: DoneBasis = DoneBasis.CLOSED
    as_of: date | None = None


class Counts(NamedTuple):
    """The sums of one group: the number of its period from 1 (0: no periods were asked for), and
    its keys in the order asked for."""

    period: int
    keys: tuple[str, ...]
    found: int
    reported: int
    closed: int


async def list_figures(
    connection: Connection, sight: Sight, wanted: FiguresWanted
) -> list[Figures]:
    """The figures of each group in the caller's sight, in order of the key."""
    keys = () if wanted.group_by is None else (wanted.group_by,)
    counts = await count_standing(connection, sight, wanted.filters, keys, wanted.as_of)
    return [
        Figures(
            "".join(group.keys),
            group.found,
            group.closed if wanted.done_basis is DoneBasis.CLOSED else group.reported,
        )
        for group in counts
    ]


async def count_standing(
    connection: Connection,
    sight: Sight,
    filters: Filters,
    keys: Sequence[GroupBy],
    as_of: date | None = None,
    at_most: int | None = None,
) -> list[Counts]:
    """What stands at this instant or at the end of `as_of`, by `keys`, in their order; no more
    than `at_most` groups."""
    narrowed = _narrowed(sight, filters)
    if narrowed is None:
        return []
    statement = standing_sql(narrowed.region, filters, keys, as_of) + _limit(at_most)
    days = [] if as_of is None else [as_of]
    rows = await connection.fetch(statement, *parameters_of(narrowed, filters), *days)
    return [_counts(row) for row in rows]


async def count_changes(
    connection: Connection,
    sight: Sight,
    filters: Filters,
    keys: Sequence[GroupBy],
    starts: Sequence[date],
    until: date,
    at_most: int | None = None,
) -> list[Counts]:
    """The changes from the first of `starts` to `until`, by the period that begins at one of
    `starts` and by `keys`, in their order; no more than `at_most` groups."""
    narrowed = _narrowed(sight, filters)
    if narrowed is None:
        return []
    statement = changes_sql(filters, keys) + _limit(at_most)
    parameters = [*parameters_of(narrowed, filters), list(starts), until]
    return [_counts(row) for row in await connection.fetch(statement, *parameters)]


def _limit(at_most: int | None) -> str:
    return "" if at_most is None else f" LIMIT {at_most}"


def _counts(row: Sequence[Any]) -> Counts:
    period, *keys, found, reported, closed = row
    return Counts(period, tuple(keys), found, reported, closed)


# -- statements ----------------------------------------------------------------------------------

# Parameters of every statement: the sight ($1 to $4), then the filters in this order.
_FILTERS = {
    "severity": "($6::text IS NULL OR {column} = $6)",
    "kind": "($7::text IS NULL OR starts_with({column}, $7))",
    "object_type": "($8::text IS NULL OR {column} = $8)",
    "cohort": "($9::text IS NULL OR {column} = $9)",
    "source": "($10::text IS NULL OR {column} = $10)",
}
_SIGHT = """{place} >= $1 AND {place} < $2
  AND ($3::text IS NULL OR lead_dept = $3 OR {sensitivity} = 'style')
  AND {sensitivity} = ANY ($4::text[])
  AND ($11::text IS NULL OR lead_dept = $11)"""


def parameters_of(sight: Sight, filters: Filters) -> list[object]:
    """The first eleven parameters of every statement."""
    classes = [Sensitivity.ORDINARY]
    classes += [Sensitivity.STYLE] if sight.style else []
    classes += [Sensitivity.CORRUPTION] if sight.corruption else []
    return [
        sight.low,
        sight.high,
        sight.department,
        classes,
        filters.campaign_id,
        filters.severity,
        filters.kind_prefix,
        filters.object_type,
        filters.cohort,
        filters.source,
        filters.lead_dept,
    ]


@dataclass(frozen=True, slots=True)
class _Source:
    """A table of sums or changes: which of its rows count, and what its columns are called."""

    table: str
    condition: str
    place: str = "village_code"
    sensitivity: str = SENSITIVITY
    sign: str = ""
    margin: str | None = None

    def column(self, dimension: str) -> str:
        """The column of a dimension; a margin calls its own `value`."""
        return "value" if dimension == self.margin else dimension

    def key(self, key: GroupBy) -> str:
        """What rows are grouped by."""
        width = PLACE_DIGITS.get(key)
        return self.column(key) if width is None else f"left({self.place}, {width})"

    def conditions(self, filters: Filters) -> str:
        """Which rows count; a margin is read where only its own dimension is asked about."""
        campaign = "$5::uuid IS NULL" if filters.campaign_id is None else "campaign_id = $5"
        if self.margin is not None and filters.campaign_id is None:
            campaign = "campaign_id IS NULL"
        narrowing = [
            condition.format(column=self.column(dimension))
            for dimension, condition in _FILTERS.items()
            if self.margin in (None, dimension)
        ]
        seen = _SIGHT.format(place=self.place, sensitivity=self.sensitivity)
        return "\n  AND ".join([self.condition, campaign, seen, *narrowing])


def standing_sql(
    region: str, filters: Filters, keys: Sequence[GroupBy], as_of: date | None = None
) -> str:
    """The statement of `count_standing` for a caller whose scope is `region`; the day is $12.

    Up to a day = all − later days: the days asked for are recent ones, so little is read.
    """
    level = max([len(region), *(PLACE_DIGITS.get(key, 0) for key in keys)])
    up_to = "true" if as_of is None else "on_day <= $12"
    deltas = _Source("ledger_deltas", up_to)
    if level == PLACE_DIGITS[GroupBy.VILLAGE]:
        return _sql([_Source("ledger_days", up_to), deltas], filters, keys)
    sources = [_sums(level, filters, keys), deltas]
    if as_of is not None:
        sources.append(_Source("ledger_days", "on_day > $12", sign="-"))
    return _sql(sources, filters, keys)


def _sums(level: int, filters: Filters, keys: Sequence[GroupBy]) -> _Source:
    """The margin of the one dimension asked about, else the sums by all dimensions."""
    asked = {dimension for dimension in _FILTERS if dimension in keys}
    asked |= {name for name in _FILTERS if getattr(filters, _FIELDS.get(name, name)) is not None}
    margin = min(asked, default="kind")
    if len(asked) > 1 or (
        level == PLACE_DIGITS[GroupBy.TOWNSHIP] and margin not in TOWNSHIP_MARGINS
    ):
        return _Source("ledger_totals", f"level = {level}", "place")
    return _Source(
        "ledger_margins",
        f"dimension = '{margin}' AND level = {level}",
        "place",
        "sensitivity",
        margin=margin,
    )


_FIELDS = {"kind": "kind_prefix"}


def changes_sql(filters: Filters, keys: Sequence[GroupBy]) -> str:
    """The statement of `count_changes`; $12 are the beginnings of the periods, $13 the last day."""
    between = "on_day >= ($12::date[])[1] AND on_day <= $13"
    tables = [_Source(table, between) for table in ("ledger_days", "ledger_deltas")]
    return _sql(tables, filters, keys, "width_bucket(on_day, $12::date[])")


def _sql(
    sources: Sequence[_Source], filters: Filters, keys: Sequence[GroupBy], period: str = "0"
) -> str:
    names = ["period", *(f"key_{place}" for place in range(len(keys)))]
    grouped = ", ".join(str(place + 1) for place in range(len(names)))
    branches = "\n UNION ALL\n ".join(
        "SELECT "
        + ", ".join(
            f"{column} AS {name}"
            for column, name in zip([period, *map(source.key, keys)], names, strict=True)
        )
        + "".join(f", {source.sign}sum({figure}) AS {figure}" for figure in _FIGURES)
        + f"\n FROM {source.table} WHERE {source.conditions(filters)}\n GROUP BY {grouped}"
        for source in sources
    )
    figures = [f"sum({figure})::bigint" for figure in _FIGURES]
    return (
        f"SELECT {', '.join([*names, *figures])} FROM ({branches}) AS parts GROUP BY {grouped}"
        f" HAVING {' OR '.join(f'sum({figure}) <> 0' for figure in _FIGURES)} ORDER BY {grouped}"
    )


_FIGURES = ("found", "reported", "closed")


def _narrowed(sight: Sight, filters: Filters) -> Sight | None:
    """The part of the sight that lies in the region asked for; None where there is none."""
    region = filters.region
    if region is None or is_within(sight.region, region):
        return sight
    if not is_within(region, sight.region):
        return None
    low, high = prefix_range(region)
    return replace(sight, low=low, high=high)
