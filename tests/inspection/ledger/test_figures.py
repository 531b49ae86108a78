"""The figures of the ledger against a naive recount, whatever happened and however folded."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.inspection.ledger.commands import FOLD, FOLD_ROWS, add_deltas, fold_deltas
from services.inspection.ledger.domain import (
    Delta,
    Dimensions,
    GroupBy,
    whole,
)
from services.inspection.ledger.queries import (
    Counts,
    FiguresWanted,
    Filters,
    count_changes,
    count_standing,
    list_figures,
    parameters_of,
    standing_sql,
)
from services.inspection.scope import sight_of
from tests.conftest import kept_plan
from tests.inspection.conftest import Inspection
from tests.inspection.ledger.lives import (
    ACTORS,
    CAMPAIGN,
    DAYS,
    FILTERS,
    LIVES,
    WANTED,
    Life,
    recount,
    start_ledger,
)


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
    await start_ledger(database, early, late)
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


LIFE_LISTS = st.lists(LIVES, max_size=8)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    lives=LIFE_LISTS,
    late=LIFE_LISTS,
    filters=FILTERS,
    keys=st.lists(st.sampled_from(GroupBy), unique=True, max_size=2),
    starts=st.sets(st.sampled_from(DAYS[1:]), min_size=1).map(sorted),
)
async def test_what_stood_before_and_the_changes_since_make_what_stands(
    inspection: Inspection,
    lives: list[Life],
    late: list[Life],
    filters: Filters,
    keys: list[GroupBy],
    starts: list[date],
) -> None:
    database = inspection.runtime.database
    await start_ledger(database, lives, late)
    async with database.statement() as connection:
        for actor in ACTORS:
            sight = sight_of(actor)
            before = starts[0] - timedelta(days=1)
            stood = await count_standing(connection, sight, filters, keys, before)
            changes = await count_changes(connection, sight, filters, keys, starts, DAYS[-1])
            stands = await count_standing(connection, sight, filters, keys)
            assert all(1 <= change.period <= len(starts) for change in changes)
            assert added_up([*stood, *changes]) == added_up(stands)
            whole_of_it = await count_standing(connection, sight, filters, [])
            assert added_up(stands).total() == added_up(whole_of_it).total()


def added_up(counts: Sequence[Counts]) -> Counter[tuple[tuple[str, ...], str]]:
    """The sums of each group and figure, without those that are nought."""
    sums: Counter[tuple[tuple[str, ...], str]] = Counter()
    for count in counts:
        for figure in ("found", "reported", "closed"):
            sums[count.keys, figure] += getattr(count, figure)
    return Counter({place: number for place, number in sums.items() if number})


async def test_an_upgrade_fills_the_margins_from_the_sums_that_exist(
    inspection: Inspection,
) -> None:
    rows = "SELECT * FROM ledger_margins ORDER BY 1, 2, 3, 4, 5, 6, 7"
    for kind in ("HOUSING_UNSAFE", "STYLE", "CORRUPTION_BRIBERY"):
        for campaign_id in (None, await inspection.campaign()):
            await inspection.log(kind=kind, campaign_id=campaign_id)
    await fold_deltas(inspection.runtime.database)
    folded = await inspection.fetch(rows)
    assert folded
    await inspection.fetch("DROP TABLE ledger_margins")
    migration = import_module("services.inspection.migrations.versions.0007_analysis")
    async with inspection.runtime.database.statement() as connection:
        await connection.execute(migration.MARGINS)
    assert await inspection.fetch(rows) == folded


@pytest.mark.parametrize(
    ("filters", "keys", "index"),
    [
        (Filters(), [GroupBy.KIND], "uq_ledger_margins"),
        (Filters(), [GroupBy.TOWNSHIP], "uq_ledger_margins"),
        (Filters(), [GroupBy.LEAD_DEPT], "uq_ledger_margins"),
        (Filters(severity="PROMINENT"), [GroupBy.TOWNSHIP], "uq_ledger_margins"),
        (Filters(campaign_id=CAMPAIGN), [GroupBy.KIND], "uq_ledger_margins"),
        (Filters(severity="PROMINENT"), [GroupBy.KIND], "ix_ledger_totals_level_place"),
        (Filters(campaign_id=CAMPAIGN, cohort="EXITED"), [GroupBy.KIND], "uq_ledger_totals"),
    ],
)
async def test_the_sums_are_read_by_index_and_never_the_problems(
    inspection: Inspection, filters: Filters, keys: list[GroupBy], index: str
) -> None:
    await inspection.fetch(
        """
        INSERT INTO ledger_deltas
        SELECT DATE '2019-09-01', NULL, '5111' || 10 + g % 90 || '2' || lpad((g % 20)::text, 2, '0')
               || '200', 'K' || g / 100, 'POV', 'NONE', 'GENERAL', 'AUDIT', 'VILLAGE', 1, 0, 0
        FROM generate_series(1, 5000) AS g
        """
    )
    await fold_deltas(inspection.runtime.database)
    await inspection.fetch("ANALYZE ledger_totals")
    await inspection.fetch("ANALYZE ledger_margins")
    statement = standing_sql("511132", filters, keys)
    parameters = parameters_of(sight_of(ACTORS[0]), filters)
    lines = await inspection.fetch(f"EXPLAIN {statement}", *parameters)
    plan = "\n".join(line[0] for line in lines)
    assert index in plan
    assert "Seq Scan on ledger_totals" not in plan
    assert "Seq Scan on ledger_margins" not in plan
    assert "problems" not in plan


@pytest.mark.parametrize(
    "query",
    [
        *({"kind_prefix": "WATER"}, {"lead_dept": "WATER"}, {"severity": "PROMINENT"}),
        *({"region_prefix": "511132201205"}, {"region_prefix": "511132201"}, {"cohort": "EXITED"}),
        *({"source": "AUDIT"}, {"object_type": "HOUSEHOLD"}),
    ],
)
async def test_figures_can_be_narrowed_down(inspection: Inspection, query: dict[str, str]) -> None:
    await inspection.log(kind="WATER_UNSAFE", source="AUDIT")
    await inspection.log(
        object={"type": "VILLAGE", "code": "511132206200"},
        village_code=None,
        severity="GENERAL",
        cohort=None,
    )
    for folded in (False, True):
        if folded:
            await fold_deltas(inspection.runtime.database)
        for group_by in ("kind", "township", "village"):
            view = (await inspection.get("/stats/problems", {**query, "group_by": group_by})).json()
            assert (view["found"], len(view["groups"])) == (1, 1)
    elsewhere = {**query, "region_prefix": "511133"}
    assert (await inspection.get("/stats/problems", elsewhere)).json()["found"] == 0


async def test_what_is_folded_is_joined_also_by_a_plan_made_when_there_was_little(
    inspection: Inspection,
) -> None:
    assert "ctid = ANY" not in await kept_plan(inspection.runtime.database, FOLD)
