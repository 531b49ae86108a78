"""Inspections over HTTP: scheduled within the villages' burden, overridden, cancelled (I-57)."""

import asyncio
from datetime import date
from typing import Any

import httpx
import pytest

from services.inspection.inspections.commands import schedule_inspection
from shared.security import Actor
from tests.inspection.conftest import VILLAGE, Inspection
from tests.shared.messaging.loops import until

OTHER = "511132201206"
PLAN: dict[str, Any] = {
    "village_codes": [VILLAGE],
    "planned_on": "2019-09-20",
    "organiser": "县委目督办",
    "purpose": "危房改造整改核查",
    "team": ["张督查"],
}
GROUP: dict[str, Any] = {"org": "LG@511132", "roles": ("leading_group",)}
HOUSING: dict[str, Any] = {"org": "HOUS@511132", "roles": ("dept_head",)}
OVERRIDE = {"override": {"reason": "上级专项督查"}}


@pytest.fixture
async def villages(inspection: Inspection) -> list[str]:
    """Three villages of the national list, in order; the first two lie in one township."""
    rows = await inspection.fetch(
        "SELECT code FROM regions WHERE code LIKE '511132%' AND length(code) = 12 ORDER BY code"
    )
    codes = [row["code"] for row in rows]
    assert VILLAGE in codes
    assert OTHER in codes
    return [VILLAGE, OTHER, next(code for code in codes if not code.startswith(VILLAGE[:9]))]


async def schedule(inspection: Inspection, **changes: Any) -> httpx.Response:
    """Ask for an inspection; `who` is the caller."""
    who = changes.pop("who", {})
    body = {name: value for name, value in (PLAN | changes).items() if value is not None}
    return await inspection.post("/inspections", body, **who)


async def planned(inspection: Inspection, **changes: Any) -> dict[str, Any]:
    """Schedule an inspection, which must succeed; the answer."""
    answer = await schedule(inspection, **changes)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def someone_waits(inspection: Inspection) -> bool:
    """Whether a statement waits for another's lock."""
    waiting = await inspection.fetch(
        "SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE NOT granted AND datname = current_database()"
    )
    return bool(waiting)


async def test_an_inspection_is_scheduled_and_seen(inspection: Inspection) -> None:
    answer = await inspection.post("/inspections", PLAN, key="i")
    view = answer.json()
    assert (answer.status_code, view) == (
        201,
        {"id": view["id"], "state": "PLANNED", "override": None, "org": "POV@511132", **PLAN},
    )
    again = await inspection.post("/inspections", PLAN, key="i")
    assert (again.status_code, again.json()) == (201, view)
    assert (await inspection.get("/inspections")).json()["items"] == [view]


async def test_one_village_may_be_named_by_itself(inspection: Inspection) -> None:
    view = await planned(inspection, village_codes=None, village_code=VILLAGE)
    assert view["village_codes"] == [VILLAGE]
    for villages in ({"village_code": VILLAGE}, {"village_codes": None}):
        answer = await schedule(inspection, **villages)
        assert (answer.status_code, answer.json()["code"]) == (422, "VILLAGES_REQUIRED")


async def test_a_third_inspection_in_thirty_days_is_refused_with_village_and_days(
    inspection: Inspection,
) -> None:
    await planned(inspection, planned_on="2019-09-20")
    await planned(inspection, planned_on="2019-09-30", village_codes=[OTHER, VILLAGE])
    answer = await schedule(inspection, planned_on="2019-10-19", village_codes=[VILLAGE, OTHER])
    assert (answer.status_code, answer.json()["code"]) == (409, "INSPECTION_BURDEN")
    members = ("village", "dates", "limit", "window_days", "villages")
    assert [answer.json()[name] for name in members] == [
        VILLAGE,
        ["2019-09-20", "2019-09-30"],
        2,
        30,
        [VILLAGE],
    ]
    before = await schedule(inspection, planned_on="2019-09-01")
    assert before.json()["code"] == "INSPECTION_BURDEN"
    await planned(inspection, planned_on="2019-10-20")
    assert await inspection.count("inspections") == 3


async def test_the_leading_group_goes_beyond_the_limit_with_a_reason_on_record(
    inspection: Inspection,
) -> None:
    for day in ("2019-09-20", "2019-09-21"):
        await planned(inspection, planned_on=day)
    view = await planned(
        inspection, planned_on="2019-09-22", village_codes=[OTHER, VILLAGE], who=GROUP, **OVERRIDE
    )
    assert view["override"] == {
        "reason": "上级专项督查",
        "by": "tester",
        "villages": {VILLAGE: ["2019-09-20", "2019-09-21"]},
    }
    (audited,) = await inspection.fetch(
        "SELECT remark FROM audit WHERE object_type = 'inspection' AND object_id = $1", view["id"]
    )
    assert audited["remark"] == "上级专项督查"


async def test_an_override_that_was_not_needed_is_none(inspection: Inspection) -> None:
    assert (await planned(inspection, who=GROUP, **OVERRIDE))["override"] is None


async def test_nobody_else_goes_beyond_the_limit(inspection: Inspection) -> None:
    for who in ({}, HOUSING):
        answer = await schedule(inspection, who=who, **OVERRIDE)
        assert (answer.status_code, answer.json()["code"]) == (403, "OVERRIDE_FORBIDDEN")
    answer = await schedule(inspection, who=GROUP, override={"reason": " "})
    assert (answer.status_code, answer.json()["code"]) == (422, "TOO_SHORT")


async def test_a_cancelled_inspection_burdens_nobody(inspection: Inspection) -> None:
    first = await planned(inspection, planned_on="2019-09-20")
    await planned(inspection, planned_on="2019-09-21")
    path = f"/inspections/{first['id']}/cancel"
    answer = await inspection.post(path, {"reason": "与市级检查合并"})
    assert (answer.status_code, answer.json()["state"]) == (200, "CANCELLED")
    await planned(inspection, planned_on="2019-09-22")
    again = await inspection.post(path, {"reason": "再取消"})
    assert (again.status_code, again.json()["code"]) == (409, "STATE_CONFLICT")
    assert again.json()["allowed"] == []
    listed = (await inspection.get("/inspections", {"state": "CANCELLED"})).json()["items"]
    assert [item["id"] for item in listed] == [first["id"]]


async def test_a_township_does_not_cancel_what_the_county_scheduled(
    inspection: Inspection,
) -> None:
    township: dict[str, Any] = {"org": "TOWN@511132201", "roles": ("township_party_secretary",)}
    county, own = await planned(inspection), await planned(inspection, who=township)
    cancel = {"reason": "取消"}
    refused = await inspection.post(f"/inspections/{county['id']}/cancel", cancel, **township)
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    answer = await inspection.post(f"/inspections/{own['id']}/cancel", cancel, **township)
    assert (answer.status_code, answer.json()["state"]) == (200, "CANCELLED")


async def test_limit_and_window_are_a_region_s_own(inspection: Inspection) -> None:
    for key, value in (("inspection_limit", 1), ("inspection_window_days", 10)):
        body = {"value": value, "effective_from": "2019-01-01"}
        assert (await inspection.put(f"/config/511132201/{key}", body)).status_code == 200
    await planned(inspection, planned_on="2019-09-20")
    refused = await schedule(inspection, planned_on="2019-09-29")
    assert (refused.json()["limit"], refused.json()["window_days"]) == (1, 10)
    await planned(inspection, planned_on="2019-09-30")
    body = {"value": 0, "effective_from": "2019-01-01"}
    answer = await inspection.put("/config/511132/inspection_limit", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "VALUE_INVALID")


async def test_of_many_who_schedule_at_once_only_as_many_as_may_get_through(
    inspection: Inspection, villages: list[str]
) -> None:
    async def ask(number: int) -> httpx.Response:
        codes = villages if number % 2 else villages[::-1]
        return await schedule(inspection, village_codes=codes, planned_on=f"2019-09-{number}")

    answers = await asyncio.gather(*(ask(number) for number in range(11, 23)))
    codes = sorted(answer.json().get("code", "") for answer in answers)
    assert codes == ["", "", *["INSPECTION_BURDEN"] * 10]
    assert await inspection.count("inspection_villages") == 2 * len(villages)


async def test_who_schedules_meanwhile_waits_and_counts_what_was_scheduled(
    inspection: Inspection,
) -> None:
    await planned(inspection)
    actor = Actor("first", "POV@511132", frozenset({"poverty_office"}))
    async with inspection.runtime.database.transaction() as session:
        await schedule_inspection(
            session,
            inspection.runtime.configuration,
            actor,
            village_codes=[VILLAGE],
            planned_on=date(2019, 9, 21),
            organiser="县委目督办",
            purpose="核查",
            team=["张督查"],
            override_reason=None,
        )
        await session.flush()
        second = asyncio.create_task(schedule(inspection, village_codes=[OTHER, VILLAGE]))
        await until(lambda: someone_waits(inspection))
    answer = await second
    assert (answer.status_code, answer.json()["code"]) == (409, "INSPECTION_BURDEN")


async def test_the_burden_of_each_village_is_counted_whoever_inspects(
    inspection: Inspection, villages: list[str]
) -> None:
    first, second, third = villages
    for day in ("2019-08-25", "2019-09-10"):
        await planned(inspection, planned_on=day, village_codes=[first])
    await planned(inspection, planned_on="2019-09-20", village_codes=[first], who=GROUP, **OVERRIDE)
    await planned(inspection, planned_on="2019-09-20", village_codes=[second, third], who=HOUSING)
    await planned(inspection, planned_on="2019-11-20", village_codes=[second])
    gone = await planned(inspection, planned_on="2019-09-21", village_codes=[third])
    await inspection.post(f"/inspections/{gone['id']}/cancel", {"reason": "取消"})

    period = {"from": "2019-09-01", "to": "2019-09-30"}
    page = (await inspection.get("/stats/inspections", period | {"limit": 2})).json()
    rest = {**period, "cursor": page["next_cursor"]}
    items = page["items"] + (await inspection.get("/stats/inspections", rest)).json()["items"]
    assert items == sorted(
        (
            {"village_code": first, "inspections": 2, "over_limit": 1},
            {"village_code": second, "inspections": 1, "over_limit": 0},
            {"village_code": third, "inspections": 1, "over_limit": 0},
        ),
        key=lambda item: str(item["village_code"]),
    )
    one = await inspection.get("/stats/inspections", period | {"region_code": first})
    assert one.json()["items"] == [{"village_code": first, "inspections": 2, "over_limit": 1}]
    seen = await inspection.get("/stats/inspections", period, org="TOWN@511132201")
    assert {item["village_code"] for item in seen.json()["items"]} == {first, second}
    backwards = await inspection.get(
        "/stats/inspections", {"from": "2019-09-30", "to": "2019-09-01"}
    )
    assert (backwards.status_code, backwards.json()["code"]) == (422, "PERIOD_INVALID")


async def test_a_place_sees_its_villages_a_department_what_it_scheduled(
    inspection: Inspection, villages: list[str]
) -> None:
    first, second, third = villages
    await planned(inspection, village_codes=[third, first])
    own = await planned(inspection, village_codes=[second], planned_on="2019-09-18", who=HOUSING)
    county = (await inspection.get("/inspections", {"limit": 1})).json()
    assert county["items"] == [own]
    rest = (await inspection.get("/inspections", {"cursor": county["next_cursor"]})).json()
    assert [item["village_codes"] for item in rest["items"]] == [sorted([first, third])]
    query = {"region_code": third, "from": "2019-09-20", "to": "2019-09-20"}
    village = (await inspection.get("/inspections", query)).json()["items"]
    assert [item["village_codes"] for item in village] == [[third]]
    department = (await inspection.get("/inspections", **HOUSING)).json()["items"]
    assert [item["id"] for item in department] == [own["id"]]
    township = (await inspection.get("/inspections", org="TOWN@511132201")).json()["items"]
    assert [item["village_codes"] for item in township] == [[second], [first]]


async def test_a_neighbour_neither_sees_nor_plans_nor_cancels(
    inspection: Inspection, villages: list[str]
) -> None:
    view = await planned(inspection, village_codes=[villages[0], villages[2]])
    beside: dict[str, Any] = {"org": "POV@511133"}
    assert (await schedule(inspection, who=beside)).json()["code"] == "NOT_FOUND"
    assert (await inspection.get("/inspections", **beside)).json()["items"] == []
    period = {"from": "2019-09-01", "to": "2019-09-30"}
    assert (await inspection.get("/stats/inspections", period, **beside)).json()["items"] == []
    for path in ("/inspections", "/stats/inspections"):
        answer = await inspection.get(path, period | {"region_code": "511132"}, **beside)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    cancel = f"/inspections/{view['id']}/cancel"
    township: dict[str, Any] = {"org": "TOWN@511132201", "roles": ("township_party_secretary",)}
    for who in (beside, HOUSING, township):
        answer = await inspection.post(cancel, {"reason": "取消"}, **who)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"village_codes": ["511132201999"]}, "VILLAGE_UNKNOWN"),
        ({"village_codes": ["511132201"]}, "FORMAT"),
        ({"village_codes": []}, "TOO_FEW"),
        ({"planned_on": "2019-02-30"}, "DATE_INVALID"),
        ({"team": []}, "TOO_FEW"),
        ({"team": [""]}, "NAME_INVALID"),
        ({"purpose": ""}, "TOO_SHORT"),
        ({"organiser": "县\x00"}, "FORMAT"),
        ({"stray": 1}, "UNKNOWN_FIELD"),
    ],
)
async def test_an_inspection_out_of_order_is_refused(
    inspection: Inspection, changes: dict[str, Any], code: str
) -> None:
    answer = await schedule(inspection, **changes)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await inspection.count("inspections") == 0


async def test_who_does_not_inspect_schedules_and_cancels_nothing(inspection: Inspection) -> None:
    view = await planned(inspection)
    helper: dict[str, Any] = {"roles": ("helper",)}
    cancel = await inspection.post(f"/inspections/{view['id']}/cancel", {"reason": "x"}, **helper)
    for answer in (await schedule(inspection, who=helper), cancel):
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
    period = {"from": "2019-09-01", "to": "2019-09-30"}
    for path in ("/inspections", "/stats/inspections"):
        answer = await inspection.get(path, period, roles=("household",))
        assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")
