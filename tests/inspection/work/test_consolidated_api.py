"""POST /consolidated-plans: all that a department has open, by its head (I-33)."""

from typing import Any

import pytest

from tests.inspection.conftest import Inspection, finding
from tests.inspection.work.conftest import (
    HEAD,
    HOUS,
    PLAN,
    accepted,
    counted_statements,
    move,
    planned,
    refusal,
    started,
    submitted,
)


def consolidated(*parts: list[str], **changes: Any) -> dict[str, Any]:
    """The body of a consolidated plan that names problems in several parts."""
    return {
        "author": "阿尔木果",
        "author_role": "HEAD",
        "plans": [{"problem_ids": ids, **PLAN} for ids in parts],
        **changes,
    }


async def coverage(
    inspection: Inspection, campaign_id: str | None = None, **who: Any
) -> dict[str, tuple[int, int, str]]:
    """Open and planned problems of each department, and the share."""
    query = {} if campaign_id is None else {"campaign_id": campaign_id}
    answer = await inspection.get("/consolidated-plans/coverage", query, **who)
    assert answer.status_code == 200, answer.text
    return {
        item["lead_dept"]: (item["open"], item["planned"], item["coverage_pct"])
        for item in answer.json()["items"]
    }


async def test_the_head_plans_everything_the_department_has_open(inspection: Inspection) -> None:
    ids = [await accepted(inspection) for _ in range(3)]
    await inspection.log(kind="WATER_UNSAFE")  # another department's
    assert await coverage(inspection) == {"HOUS": (3, 0, "0.00"), "WATER": (1, 0, "0.00")}
    body = consolidated(ids[:2], ids[2:])
    answer = await inspection.post("/consolidated-plans", body, **HEAD, key="c")
    assert answer.status_code == 201, answer.text
    view = answer.json()
    assert view["coverage"] == {"open": 3, "planned": 3, "coverage_pct": "100.00"}
    assert (view["problems"]["moved"], view["problems"]["refused"]) == (3, 0)
    assert [row["state"] for row in view["problems"]["results"]] == ["PLANNED"] * 3
    assert await coverage(inspection, **HOUS) == {"HOUS": (3, 3, "100.00")}
    again = await inspection.post("/consolidated-plans", body, **HEAD, key="c")
    assert again.json() == view
    (kept,) = (await inspection.get("/consolidated-plans")).json()["items"]
    assert (kept["id"], kept["author"], kept["planned"]) == (view["id"], "阿尔木果", 3)
    assert (kept["department"], kept["region_code"]) == ("HOUS", "511132")
    work = (await inspection.get(f"/problems/{ids[0]}/work")).json()
    assert work["plan"]["consolidated_id"] == view["id"]


async def test_nothing_is_planned_unless_everything_is(inspection: Inspection) -> None:
    ids = [await accepted(inspection) for _ in range(3)]
    waiting = str((await inspection.log())["id"])
    answer = await inspection.post("/consolidated-plans", consolidated(ids[:2]), **HEAD)
    view = answer.json()
    assert (answer.status_code, view["code"]) == (422, "COVERAGE_INCOMPLETE")
    assert (view["coverage_pct"], view["missing"]) == ("50.00", 2)
    assert view["missing_ids"] == [ids[2], waiting]
    assert await coverage(inspection) == {"HOUS": (4, 0, "0.00")}
    assert await inspection.count("rectification_plans") == 0
    assert await inspection.count("consolidated_plans") == 0


async def test_at_most_twenty_of_what_is_left_out_are_named(inspection: Inspection) -> None:
    one = await accepted(inspection)
    await inspection.post("/problems:batch", {"rows": [finding() for _ in range(30)]})
    view = (await inspection.post("/consolidated-plans", consolidated([one]), **HEAD)).json()
    assert (view["missing"], len(view["missing_ids"])) == (30, 20)


async def test_what_is_planned_suspected_disputed_or_finished_need_not_be_named(
    inspection: Inspection,
) -> None:
    await started(inspection)
    await submitted(inspection)
    await planned(inspection)
    await inspection.log(suspected=True)
    withdrawn = await accepted(inspection)
    await inspection.post(f"/problems/{withdrawn}/withdraw", {"reason": "登记有误"})
    inspection.now = "2019-08-20T10:00:00+08:00"
    disputed = str((await inspection.log())["id"])
    dispute = {"proposed_dept": "CIVIL", "clause": "第三条"}
    await move(inspection, disputed, "dispute", dispute)
    one = await accepted(inspection)
    answer = await inspection.post("/consolidated-plans", consolidated([one]), **HEAD)
    assert answer.status_code == 201, answer.text
    assert answer.json()["coverage"] == {"open": 4, "planned": 4, "coverage_pct": "100.00"}


async def test_each_problem_of_a_consolidated_plan_stands_on_its_own(
    inspection: Inspection,
) -> None:
    good, late = await accepted(inspection), await accepted(inspection)
    waiting = str((await inspection.log())["id"])
    body = consolidated([good], [late], [waiting])
    body["plans"][1]["deadline"] = "2019-10-01"
    view = (await inspection.post("/consolidated-plans", body, **HEAD)).json()
    codes = [row["code"] for row in view["problems"]["results"]]
    assert codes == [None, "PLAN_AFTER_DUE", "STATE_CONFLICT"]
    assert view["coverage"] == {"open": 3, "planned": 1, "coverage_pct": "33.33"}


async def test_a_campaign_s_plan_covers_the_campaign(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    inside = await accepted(inspection, campaign_id=campaign_id)
    await accepted(inspection)
    body = consolidated([inside], campaign_id=campaign_id)
    assert (await inspection.post("/consolidated-plans", body, **HEAD)).status_code == 201
    assert await coverage(inspection, campaign_id) == {"HOUS": (1, 1, "100.00")}
    assert await coverage(inspection) == {"HOUS": (2, 1, "50.00")}
    listed = await inspection.get("/consolidated-plans", {"campaign_id": campaign_id})
    assert len(listed.json()["items"]) == 1


@pytest.mark.parametrize(
    ("who", "changes"),
    [(HOUS, {}), (HEAD, {"author_role": "HANDLER"}), (HEAD, {"author_role": "DEPUTY"})],
)
async def test_a_clerk_s_plan_is_none(
    inspection: Inspection, who: dict[str, Any], changes: dict[str, str]
) -> None:
    problem_id = await accepted(inspection)
    answer = await inspection.post(
        "/consolidated-plans", consolidated([problem_id], **changes), **who
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "AUTHOR_NOT_HEAD")
    assert await inspection.count("rectification_plans") == 0


async def test_where_the_head_is_on_record_the_author_is_that_person(
    inspection: Inspection,
) -> None:
    problem_id = await accepted(inspection)
    persons = {"unit_head": "吉克阿牛", "deputy": "沙马尔古", "county_leader": "曲比阿乌"}
    body = persons | {"effective_from": "2019-01-01"}
    assert (await inspection.put("/responsibles/HOUS@511132", body)).status_code == 200
    answer = await inspection.post("/consolidated-plans", consolidated([problem_id]), **HEAD)
    assert answer.json()["code"] == "AUTHOR_NOT_HEAD"
    assert [error["field"] for error in answer.json()["errors"]] == ["author"]
    own = consolidated([problem_id], author="吉克阿牛")
    assert (await inspection.post("/consolidated-plans", own, **HEAD)).status_code == 201


async def test_a_problem_stands_in_one_part_only(inspection: Inspection) -> None:
    problem_id = await accepted(inspection)
    body = consolidated([problem_id], [problem_id])
    answer = await inspection.post("/consolidated-plans", body, **HEAD)
    assert (answer.status_code, answer.json()["code"]) == (422, "DUPLICATE_ID")


async def test_a_plan_for_too_many_is_refused(inspection: Inspection) -> None:
    ids = [f"01990000-0000-7000-8000-{number:012}" for number in range(10_001)]
    parts = [ids[start : start + 1000] for start in range(0, len(ids), 1000)]
    answer = await inspection.post("/consolidated-plans", consolidated(*parts), **HEAD)
    assert (answer.status_code, answer.json()["code"]) == (422, "TOO_MANY")


async def test_a_neighbour_neither_plans_nor_sees_the_plans(inspection: Inspection) -> None:
    problem_id = await planned(inspection)
    other = await accepted(inspection)
    await inspection.post("/consolidated-plans", consolidated([other]), **HEAD)
    neighbours: list[dict[str, Any]] = [
        {"org": "HOUS@511133", "roles": ("dept_head",)},
        {"org": "CIVIL@511132", "roles": ("dept_head",)},
        {"org": "TOWN@511132202", "roles": ("township_reviewer",)},
    ]
    for who in neighbours:
        assert (await inspection.get("/consolidated-plans", **who)).json()["items"] == []
        assert await coverage(inspection, **who) == {}
    for who in neighbours[:2]:
        answer = await inspection.post("/consolidated-plans", consolidated([problem_id]), **who)
        results = answer.json()["problems"]["results"]
        assert [row["code"] for row in results] == ["NOT_FOUND"]
    town: dict[str, Any] = {"org": "TOWN@511132201", "roles": ("township_reviewer",)}
    assert await coverage(inspection, **town) == {"HOUS": (2, 2, "100.00")}
    answer = await inspection.post("/consolidated-plans", consolidated([problem_id]), **town)
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    household: dict[str, Any] = {"roles": ("household",)}
    for path in ("/consolidated-plans", "/consolidated-plans/coverage"):
        assert (await inspection.get(path, **household)).status_code == 403


async def test_the_discipline_commission_s_plans_are_its_own(inspection: Inspection) -> None:
    disc: dict[str, Any] = {"org": "DISC@511132", "roles": ("discipline",)}
    problem_id = str((await inspection.log(kind="CORRUPTION_BRIBERY"))["id"])
    assert await refusal(inspection, problem_id, "plan", PLAN, **HEAD) == (404, "NOT_FOUND")
    await move(inspection, problem_id, "accept", **disc)
    answer = await inspection.post("/consolidated-plans", consolidated([problem_id]), **disc)
    assert answer.status_code == 201, answer.text
    assert await coverage(inspection) == {}
    assert (await inspection.get("/consolidated-plans")).json()["items"] == []
    assert len((await inspection.get("/consolidated-plans", **disc)).json()["items"]) == 1
    assert await coverage(inspection, **disc) == {"DISC": (1, 1, "100.00")}


async def test_a_thousand_problems_are_planned_with_a_handful_of_statements(
    inspection: Inspection,
) -> None:
    logged = (
        await inspection.post("/problems:batch", {"rows": [finding() for _ in range(1000)]})
    ).json()
    ids = [row["id"] for row in logged["results"]]
    await inspection.post("/problems:accept", {"problem_ids": ids}, **HOUS)
    parts = [ids[start : start + 100] for start in range(0, 1000, 100)]
    with counted_statements(inspection.runtime.database) as sent:
        answer = await inspection.post("/consolidated-plans", consolidated(*parts), **HEAD)
    assert answer.json()["coverage"]["coverage_pct"] == "100.00"
    assert len(sent) < 40, sent
