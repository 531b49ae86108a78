"""The main job from outside: what an inspector or a helper finds stands in the right queue."""

import asyncio
import time
from datetime import timedelta
from typing import Any

from shared import clock
from tests.system.conftest import Stack, eventually
from tests.system.county import (
    ARRIVAL_SECONDS,
    CADRE,
    COUNTY,
    HOUSING,
    INSPECTOR,
    OPERATOR,
    TOWNSHIP,
    VILLAGE,
    WATER,
    arrival,
    drain,
    finding,
    register_household,
    warmed_up,
)
from tests.system.kcat import Record, read_topic


async def test_a_logged_problem_stands_in_the_queue_with_its_deadline(stack: Stack) -> None:
    await warmed_up(stack)
    started = time.monotonic()
    problem = await stack.ok("inspection", "POST", "/problems", INSPECTOR, finding())
    message = await arrival(stack, HOUSING, problem["id"])
    assert time.monotonic() - started < ARRIVAL_SECONDS
    assert problem["lead_dept"] == "HOUS"
    assert message["due_on"] == problem["due_on"]
    assert (message["kind"], message["village_code"]) == ("HOUSING_UNSAFE", VILLAGE)
    stats = await stack.ok("notify", "GET", f"/queues/{HOUSING[0]}/stats", HOUSING)
    assert stats == {"queued": 0, "leased": 0, "dead": 0}


async def test_a_no_to_the_second_look_is_one_task_with_two_sources(stack: Stack) -> None:
    await warmed_up(stack)
    household = await register_household(stack)
    visited_on = clock.today()
    visit = {
        "visited_on": visited_on.isoformat(),
        "visitor": "包村干部",
        "nine_looks": {str(look): "NO" if look == 2 else "YES" for look in range(1, 10)},
        "note": "",
    }
    await stack.ok("households", "POST", f"/households/{household}/visits", CADRE, visit)

    async def problems() -> Any:
        path = f"/problems?region_prefix={VILLAGE}&kind=HOUSING_UNSAFE&limit=200"
        page = await stack.ok("inspection", "GET", path, INSPECTOR)
        return [item for item in page["items"] if item["object"]["ref"] == household]

    (problem,) = await eventually(problems, seconds=ARRIVAL_SECONDS, what="problem of the visit")
    message = await arrival(stack, HOUSING, problem["id"])
    assert message["due_on"] == (visited_on + timedelta(days=30)).isoformat()

    finding_again = finding(object={"type": "HOUSEHOLD", "id": household})
    again = await stack.ok("inspection", "POST", "/problems", INSPECTOR, finding_again)
    assert again["id"] == problem["id"]
    whole = await stack.ok("inspection", "GET", f"/problems/{problem['id']}", INSPECTOR)
    assert [source["source"] for source in whole["sources"]] == ["VISIT", "COUNTY_INSPECTION"]

    marker = await stack.ok("inspection", "POST", "/problems", INSPECTOR, finding())
    later = []

    async def marker_arrived() -> bool:
        later.extend(await drain(stack, HOUSING))
        return any(item["problem_id"] == marker["id"] for item in later)

    await eventually(marker_arrived, seconds=ARRIVAL_SECONDS, what="marker")
    dispatched = [
        item
        for item in later
        if item["problem_id"] == problem["id"] and item["event_type"].endswith("dispatched.v1")
    ]
    assert dispatched == []

    async def counted() -> bool:
        view = await stack.ok("households", "GET", f"/households/{household}", CADRE)
        return bool(view["open_problems"] == 1)

    await eventually(counted, seconds=ARRIVAL_SECONDS, what="open problem count")


async def test_the_neighbour_sees_neither_queue_nor_problem(stack: Stack) -> None:
    problem = await stack.ok("inspection", "POST", "/problems", INSPECTOR, finding())
    foreign_queue = await stack.call(
        "notify", "POST", f"/queues/{HOUSING[0]}/pull", WATER, {"max": 1, "wait_seconds": 0}
    )
    assert foreign_queue.status_code == 404
    foreign_problem = await stack.call("inspection", "GET", f"/problems/{problem['id']}", WATER)
    assert foreign_problem.status_code == 404


async def test_the_township_gets_a_copy_for_information(stack: Stack) -> None:
    problem = await stack.ok("inspection", "POST", "/problems", INSPECTOR, finding())
    message = await arrival(stack, TOWNSHIP, problem["id"])
    assert message["payload"]["information"] is True


async def test_a_plain_kafka_client_reads_cloudevents(stack: Stack) -> None:
    problem = await stack.ok("inspection", "POST", "/problems", INSPECTOR, finding())

    async def both() -> list[Record] | None:
        found = await asyncio.to_thread(
            read_topic, stack.bootstrap, "inspection.problem", key=problem["id"]
        )
        return found if len(found) >= 2 else None

    records = await eventually(both, seconds=20, what="the problem's events")
    assert [record.headers["ce_type"] for record in records] == [
        "inspection.problem.logged.v1",
        "inspection.problem.dispatched.v1",
    ]
    assert [record.headers["ce_sequence"] for record in records] == ["1", "2"]
    assert {record.headers["ce_specversion"] for record in records} == {"1.0"}


async def test_a_region_stored_by_households_is_known_to_inspection(stack: Stack) -> None:
    code = f"{VILLAGE[:9]}399"
    unknown = await stack.call(
        "inspection", "POST", "/problems", INSPECTOR, finding(village_code=code)
    )
    assert unknown.status_code in {201, 422}
    body = {"name": "新设村", "parent": VILLAGE[:9], "level": "VILLAGE", "kind": "NON_POOR"}
    await stack.ok(
        "households", "PUT", f"/regions/{code}", (f"POV@{COUNTY}", ["poverty_office"]), body
    )

    async def accepted() -> bool:
        response = await stack.call(
            "inspection", "POST", "/problems", INSPECTOR, finding(village_code=code)
        )
        return response.status_code == 201

    await eventually(accepted, seconds=ARRIVAL_SECONDS, what="the new village")


async def test_the_deadline_passes_once_for_simulated_problems(stack: Stack) -> None:
    moment = "2019-09-01T09:00:00+08:00"
    simulated = finding(found_on="2019-09-01", kind="WATER_UNSAFE")
    problem = await stack.ok("inspection", "POST", "/problems", INSPECTOR, simulated, X_Now=moment)
    assert problem["due_on"] == "2019-10-01"
    await arrival(stack, WATER, problem["id"])
    for as_of, expected in (
        ("2019-10-01T23:59:58+08:00", False),
        ("2019-10-01T23:59:59+08:00", True),
    ):
        body = {"job": "overdue_scan", "as_of": as_of}
        await stack.ok("inspection", "POST", "/ops/run", OPERATOR, body)
        view = await stack.ok("inspection", "GET", f"/problems/{problem['id']}", INSPECTOR)
        assert view["flags"]["overdue"] is expected, as_of


async def test_nothing_is_lost_when_the_stack_restarts(stack: Stack) -> None:
    await warmed_up(stack)
    problems = [
        await stack.ok("inspection", "POST", "/problems", INSPECTOR, finding()) for _ in range(20)
    ]
    stack.down()
    stack.up()
    expected = {problem["id"] for problem in problems}
    arrived: list[str] = []

    async def all_there() -> bool:
        arrived.extend(
            item["problem_id"]
            for item in await drain(stack, HOUSING)
            if item["event_type"].endswith("dispatched.v1")
        )
        return expected <= set(arrived)

    await eventually(all_there, seconds=60, what="every problem after the restart")
    assert all(arrived.count(problem_id) == 1 for problem_id in expected)


async def test_the_demo_reproduces_every_figure_of_the_source(stack: Stack) -> None:
    started = time.monotonic()
    output = stack.command("deploy.demo", timeout=120)
    assert time.monotonic() - started < 120
    assert "0 differ" in output
    assert "✗" not in output
