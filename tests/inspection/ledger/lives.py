"""Random lives of problems, written into the ledger and counted one by one."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from hypothesis import strategies as st

from services.inspection.ledger.commands import add_deltas, fold_deltas
from services.inspection.ledger.domain import (
    Delta,
    Dimensions,
    DoneBasis,
    Entry,
    Figures,
    GroupBy,
    deltas_between,
)
from services.inspection.ledger.queries import FiguresWanted, Filters
from shared.database import Database
from shared.security import Actor

CAMPAIGN = UUID("01990000-0000-7000-8000-00000000c001")
DAYS = [date(2019, 9, 1) + timedelta(days=offset) for offset in range(5)]
ACTORS = [
    Actor("t", organisation, frozenset({"x"}))
    for organisation in (
        "POV@511132",
        "LG@511132",
        "PROV@51",
        "CITY@5111",
        "TOWN@511132201",
        "VILLAGE@511132201205",
        "HOUS@511132",
        "DISC@511132",
        "POV@511133",
    )
]
DIMENSIONS = st.builds(
    Dimensions,
    st.sampled_from([None, CAMPAIGN]),
    st.sampled_from(["511132201205", "511132201206", "511132202200", "511133201200", "511132"]),
    st.sampled_from(["HOUSING_UNSAFE", "RELOCATION_NOT_IN", "STYLE", "CORRUPTION_BRIBERY"]),
    st.sampled_from(["HOUS", "NDRC", "DISC"]),
    st.sampled_from(["EXITED", "NONE"]),
    st.sampled_from(["PROMINENT", "GENERAL"]),
    st.sampled_from(["AUDIT", "VISIT"]),
    st.sampled_from(["HOUSEHOLD", "VILLAGE"]),
)
ENTRIES = st.none() | st.builds(
    lambda dimensions, progress: Entry(dimensions, reported=progress > 0, closed=progress > 1),
    DIMENSIONS,
    st.integers(0, 2),
)
# A problem's life: what it counts for from some days on.
LIVES = st.lists(st.tuples(st.sampled_from(DAYS), ENTRIES), min_size=1, max_size=4).map(
    lambda life: sorted(life, key=lambda step: step[0])
)
FILTERS = st.builds(
    Filters,
    campaign_id=st.sampled_from([None, CAMPAIGN]),
    severity=st.sampled_from([None, None, "PROMINENT"]),
    kind_prefix=st.sampled_from([None, None, "RELOCATION", "HOUSING_UNSAFE"]),
    object_type=st.sampled_from([None, None, "VILLAGE"]),
    cohort=st.sampled_from([None, None, "EXITED"]),
    source=st.sampled_from([None, None, "VISIT"]),
    lead_dept=st.sampled_from([None, None, "HOUS"]),
    region=st.sampled_from([None, None, "511132", "511132201", "511132201206"]),
)
WANTED = st.builds(
    FiguresWanted,
    FILTERS,
    group_by=st.sampled_from([None, *GroupBy]),
    done_basis=st.sampled_from(DoneBasis),
    as_of=st.sampled_from([None, *DAYS]),
)

Life = Sequence[tuple[date, Entry | None]]


def is_counted(of: Dimensions, actor: Actor, filters: Filters) -> bool:
    """Whether a problem of these classes is seen and wanted."""
    hidden = (of.kind == "STYLE" and actor.unit not in ("POV", "LG", "DISC")) or (
        of.kind.startswith("CORRUPTION_") and actor.unit != "DISC"
    )
    own = actor.unit not in ("HOUS", "DISC") or of.lead_dept == actor.unit
    watched = actor.unit == "DISC" and of.kind == "STYLE"
    return (
        of.village_code.startswith(actor.region)
        and not hidden
        and (own or watched)
        and of.village_code.startswith(filters.region or "")
        and filters.campaign_id in (None, of.campaign_id)
        and filters.severity in (None, of.severity)
        and of.kind.startswith(filters.kind_prefix or "")
        and filters.object_type in (None, of.object_type)
        and filters.cohort in (None, of.cohort)
        and filters.source in (None, of.source)
        and filters.lead_dept in (None, of.lead_dept)
    )


def key_of(of: Dimensions, group_by: GroupBy) -> str:
    """The group a problem of these classes is counted in."""
    width = {GroupBy.COUNTY: 6, GroupBy.TOWNSHIP: 9, GroupBy.VILLAGE: 12}.get(group_by)
    return str(getattr(of, group_by)) if width is None else of.village_code[:width]


def recount(lives: Sequence[Life], actor: Actor, wanted: FiguresWanted) -> list[Figures]:
    """The figures counted one by one from where each problem stands."""
    found: Counter[str] = Counter()
    done: Counter[str] = Counter()
    for life in lives:
        steps = [entry for day, entry in life if wanted.as_of is None or day <= wanted.as_of]
        entry = steps[-1] if steps else None
        if entry is None or not is_counted(entry.dimensions, actor, wanted.filters):
            continue
        key = key_of(entry.dimensions, wanted.group_by) if wanted.group_by else ""
        found[key] += 1
        done[key] += entry.closed if wanted.done_basis is DoneBasis.CLOSED else entry.reported
    return [Figures(key, found[key], done[key]) for key in sorted(found)]


async def write(database: Database, lives: Sequence[Life]) -> None:
    """Write every change of the lives."""
    deltas: list[Delta] = []
    for life in lives:
        present: Entry | None = None
        for day, entry in life:
            deltas += deltas_between(present, entry, day)
            present = entry
    async with database.driver_transaction() as connection:
        await add_deltas(connection, deltas)


async def start_ledger(
    database: Database, folded: Sequence[Life], unfolded: Sequence[Life]
) -> None:
    """A ledger of these lives and no others."""
    async with database.statement() as connection:
        await connection.execute(
            "TRUNCATE ledger_deltas, ledger_days, ledger_totals, ledger_margins"
        )
    await write(database, folded)
    await fold_deltas(database)
    await write(database, unfolded)
