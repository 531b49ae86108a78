"""GET /lists/…: three lists of the same problems, as JSON, CSV and .xlsx (I-06)."""

import csv
import io
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from services.inspection.listing.queries import count_list, stream_list, take_snapshot
from services.inspection.problems.queries import ProblemFilters
from services.inspection.scope import sight_of
from shared.ids import new_id
from shared.security import Actor
from tests.inspection.conftest import Inspection

LISTS = ("problem", "responsibility", "deadline")
TITLES = {"problem": "问题清单", "responsibility": "责任清单", "deadline": "时限清单"}
TODAY = date(2019, 9, 16)
Query = dict[str, str | int]

# Copies of a logged problem: of every kind, in every village, every seventeenth one open.
_MULTIPLY = """
INSERT INTO problems
SELECT copy.* FROM problems p, generate_series(1, $2::int) AS g,
  (SELECT array_agg(code ORDER BY code) AS codes FROM regions
   WHERE starts_with(code, '511132') AND length(code) = 12) AS villages,
  jsonb_populate_record(p, jsonb_build_object(
    'id', uuidv7(), 'object_ref', uuidv7()::text, 'problem_no', 'N' || lpad(g::text, 6, '0'),
    'village_code', villages.codes[1 + g % cardinality(villages.codes)],
    'kind', (ARRAY['HOUSING_UNSAFE', 'WATER_UNSAFE', 'EDU_DROPOUT'])[1 + g % 3],
    'lead_dept', (ARRAY['HOUS', 'WATER', 'EDU'])[1 + g % 3],
    'due_on', DATE '2019-08-01' + g % 90, 'finished', g % 17 > 0,
    'state', CASE WHEN g % 17 > 0 THEN 'CLOSED' ELSE 'RECTIFYING' END)) AS copy
WHERE p.id = $1
"""


async def read(
    inspection: Inspection, name: str, query: Query | None = None, **who: Any
) -> dict[str, Any]:
    answer = await inspection.get(f"/lists/{name}", query, **who)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def lines(
    inspection: Inspection, name: str, query: Query | None = None, **who: Any
) -> list[dict[str, Any]]:
    """All lines of a list, page by page."""
    page = await read(inspection, name, {"limit": 200, **(query or {})}, **who)
    found = list(page["items"])
    while page["next_cursor"]:
        cursor: Query = {"limit": 200, "cursor": page["next_cursor"], **(query or {})}
        page = await read(inspection, name, cursor, **who)
        found += page["items"]
    return found


async def ids(inspection: Inspection, query: Query | None = None, **who: Any) -> list[str]:
    """The problems of a list; the three lists must have the same ones in the same order."""
    found = [[line["id"] for line in await lines(inspection, name, query, **who)] for name in LISTS]
    assert found[0] == found[1] == found[2]
    return found[0]


async def table(inspection: Inspection, name: str, query: Query | None = None) -> list[list[str]]:
    """A list as CSV, the header first."""
    answer = await inspection.get(f"/lists/{name}", {"format": "csv", **(query or {})})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith("\ufeff".encode())
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


async def sheet(inspection: Inspection, name: str, query: Query | None = None) -> Worksheet:
    """A list as a worksheet."""
    answer = await inspection.get(f"/lists/{name}", {"format": "xlsx", **(query or {})})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].endswith("spreadsheetml.sheet")
    assert "filename*=UTF-8''%" in answer.headers["content-disposition"]
    active = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert isinstance(active, Worksheet)
    return active


def _day(cell: Any) -> Any:
    """A date as such: what is read from a sheet has a time of day."""
    return cell.date() if isinstance(cell, datetime) else cell


async def planned_problem(inspection: Inspection, **changes: Any) -> str:
    """A problem with a plan, leaders, and progress; its household is known."""
    household = str(new_id())
    subject = {"type": "HOUSEHOLD", "id": household}
    problem_id = (await inspection.log(object=subject, **changes))["id"]
    await inspection.fetch(
        "INSERT INTO household_mirror (household_id, household_no, village_code, cohort, active,"
        " version) VALUES ($1, '5111320000000001', '511132201205', 'EXITED', true, 1)",
        household,
    )
    await inspection.fetch(
        "UPDATE problems SET executing_org = 'TOWN@511132201', responsible_person = '王工',"
        " co_depts = '{NDRC}', plan_deadline = '2019-09-18', progress_pct = 60, overdue_level = 1"
        " WHERE id = $1",
        problem_id,
    )
    persons = {"unit_head": "张三", "deputy": "李四", "county_leader": "赵六"}
    answer = await inspection.put(
        "/responsibles/HOUS@511132", {**persons, "effective_from": "2019-01-01"}
    )
    assert answer.status_code == 200, answer.text
    return str(problem_id)


# -- content -------------------------------------------------------------------------------------


async def test_the_lists_say_what_who_and_until_when(inspection: Inspection) -> None:
    problem_id = await planned_problem(inspection)
    (problem,) = (await read(inspection, "problem"))["items"]
    assert problem["id"] == problem_id
    places = ("峨边彝族自治县", "宜坪乡", "桐花村村民委员会")
    assert (problem["county"], problem["township"], problem["village"]) == places
    assert (problem["object_type"], problem["object_name"]) == ("HOUSEHOLD", "5111320000000001")
    assert problem["description"] == "东墙开裂，宽约两厘米"
    (responsibility,) = (await read(inspection, "responsibility"))["items"]
    assert responsibility["lead_dept_name"] == "住建部门"
    assert responsibility["co_depts"] == ["NDRC"]
    assert responsibility["executing_unit"] == "宜坪乡"
    leaders = [responsibility[name] for name in ("unit_head", "deputy", "county_leader")]
    assert (leaders, responsibility["responsible_person"]) == (["张三", "李四", "赵六"], "王工")
    (deadline,) = (await read(inspection, "deadline"))["items"]
    assert (deadline["due_on"], deadline["due_rules"]) == ("2019-09-19", ["RELATIVE_GENERAL"])
    assert (deadline["plan_deadline"], deadline["progress_pct"]) == ("2019-09-18", 60)
    assert (deadline["overdue"], deadline["days_left"]) == (True, 3)


async def test_a_merged_finding_is_described_by_its_first_source(inspection: Inspection) -> None:
    subject = {"type": "HOUSEHOLD", "id": str(new_id())}
    await inspection.log(object=subject, description="首次发现")
    await inspection.log(object=subject, description="再次发现", source="AUDIT")
    (line,) = (await read(inspection, "problem"))["items"]
    assert (line["description"], line["source"]) == ("首次发现", "COUNTY_INSPECTION")


async def test_the_sheets_are_typed_with_a_fixed_header_and_a_filter(
    inspection: Inspection,
) -> None:
    await planned_problem(inspection)
    cells: dict[str, dict[str, Any]] = {}
    for name in LISTS:
        found = await sheet(inspection, name)
        assert (found.title, found.freeze_panes) == (TITLES[name], "A2")
        assert found.auto_filter.ref == found.dimensions
        header, line = list(found.iter_rows(values_only=True))
        cells[name] = dict(zip(map(str, header), map(_day, line), strict=True))
    number = (await read(inspection, "problem"))["items"][0]["problem_no"]
    assert {line["问题编号"] for line in cells.values()} == {number}
    assert isinstance(number, str)
    assert cells["problem"] == {
        "问题编号": number,
        "问题类型": "住房安全无保障",
        "对象类型": "农户",
        "对象": "5111320000000001",
        "县（市、区）": "峨边彝族自治县",
        "乡镇": "宜坪乡",
        "村（社区）": "桐花村村民委员会",
        "问题描述": "东墙开裂，宽约两厘米",
        "发现日期": date(2019, 8, 20),
        "来源渠道": "县督查组",
        "严重程度": "突出",
        "状态": "已交办",
    }
    assert list(cells["responsibility"].values())[4:] == (
        ["住建部门", "发改部门", "宜坪乡", "张三", "李四", "赵六", "王工"]
    )
    deadline = list(cells["deadline"].values())[4:]
    due, planned = date(2019, 9, 19), date(2019, 9, 18)
    assert deadline == ["一般", due, "RELATIVE_GENERAL", planned, 0.6, "已交办", "是", 3]


async def test_text_that_looks_like_a_formula_stays_text_in_csv(inspection: Inspection) -> None:
    await inspection.log(description="=HYPERLINK(1)")
    header, line = await table(inspection, "problem")
    assert line[header.index("问题描述")] == "'=HYPERLINK(1)"
    assert line[header.index("发现日期")] == "2019-08-20"


async def test_a_systemic_problem_has_no_deadline_and_no_days_left(inspection: Inspection) -> None:
    await inspection.log(scope="SYSTEMIC")
    (line,) = (await read(inspection, "deadline"))["items"]
    assert (line["due_on"], line["days_left"], line["overdue"]) == (None, None, False)
    header, shown = await table(inspection, "deadline")
    assert shown[header.index("时限依据")] == "常态化管理"
    assert shown[header.index("剩余天数")] == ""


# -- which problems ------------------------------------------------------------------------------


async def test_5873_problems_stand_in_each_list_in_each_format(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    first = (await inspection.log(campaign_id=campaign_id))["id"]
    await inspection.log()  # of no campaign
    await inspection.fetch(_MULTIPLY, first, 5872)
    query: Query = {"campaign_id": campaign_id}
    order = [line["problem_no"] for line in await lines(inspection, "problem", query)]
    assert len(set(order)) == 5873
    for name in LISTS:
        assert (await read(inspection, name, {"limit": 1, **query}))["count"] == 5873
        assert [row[0] for row in (await table(inspection, name, query))[1:]] == order
        numbers = [cell.value for cell in (await sheet(inspection, name, query))["A"][1:]]
        assert numbers == order


async def test_the_count_stands_on_the_first_page_only(inspection: Inspection) -> None:
    for _ in range(3):
        await inspection.log()
    first = await read(inspection, "deadline", {"limit": 2})
    assert (len(first["items"]), first["count"]) == (2, 3)
    cursor: Query = {"limit": 2, "cursor": first["next_cursor"]}
    rest = await read(inspection, "deadline", cursor)
    assert (len(rest["items"]), rest["count"], rest["next_cursor"]) == (1, None, None)


async def test_suspected_and_withdrawn_findings_stand_in_no_list(inspection: Inspection) -> None:
    kept = (await inspection.log())["id"]
    await inspection.log(suspected=True)
    withdrawn = (await inspection.log())["id"]
    answer = await inspection.post(f"/problems/{withdrawn}/withdraw", {"reason": "登记有误"})
    assert answer.status_code == 200
    assert await ids(inspection) == [kept]
    assert await ids(inspection, {"state": "WITHDRAWN"}) == []
    for name in LISTS:
        assert (await read(inspection, name))["count"] == 1
        assert len(await table(inspection, name)) == 2


async def test_each_filter_narrows_the_lists(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    ours = (
        await inspection.log(
            campaign_id=campaign_id, kind="WATER_UNSAFE", village_code="511132202200"
        )
    )["id"]
    await inspection.post(f"/problems/{ours}/accept", org="WATER@511132", roles=("dept_head",))
    await inspection.log()
    queries: list[Query] = [
        {"campaign_id": campaign_id},
        {"lead_dept": "WATER"},
        {"state": "ACCEPTED"},
        {"region_prefix": "511132202"},
    ]
    for query in queries:
        assert await ids(inspection, query) == [ours], query
        assert (await read(inspection, "problem", query))["count"] == 1
        assert len(await table(inspection, "problem", query)) == 2
    assert await ids(inspection, {"campaign_id": str(new_id())}) == []


async def test_a_list_is_of_one_instant(inspection: Inspection) -> None:
    await inspection.fetch(_MULTIPLY, (await inspection.log())["id"], 2500)
    sight = sight_of(Actor("t", "POV@511132", frozenset({"poverty_office"})))
    async with inspection.runtime.database.reading() as session:
        await take_snapshot(session)
        seen = 0
        async for _ in stream_list(session, sight, ProblemFilters(), TODAY):
            if seen == 0:
                await inspection.fetch("UPDATE problems SET state = 'WITHDRAWN', finished = true")
            seen += 1
        assert (seen, await count_list(session, sight, ProblemFilters())) == (2501, 2501)
    assert (await read(inspection, "problem"))["count"] == 0


# -- who sees what -------------------------------------------------------------------------------


async def test_everyone_gets_the_lists_of_the_own_place_and_department(
    inspection: Inspection,
) -> None:
    houses = (await inspection.log())["id"]
    schools = (await inspection.log(kind="EDU_DROPOUT", village_code="511132202200"))["id"]
    for org, roles, expected in (
        ("POV@511132", ("poverty_office",), {houses, schools}),
        ("PROV@51", ("province_platform",), {houses, schools}),
        ("HOUS@511132", ("dept_head",), {houses}),
        ("TOWN@511132202", ("township_reviewer",), {schools}),
        ("VILLAGE@511132201205", ("village_cadre",), {houses}),
        ("POV@511133", ("poverty_office",), set()),
        ("EDU@511133", ("dept_head",), set()),
    ):
        assert set(await ids(inspection, org=org, roles=roles)) == expected, org
        for name in LISTS:
            for chosen in ("csv", "json"):
                answer = await inspection.get(
                    f"/lists/{name}", {"format": chosen}, org=org, roles=roles
                )
                assert answer.text.count("511132") >= len(expected), org
                if not expected:
                    assert "511132" not in answer.text


async def test_style_and_corruption_are_listed_for_their_leaders_alone(
    inspection: Inspection,
) -> None:
    style = (await inspection.log(kind="STYLE"))["id"]
    corruption = (await inspection.log(kind="CORRUPTION_BRIBERY"))["id"]
    for org, roles, expected in (
        ("POV@511132", ("poverty_office",), {style}),
        ("DISC@511132", ("discipline",), {style, corruption}),
        ("TOWN@511132201", ("township_reviewer",), set()),
        ("PROV@51", ("province_platform",), set()),
    ):
        assert set(await ids(inspection, org=org, roles=roles)) == expected, org
        assert (await read(inspection, "problem", org=org, roles=roles))["count"] == len(expected)


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_needs_a_role_and_plain_parameters(inspection: Inspection, name: str) -> None:
    answer = await inspection.get(f"/lists/{name}", roles=("household",))
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    for query, code in (
        ({"format": "pdf"}, "UNKNOWN_VALUE"),
        ({"cursor": "x"}, "CURSOR_INVALID"),
        ({"limit": "201"}, "OUT_OF_RANGE"),
        ({"region_prefix": "511"}, "REGION_CODE_INVALID"),
        ({"campaign_id": "x"}, "ID_INVALID"),
    ):
        answer = await inspection.get(f"/lists/{name}", query)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
