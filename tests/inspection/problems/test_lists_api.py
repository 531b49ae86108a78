"""GET /problems and GET /problems/{id}: filters, pages, and what each caller sees (X-05, I-13)."""

from typing import Any

import pytest

from services.inspection.problems.queries import ProblemFilters, page_statement
from services.inspection.scope import sight_of
from shared.security import Actor
from shared.web.pagination import PageRequest
from tests.inspection.conftest import Inspection

OTHER_VILLAGE = "511132202200"


async def ids(inspection: Inspection, query: dict[str, Any] | None = None, **who: Any) -> list[str]:
    answer = await inspection.get("/problems", query, **who)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_problems_are_listed_by_deadline_open_ones_first_undated_ones_last(
    inspection: Inspection,
) -> None:
    later = (await inspection.log(found_on="2019-09-01"))["id"]
    undated = (await inspection.log(scope="SYSTEMIC"))["id"]
    soon = (await inspection.log())["id"]
    withdrawn = (await inspection.log(found_on="2019-08-01"))["id"]
    await inspection.post(f"/problems/{withdrawn}/withdraw", {"reason": "登记有误"})
    expected = [soon, later, undated, withdrawn]
    assert await ids(inspection) == expected
    paged, cursor = [], None
    for _ in range(4):
        query = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = (await inspection.get("/problems", query)).json()
        paged += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert (paged, cursor) == (expected, None)


async def test_each_filter_narrows_the_list(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    ours = await inspection.log(
        campaign_id=campaign_id,
        kind="WATER_UNSAFE",
        tier="COMPLEX",
        cohort="NON_ARCHIVED_SPECIAL",
        severity="GENERAL",
        village_code=OTHER_VILLAGE,
    )
    await inspection.post(
        f"/problems/{ours['id']}/accept", org="WATER@511132", roles=("dept_head",)
    )
    await inspection.log()
    for query in (
        {"campaign_id": campaign_id},
        {"lead_dept": "WATER"},
        {"state": "ACCEPTED"},
        {"kind": "WATER_UNSAFE"},
        {"severity": "GENERAL"},
        {"cohort": "NON_ARCHIVED_SPECIAL"},
        {"tier": "COMPLEX"},
        {"region_prefix": "511132202"},
        {"region_prefix": OTHER_VILLAGE},
        {"region_prefix": "511132", "tier": "COMPLEX"},
    ):
        assert await ids(inspection, query) == [ours["id"]], query
    for query in ({"state": "CLOSED"}, {"region_prefix": "511133"}, {"region_prefix": "43"}):
        assert await ids(inspection, query) == []
    assert len(await ids(inspection, {"region_prefix": "51"})) == 2


async def test_overdue_is_judged_now_or_on_the_day_asked_for(inspection: Inspection) -> None:
    early = (await inspection.log())["id"]  # due 2019-09-19
    late = (await inspection.log(found_on="2019-09-10"))["id"]  # due 2019-10-10
    assert await ids(inspection, {"overdue": "true"}) == []
    assert await ids(inspection, {"overdue": "true", "as_of": "2019-09-19"}) == []
    assert await ids(inspection, {"overdue": "true", "as_of": "2019-09-20"}) == [early]
    assert await ids(inspection, {"overdue": "false", "as_of": "2019-09-20"}) == [late]
    assert await ids(inspection, {"as_of": "2019-09-01"}) == [early]
    await inspection.post(
        "/ops/run",
        {"job": "overdue_scan", "as_of": "2019-09-20T00:00:00+08:00"},
        org="OPS@511132",
        roles=("ops",),
    )
    assert await ids(inspection, {"overdue": "true"}) == [early]
    assert await ids(inspection, {"overdue": "false"}) == [late]


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"},
        {"limit": 0},
        {"limit": 201},
        {"state": "X"},
        {"as_of": "2019-02-30"},
        {"region_prefix": "5"},
        {"campaign_id": "x"},
    ],
)
async def test_a_query_of_a_wrong_form_is_refused(
    inspection: Inspection, query: dict[str, Any]
) -> None:
    assert (await inspection.get("/problems", query)).status_code == 422


# -- scope -----------------------------------------------------------------------------------------


async def test_each_caller_sees_the_problems_of_the_own_place_or_department(
    inspection: Inspection,
) -> None:
    house = (await inspection.log())["id"]
    water = (await inspection.log(kind="WATER_UNSAFE", village_code=OTHER_VILLAGE))["id"]
    both = sorted([house, water])
    for org, roles, expected in (
        ("POV@511132", ("poverty_office",), both),
        ("LG@511132", ("leading_group",), both),
        ("GOV@511132", ("county_gov",), both),
        ("CITY@5111", ("poverty_office",), both),
        ("PROV@51", ("province_platform",), both),
        ("DPC@511132", ("inspector",), both),
        ("TOWN@511132201", ("township_reviewer",), [house]),
        ("VILLAGE@511132201205", ("village_cadre",), [house]),
        ("VILLAGE@511132201206", ("village_cadre",), []),
        ("HOUS@511132", ("dept_handler",), [house]),
        ("WATER@511132", ("dept_head",), [water]),
        ("EDU@511132", ("dept_head",), []),
        ("HOUS@511133", ("dept_head",), []),
        ("POV@511133", ("poverty_office",), []),
        ("PROV@43", ("province_platform",), []),
    ):
        assert sorted(await ids(inspection, org=org, roles=roles)) == expected, org
        for problem_id in both:
            answer = await inspection.get(f"/problems/{problem_id}", org=org, roles=roles)
            assert answer.status_code == (200 if problem_id in expected else 404), org
        figures = (await inspection.get("/stats/problems", org=org, roles=roles)).json()
        assert figures["found"] == len(expected), org


async def test_style_and_corruption_are_shown_to_their_leaders_alone(
    inspection: Inspection,
) -> None:
    style = (await inspection.log(kind="STYLE"))["id"]
    corruption = await inspection.log(kind="CORRUPTION_BRIBERY")
    assert corruption["lead_dept"] == "DISC"
    for org, roles, expected in (
        ("POV@511132", ("poverty_office",), [style]),
        ("LG@511132", ("leading_group",), [style]),
        ("DISC@511132", ("discipline",), sorted([style, corruption["id"]])),
        ("DISC@511133", ("discipline",), []),
        ("TOWN@511132201", ("township_reviewer",), []),
        ("VILLAGE@511132201205", ("village_cadre",), []),
        ("HOUS@511132", ("dept_head",), []),
        ("PROV@51", ("province_platform",), []),
    ):
        assert sorted(await ids(inspection, org=org, roles=roles)) == expected, org
        figures = (await inspection.get("/stats/problems", org=org, roles=roles)).json()
        assert figures["found"] == len(expected), org


async def test_a_token_is_required(inspection: Inspection) -> None:
    for path in ("/problems", "/stats/problems", "/campaigns"):
        answer = await inspection.app.client.get(f"/api/v1{path}")
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")


# -- the plan (flat pages) -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("org", "filters", "index"),
    [
        ("POV@511132", ProblemFilters(), "ix_problems_county"),
        ("HOUS@511132", ProblemFilters(), "ix_problems_department"),
        (
            "HOUS@511132",
            ProblemFilters(severity="PROMINENT"),
            "ix_problems_prominent_department",
        ),
        ("VILLAGE@511132201205", ProblemFilters(), "ix_problems_village"),
        ("PROV@51", ProblemFilters(), "ix_problems_due"),
    ],
)
async def test_a_page_is_read_from_an_index_in_its_order(
    inspection: Inspection, org: str, filters: ProblemFilters, index: str
) -> None:
    await inspection.fetch(
        """
        INSERT INTO problems
        SELECT uuidv7(), g::text, NULL, 'K', 'GENERAL', 'INDIVIDUAL', 'GENERAL', 'EXITED',
               'HOUSEHOLD', uuidv7()::text, '5111' || 10 + g % 50,
               '5111' || 10 + g % 50 || '2012' || lpad((g / 50 % 4)::text, 2, '0'),
               CASE g % 3 WHEN 0 THEN 'HOUS' ELSE 'POV' END, '{}', 'AUDIT', DATE '2019-08-20',
               '[{}]', DATE '2019-09-01' + g % 90, '{}', '[]', false, 'DISPATCHED', false, NULL,
               NULL, 0, false, false, false, false, false, false, now(), 't', 1, 2,
               now(), 0, NULL, NULL, NULL, NULL, 0
        FROM generate_series(1, 40000) AS g
        """
    )
    await inspection.fetch("ANALYZE problems")
    roles = frozenset({"province_platform"} if org.startswith("PROV") else {"dept_head"})
    statement = page_statement(sight_of(Actor("t", org, roles)), filters, PageRequest(None, 50))
    async with inspection.runtime.database.reading() as session:
        connection = await session.connection()
        compiled = statement.compile(
            dialect=connection.dialect, compile_kwargs={"literal_binds": True}
        )
    plan = "\n".join(row[0] for row in await inspection.fetch(f"EXPLAIN {compiled}"))
    assert f"Index Scan using {index}" in plan
    assert "Sort" not in plan
