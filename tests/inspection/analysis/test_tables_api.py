"""GET /analysis/problems and /analysis/backlog against a naive recount, and as files (I-55)."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.inspection.analysis.domain import Measure, Period, Span, spans_between
from services.inspection.analysis.queries import ledger as analysis
from services.inspection.ledger.domain import GroupBy
from services.inspection.ledger.queries import Filters
from shared.security import Actor
from tests.inspection.conftest import Inspection
from tests.inspection.ledger.lives import (
    ACTORS,
    DAYS,
    FILTERS,
    LIVES,
    Life,
    is_counted,
    key_of,
    start_ledger,
)

Cells = dict[tuple[str, str], int]
SEPTEMBER = {"from": "2019-09-01", "to": "2019-09-30"}


def standing(
    lives: Sequence[Life],
    actor: Actor,
    filters: Filters,
    axes: Sequence[GroupBy | None],
    measure: Measure,
    day: date,
) -> Cells:
    """What stands at the end of `day`, counted one by one."""
    cells: Counter[tuple[str, str]] = Counter()
    for life in lives:
        steps = [entry for at, entry in life if at <= day]
        entry = steps[-1] if steps else None
        if entry is None or not is_counted(entry.dimensions, actor, filters):
            continue
        counts = {
            Measure.FOUND: 1,
            Measure.REPORTED: int(entry.reported),
            Measure.DONE: int(entry.closed),
            Measure.OPEN: int(not entry.closed),
        }
        row, column = ("" if axis is None else key_of(entry.dimensions, axis) for axis in axes)
        cells[row, column] += counts[measure]
    return dict(cells)


def query_of(filters: Filters) -> dict[str, str]:
    """The filters as a query."""
    names = {"region": "region_prefix"}
    return {
        names.get(name, name): str(getattr(filters, name))
        for name in Filters.__slots__
        if getattr(filters, name) is not None
    }


AXES = st.sampled_from([None, *GroupBy])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    early=st.lists(LIVES, max_size=8),
    late=st.lists(LIVES, max_size=8),
    axes=st.tuples(AXES, AXES).filter(lambda axes: axes[0] is None or axes[0] is not axes[1]),
    measure=st.sampled_from([measure for measure in Measure if measure is not Measure.OVERDUE]),
    period=st.sampled_from([None, *Period]),
    since=st.sampled_from([None, *DAYS]),
    filters=FILTERS,
    actor=st.sampled_from(ACTORS),
)
async def test_any_table_equals_a_recount_and_adds_up(
    inspection: Inspection,
    early: list[Life],
    late: list[Life],
    axes: tuple[GroupBy | None, GroupBy | None],
    measure: Measure,
    period: Period | None,
    since: date | None,
    filters: Filters,
    actor: Actor,
) -> None:
    await start_ledger(inspection.runtime.database, early, late)
    until = DAYS[-2]
    asked = {"rows": axes[0], "columns": axes[1], "period": period, "from": since}
    answer = await inspection.get(
        "/analysis/problems",
        {
            **query_of(filters),
            **{name: str(value) for name, value in asked.items() if value is not None},
            "measure": measure,
            "to": until.isoformat(),
        },
        org=actor.organisation,
        roles=("ops",) if actor.unit == "X" else ("poverty_office",),
    )
    if since is not None and since > until:
        assert answer.json()["code"] == "RANGE_EMPTY"
        return
    table = answer.json()
    assert answer.status_code == 200, table

    def stands(day: date) -> Cells:
        return standing([*early, *late], actor, filters, axes, measure, day)

    start = since or (until.replace(month=1, day=1) if period else date(2000, 1, 1))
    for span, shown in zip(spans_between(period, start, until), table["periods"], strict=True):
        found = {
            (cell["row"], cell["column"]): cell["number"]
            for cell in table["cells"]
            if cell["start"] == span.start.isoformat()
        }
        assert found == expected(stands(span.end), stands(before(span)), measure)
        assert sum(found.values()) == shown["total"]
    for partition in ("rows", "columns"):
        assert sum(group["total"] for group in table[partition]) == table["total"]
    last = table["periods"][-1]["total"]
    summed = last if measure is Measure.OPEN else sum(one["total"] for one in table["periods"])
    assert summed == table["total"]


def before(span: Span) -> date:
    """The day before a period."""
    return span.start - timedelta(days=1)


def expected(after: Cells, earlier: Cells, measure: Measure) -> Cells:
    """The cells of a period: what stands at its end, or what was added in it."""
    if measure is Measure.OPEN:
        earlier = {}
    differences = {pair: after.get(pair, 0) - earlier.get(pair, 0) for pair in {*after, *earlier}}
    return {pair: number for pair, number in differences.items() if number}


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(lives=st.lists(LIVES, max_size=10), actor=st.sampled_from(ACTORS))
async def test_the_backlog_of_each_day_equals_a_recount(
    inspection: Inspection, lives: list[Life], actor: Actor
) -> None:
    await start_ledger(inspection.runtime.database, lives, [])
    answer = await inspection.get(
        "/analysis/backlog",
        {"from": "2019-08-30", "to": "2019-09-06"},
        org=actor.organisation,
    )
    days = answer.json()["days"]
    assert len(days) == 8
    for day in days:
        of_day = standing(
            lives, actor, Filters(), (None, None), Measure.OPEN, date.fromisoformat(day["day"])
        )
        assert day["open"] == sum(of_day.values())
    assert sum(day["found"] - day["done"] for day in days) == days[-1]["open"]


async def three_problems(inspection: Inspection) -> None:
    """Two of housing in different townships, one of water, found on 16 September."""
    day = "2019-09-16"
    village = {"type": "VILLAGE", "code": "511132206200"}
    await inspection.log(found_on=day)
    await inspection.log(found_on=day, object=village, village_code=None)
    await inspection.log(found_on=day, kind="WATER_UNSAFE")


async def test_a_department_analyses_its_own_figures(inspection: Inspection) -> None:
    await three_problems(inspection)
    query = {"rows": "township", "columns": "kind", "period": "ten_day", **SEPTEMBER}
    answer = await inspection.get(
        "/analysis/problems", query, org="HOUS@511132", roles=("dept_handler",)
    )
    table = answer.json()
    assert table["total"] == 2
    assert [row["key"] for row in table["rows"]] == ["511132201", "511132206"]
    assert [row["name"] for row in table["rows"]] == ["宜坪乡", "杨河乡"]
    assert table["columns"] == [{"key": "HOUSING_UNSAFE", "name": "住房安全无保障", "total": 2}]
    assert [(one["start"], one["total"]) for one in table["periods"]] == [
        ("2019-09-01", 0),
        ("2019-09-11", 2),
        ("2019-09-21", 0),
    ]


@pytest.mark.parametrize("org", ["POV@511133", "HOUS@511133", "EDU@511132", "TOWN@511132203"])
@pytest.mark.parametrize("measure", list(Measure))
async def test_nobody_analyses_the_problems_of_others(
    inspection: Inspection, org: str, measure: str
) -> None:
    await three_problems(inspection)
    await inspection.fetch("UPDATE problems SET overdue_level = 1, due_on = '2019-09-01'")
    wanted = {"measure": measure, "region_prefix": "511132"}
    assert (await inspection.get("/analysis/problems", wanted, org=org)).json()["total"] == 0
    backlog = await inspection.get("/analysis/backlog", {"region_prefix": "511132"}, org=org)
    assert not any(day["open"] or day["found"] for day in backlog.json()["days"])


@pytest.mark.parametrize(
    ("org", "kinds"),
    [
        ("POV@511132", {"STYLE", "WATER_UNSAFE"}),
        ("LG@511132", {"STYLE", "WATER_UNSAFE"}),
        ("GOV@511132", {"WATER_UNSAFE"}),
        ("DISC@511132", {"STYLE", "CORRUPTION_BRIBERY"}),
        ("WATER@511132", {"WATER_UNSAFE"}),
    ],
)
@pytest.mark.parametrize("measure", ["found", "overdue"])
async def test_style_and_corruption_stand_in_few_tables(
    inspection: Inspection, org: str, kinds: set[str], measure: str
) -> None:
    for kind in ("STYLE", "CORRUPTION_BRIBERY", "WATER_UNSAFE"):
        await inspection.log(kind=kind)
    await inspection.fetch("UPDATE problems SET overdue_level = 1, due_on = '2019-09-01'")
    answer = await inspection.get(
        "/analysis/problems", {"rows": "kind", "measure": measure}, org=org
    )
    assert {row["key"] for row in answer.json()["rows"]} == kinds


async def test_overdue_problems_are_counted_by_the_day_of_their_deadline(
    inspection: Inspection,
) -> None:
    await three_problems(inspection)
    await inspection.fetch(
        "UPDATE problems SET overdue_level = 1, due_on = '2019-09-03' WHERE kind = 'WATER_UNSAFE'"
    )
    await inspection.fetch("UPDATE problems SET due_on = '2019-09-14' WHERE kind <> 'WATER_UNSAFE'")
    query = {"measure": "overdue", "rows": "lead_dept", "period": "week", **SEPTEMBER}
    table = (await inspection.get("/analysis/problems", query)).json()
    assert table["rows"] == [{"key": "WATER", "name": "水利部门", "total": 1}]
    assert table["cells"] == [{"row": "WATER", "column": "", "start": "2019-09-02", "number": 1}]
    for unmet in ({"region_prefix": "511132203"}, {"kind_prefix": "HOUS"}, {"cohort": "NONE"}):
        assert (await inspection.get("/analysis/problems", query | unmet)).json()["total"] == 0


async def test_a_table_is_also_a_file(inspection: Inspection) -> None:
    await three_problems(inspection)
    query = {"rows": "township", "columns": "kind", "period": "month", **SEPTEMBER}
    answer = await inspection.get("/analysis/problems", query | {"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "%E9%97%AE%E9%A2%98%E5%88%86%E6%9E%90" in answer.headers["content-disposition"]
    assert int(answer.headers["content-length"]) == len(answer.content)
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert lines[0] == [
        *("乡镇代码", "乡镇", "起始日期", "截止日期"),
        *("住房安全无保障", "饮水安全无保障", "发现数合计"),
    ]
    assert [[*line[:1], *line[2:]] for line in lines[1:]] == [
        ["511132201", "2019-09-01", "2019-09-30", "1", "1", "2"],
        ["511132206", "2019-09-01", "2019-09-30", "1", "0", "1"],
    ]
    answer = await inspection.get("/analysis/problems", query | {"format": "xlsx"})
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    rows: list[Any] = list(sheet.values)
    assert [list(map(str, row)) for row in rows[:1]] == [lines[0]]
    assert rows[1][0] == "511132201"
    assert rows[1][2].date() == date(2019, 9, 1)
    assert rows[1][4:] == (1, 1, 2)


async def test_the_backlog_is_also_a_file(inspection: Inspection) -> None:
    await three_problems(inspection)
    answer = await inspection.get("/analysis/backlog", {"from": "2019-09-15", "format": "csv"})
    assert answer.content.decode("utf-8-sig").splitlines() == [
        "日期,发现数,上报完成数,销号数,未销号数",
        "2019-09-15,0,0,0,0",
        "2019-09-16,3,0,0,3",
    ]


async def test_a_table_of_everything_has_one_line(inspection: Inspection) -> None:
    await three_problems(inspection)
    answer = await inspection.get("/analysis/problems", {"format": "csv", "measure": "open"})
    assert answer.content.decode("utf-8-sig").splitlines() == ["未销号数", "3"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"rows": "kind", "columns": "kind"}, "AXES_ALIKE"),
        ({"from": "2019-09-02", "to": "2019-09-01"}, "RANGE_EMPTY"),
        ({"period": "day", "from": "2018-01-01"}, "TOO_MANY_PERIODS"),
        ({"rows": "weather"}, "UNKNOWN_VALUE"),
        ({"period": "year"}, "UNKNOWN_VALUE"),
        ({"measure": "hoped"}, "UNKNOWN_VALUE"),
        ({"format": "pdf"}, "UNKNOWN_VALUE"),
        ({"from": "yesterday"}, "DATE_INVALID"),
    ],
)
async def test_a_question_outside_the_grammar_is_refused(
    inspection: Inspection, query: dict[str, str], code: str
) -> None:
    answer = await inspection.get("/analysis/problems", query)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_a_backlog_has_at_most_400_days(inspection: Inspection) -> None:
    query = {"from": "2018-08-01", "to": "2019-09-16"}
    answer = await inspection.get("/analysis/backlog", query)
    assert (answer.status_code, answer.json()["code"]) == (422, "TOO_MANY_PERIODS")


async def test_too_large_a_table_is_refused(
    inspection: Inspection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await three_problems(inspection)
    monkeypatch.setattr(analysis, "MAXIMUM_CELLS", 1)
    for query in ({}, {"measure": "overdue"}, SEPTEMBER):
        await inspection.fetch("UPDATE problems SET overdue_level = 1, due_on = '2019-09-01'")
        answer = await inspection.get("/analysis/problems", {"rows": "kind", **query})
        assert (answer.status_code, answer.json()["code"]) == (422, "TABLE_TOO_LARGE")
    answer = await inspection.get("/analysis/ageing", {"group_by": "kind"})
    assert (answer.status_code, answer.json()["code"]) == (422, "TABLE_TOO_LARGE")


@pytest.mark.parametrize(
    "path", ["problems", "backlog", "ageing", "durations", "systemic-proposals"]
)
async def test_a_household_analyses_nothing(inspection: Inspection, path: str) -> None:
    answer = await inspection.get(
        f"/analysis/{path}", org="VILLAGE@511132201205", roles=("household",)
    )
    assert answer.status_code == 403
