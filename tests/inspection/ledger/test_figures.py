"""The figures of the ledger against a naive recount, whatever happened and however folded."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.inspection.ledger.commands import FOLD_ROWS, add_deltas, fold_deltas
from services.inspection.ledger.domain import (
    Delta,
    Dimensions,
    DoneBasis,
    Entry,
    Figures,
    GroupBy,
    deltas_between,
    whole,
)
from services.inspection.ledger.queries import FiguresWanted, figures_sql, list_figures
from services.inspection.scope import sight_of
from shared.database import Database
from shared.security import Actor
from tests.inspection.conftest import Inspection, finding

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
WANTED = st.builds(
    FiguresWanted,
    campaign_id=st.sampled_from([None, CAMPAIGN]),
    severity=st.sampled_from([None, "PROMINENT"]),
    kind_prefix=st.sampled_from([None, "RELOCATION", "HOUSING_UNSAFE"]),
    object_type=st.sampled_from([None, "VILLAGE"]),
    group_by=st.sampled_from([None, *GroupBy]),
    done_basis=st.sampled_from(DoneBasis),
    as_of=st.sampled_from([None, *DAYS]),
)

Life = Sequence[tuple[date, Entry | None]]


def recount(lives: Sequence[Life], actor: Actor, wanted: FiguresWanted) -> list[Figures]:
    """The figures counted one by one from where each problem stands."""
    sight = sight_of(actor)
    found: Counter[str] = Counter()
    done: Counter[str] = Counter()
    for life in lives:
        steps = [entry for day, entry in life if wanted.as_of is None or day <= wanted.as_of]
        entry = steps[-1] if steps else None
        if entry is None:
            continue
        of = entry.dimensions
        hidden = of.kind == "STYLE" or of.kind.startswith("CORRUPTION_")
        if (
            not of.village_code.startswith(actor.region)
            or (sight.department is not None and of.lead_dept != sight.department)
            or (hidden and not sight.sensitive)
            or (wanted.campaign_id is not None and of.campaign_id != wanted.campaign_id)
            or (wanted.severity is not None and of.severity != wanted.severity)
            or (wanted.kind_prefix is not None and not of.kind.startswith(wanted.kind_prefix))
            or (wanted.object_type is not None and of.object_type != wanted.object_type)
        ):
            continue
        key = {None: "", GroupBy.TOWNSHIP: of.village_code[:9]}.get(wanted.group_by)
        if key is None:
            assert wanted.group_by is not None
            key = str(getattr(of, wanted.group_by.value))
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


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    early=st.lists(LIVES, max_size=8),
    late=st.lists(LIVES, max_size=8),
    wanted=st.lists(WANTED, min_size=3, max_size=3),
)
async def test_the_figures_equal_a_recount_and_the_groups_add_up(
    inspection: Inspection, early: list[Life], late: list[Life], wanted: list[FiguresWanted]
) -> None:
    database = inspection.runtime.database
    async with database.statement() as connection:
        await connection.execute("TRUNCATE ledger_deltas, ledger_days, ledger_totals")
    await write(database, early)
    await fold_deltas(database)
    await write(database, late)
    async with database.statement() as connection:
        for one in wanted:
            for actor in ACTORS:
                groups = await list_figures(connection, sight_of(actor), one)
                expected = recount([*early, *late], actor, one)
                assert groups == expected, (actor.organisation, one)
                ungrouped = await list_figures(
                    connection, sight_of(actor), replace(one, group_by=None)
                )
                assert whole(ungrouped) == whole(groups)


async def test_figures_are_exact_while_changes_are_written_and_folded(
    inspection: Inspection,
) -> None:
    database = inspection.runtime.database
    stop = asyncio.Event()

    async def fold() -> None:
        while not stop.is_set():
            await fold_deltas(database)

    async def look() -> list[int]:
        seen = []
        while not stop.is_set():
            seen.append((await inspection.get("/stats/problems")).json()["found"])
        return seen

    folding = [asyncio.create_task(fold()) for _ in range(2)]
    looking = asyncio.create_task(look())
    for _ in range(10):
        await asyncio.gather(*(inspection.log() for _ in range(10)))
    stop.set()
    await asyncio.gather(*folding)
    seen = await looking
    assert seen == sorted(seen)  # never a change missed or counted twice on the way
    assert (await inspection.get("/stats/problems")).json()["found"] == 100
    await fold_deltas(database)
    assert await inspection.count("ledger_deltas") == 0
    assert (await inspection.get("/stats/problems")).json()["found"] == 100


async def test_more_changes_than_one_fold_takes_are_folded_in_turns(
    inspection: Inspection,
) -> None:
    await inspection.fetch(
        "INSERT INTO ledger_deltas SELECT DATE '2019-09-01', NULL, '511132201205', 'K', 'POV',"
        " 'NONE', 'GENERAL', 'AUDIT', 'VILLAGE', 1, 0, 0"
        f" FROM generate_series(1, {2 * FOLD_ROWS + 1})"
    )
    await fold_deltas(inspection.runtime.database)
    assert await inspection.count("ledger_deltas") == 0
    assert await inspection.count("ledger_days") == 1
    assert (await inspection.get("/stats/problems")).json()["found"] == 2 * FOLD_ROWS + 1


async def test_the_ledger_of_the_county_run_has_the_figures_of_the_report(
    inspection: Inspection,
) -> None:
    """F.3, ledger A: found and closed per kind, the prominent ones and the relocation kinds."""
    campaign_id = UUID(await inspection.campaign())
    deltas = []
    for severity, kind, dept, found, closed in LEDGER_A:
        place = Dimensions(
            campaign_id, "511132201205", kind, dept, "EXITED", severity, "AUDIT", "HOUSEHOLD"
        )
        deltas.append(Delta(date(2019, 8, 1), place, found, closed, closed))
    async with inspection.runtime.database.driver_transaction() as connection:
        await add_deltas(connection, deltas)

    async def figures(**query: str) -> dict[str, Any]:
        answer = await inspection.get("/stats/problems", {"campaign_id": str(campaign_id), **query})
        body: dict[str, Any] = answer.json()
        return body

    def short(view: dict[str, Any]) -> tuple[int, int, int, str]:
        return view["found"], view["done"], view["open"], view["rate_pct"]

    assert short(await figures()) == (5873, 5536, 337, "94.26")
    assert short(await figures(severity="PROMINENT")) == (335, 115, 220, "34.33")
    assert short(await figures(kind_prefix="RELOCATION_")) == (116, 51, 65, "43.97")
    by_dept = await figures(group_by="lead_dept")
    assert {group["key"]: (group["found"], group["done"]) for group in by_dept["groups"]} == {
        "POV": (2900, 2870),
        "HEALTH": (900, 900),
        "CULT": (622, 600),
        "EDU": (515, 510),
        "HRSS": (500, 500),
        "HOUS": (150, 35),
        "NDRC": (116, 51),
        "WATER": (70, 20),
        "AGRI": (60, 20),
        "MEDINS": (40, 30),
    }
    assert short(by_dept) == (5873, 5536, 337, "94.26")


LEDGER_A = [
    ("PROMINENT", "INCOME_BELOW_LINE", "AGRI", 60, 20),
    ("PROMINENT", "EDU_DROPOUT", "EDU", 15, 10),
    ("PROMINENT", "MEDICAL_UNINSURED", "MEDINS", 40, 30),
    ("PROMINENT", "HOUSING_UNSAFE", "HOUS", 150, 35),
    ("PROMINENT", "WATER_UNSAFE", "WATER", 70, 20),
    ("GENERAL", "RELOCATION_NOT_IN", "NDRC", 40, 15),
    ("GENERAL", "RELOCATION_OLD_HOUSE", "NDRC", 40, 20),
    ("GENERAL", "RELOCATION_FACILITY", "NDRC", 16, 6),
    ("GENERAL", "RELOCATION_FOLLOWUP", "NDRC", 20, 10),
    ("GENERAL", "ARCHIVE_DEFECT", "POV", 2200, 2180),
    ("GENERAL", "HEALTH_DOCTOR_SIGN", "HEALTH", 900, 900),
    ("GENERAL", "EDU_AID_MISSING", "EDU", 500, 500),
    ("GENERAL", "TV_SUBSTANDARD", "CULT", 622, 600),
    ("GENERAL", "PROCEDURE_DEFECT", "POV", 700, 690),
    ("GENERAL", "EMPLOYMENT_SUBSIDY", "HRSS", 500, 500),
]


@pytest.mark.parametrize("group_by", list(GroupBy))
async def test_every_partition_adds_up_to_the_whole(
    inspection: Inspection, group_by: GroupBy
) -> None:
    for kind in ("HOUSING_UNSAFE", "WATER_UNSAFE", "WATER_UNSAFE"):
        await inspection.log(kind=kind)
    await inspection.log(object={"type": "VILLAGE", "code": "511132202200"}, village_code=None)
    view = (await inspection.get("/stats/problems", {"group_by": group_by})).json()
    assert sum(group["found"] for group in view["groups"]) == view["found"] == 4


@pytest.mark.parametrize(
    "query",
    [
        {"group_by": "weather"},
        {"done_basis": "HOPED"},
        {"severity": "BAD"},
        {"kind_prefix": "low"},
        {"object_type": "COW"},
        {"as_of": "2019-02-30"},
        {"campaign_id": "x"},
    ],
)
async def test_a_question_of_a_wrong_form_is_refused(
    inspection: Inspection, query: dict[str, str]
) -> None:
    assert (await inspection.get("/stats/problems", query)).status_code == 422


async def test_the_sums_are_read_by_index_and_not_the_problems(inspection: Inspection) -> None:
    statement = figures_sql("511132", FiguresWanted(CAMPAIGN, group_by=GroupBy.KIND))
    assert "problems" not in statement
    await inspection.fetch(
        """
        INSERT INTO ledger_totals
        SELECT level, left('5111' || 10 + g % 50 || '2' || lpad((g % 20)::text, 2, '0'), level),
               NULL, 'K' || g / 1000, 'POV', 'NONE', 'GENERAL', 'AUDIT', 'VILLAGE', 1, 0, 0
        FROM generate_series(1, 20000) AS g, (VALUES (6), (9)) AS levels (level)
        ON CONFLICT DO NOTHING
        """
    )
    await inspection.fetch("ANALYZE ledger_totals")
    prepared = "\n".join(
        row[0]
        for row in await inspection.fetch(
            f"EXPLAIN {statement}",
            "511132",
            "511133",
            None,
            True,
            None,
            None,
            None,
            CAMPAIGN,
        )
    )
    assert "Seq Scan on ledger_totals" not in prepared
    assert "Index" in prepared
    assert (await inspection.post("/problems", finding())).status_code == 201
