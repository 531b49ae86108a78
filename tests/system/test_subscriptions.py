"""Subscribers from outside: copies in the queue and on a topic, of what was asked for alone."""

import asyncio
from typing import Any

from tests.system.conftest import Stack, eventually
from tests.system.county import (
    COUNTY,
    INSPECTOR,
    OPERATOR,
    WATER,
    arrival,
    drain,
    finding,
    warmed_up,
)
from tests.system.kcat import read_topic

OFFICE = (f"POV@{COUNTY}", ["poverty_office"])
NEIGHBOUR = ("POV@511133", ["poverty_office"])
TOPIC = f"notify.queue.pov-{COUNTY}"
LOGGED = "inspection.problem.logged.v1"
DISPATCHED = "inspection.problem.dispatched.v1"


async def subscribe(stack: Stack, channel: str) -> Any:
    """The poverty office subscribes to prominent problems about drinking water."""
    filters = {"severities": ["PROMINENT"], "kinds": ["WATER_UNSAFE"]}
    body = {"channel": channel, "filters": filters}
    return await stack.ok("notify", "POST", "/subscriptions", OFFICE, body)


async def log(stack: Stack, kind: str, severity: str) -> str:
    """A problem as an inspector logs it."""
    body = finding(kind=kind, severity=severity)
    problem = await stack.ok("inspection", "POST", "/problems", INSPECTOR, body)
    return str(problem["id"])


async def test_a_subscriber_gets_the_matching_events_in_order_and_no_other(stack: Stack) -> None:
    await warmed_up(stack)
    made = [await subscribe(stack, channel) for channel in ("QUEUE", "KAFKA")]
    await drain(stack, OFFICE)
    expected = []
    for _ in range(5):
        await log(stack, "WATER_UNSAFE", "GENERAL")
        expected.append(await log(stack, "WATER_UNSAFE", "PROMINENT"))
        await log(stack, "HOUSING_UNSAFE", "PROMINENT")
    both = [(problem, kind) for problem in expected for kind in (LOGGED, DISPATCHED)]

    pulled: list[Any] = []

    async def all_told() -> bool:
        pulled.extend(await drain(stack, OFFICE))
        return len(pulled) >= len(both)

    await eventually(all_told, seconds=20, what="copies in the queue")
    told = [(item["problem_id"], item["event_type"]) for item in pulled]
    assert sorted(told) == sorted(both)
    assert {item["payload"]["purpose"] for item in pulled} == {"SUBSCRIBED"}
    for problem in expected:
        assert [kind for one, kind in told if one == problem] == [LOGGED, DISPATCHED]

    async def copied() -> list[tuple[str, str, str, str]] | None:
        records = await asyncio.to_thread(read_topic, stack.bootstrap, TOPIC)
        found = [
            (record.key, record.headers["ce_subject"], record.headers["ce_type"],
             record.headers["ce_source"])
            for record in records
        ]  # fmt: skip
        return found if len(found) >= len(both) else None

    copies = await eventually(copied, seconds=20, what="copies on the topic")
    assert sorted(copies) == sorted((one, one, kind, "/notify") for one, kind in both)
    for problem in expected:
        kinds = [kind for one, _, kind, _ in copies if one == problem]
        assert kinds == [LOGGED, DISPATCHED]

    for subscription in made:
        await stack.ok("notify", "DELETE", f"/subscriptions/{subscription['id']}", OFFICE)
    ended = await log(stack, "WATER_UNSAFE", "PROMINENT")
    await arrival(stack, WATER, ended)
    assert ended not in [item["problem_id"] for item in await drain(stack, OFFICE)]


async def test_the_neighbour_county_neither_sees_nor_changes_a_subscription(stack: Stack) -> None:
    made = await subscribe(stack, "SSE")
    for method, body in (
        ("GET", None),
        ("PATCH", {"version": 1, "state": "PAUSED"}),
        ("DELETE", None),
    ):
        path = f"/subscriptions/{made['id']}"
        answer = await stack.call("notify", method, path, NEIGHBOUR, body)
        assert answer.status_code == 404
    listed = await stack.ok("notify", "GET", "/subscriptions", NEIGHBOUR)
    assert [item["mandatory"] for item in listed["items"]] == [True]
    own = await stack.ok("notify", "GET", f"/subscriptions/{made['id']}", OFFICE)
    assert (own["state"], own["version"]) == ("ACTIVE", 1)
    seen = await stack.ok("notify", "GET", "/subscriptions", OPERATOR)
    assert made["id"] in [item["id"] for item in seen["items"]]
    await stack.ok("notify", "DELETE", f"/subscriptions/{made['id']}", OFFICE)
