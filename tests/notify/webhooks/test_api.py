"""What organisations and operators do with webhooks over HTTP."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from services.notify.webhooks.commands import SECRETS_LIMIT, forget_attempts
from services.notify.webhooks.queries import dead_statement, measure_undelivered
from shared import clock
from shared.ids import new_id
from shared.web.pagination import PageRequest
from tests.faults.receiver import answer, redirect, reset
from tests.notify.webhooks.endpoints import OFFICE, Endpoint, Hooks

NEIGHBOUR = "POV@511133"
NINE = datetime.fromisoformat("2026-03-04T09:00:00+08:00")


async def test_a_secret_is_shown_once_and_kept_nowhere_in_clear(hooks: Hooks) -> None:
    endpoint = await hooks.subscribe("/a")
    path, key = f"/subscriptions/{endpoint.id}/secrets", {"Idempotency-Key": "rotate-1"}
    first = await hooks.call("POST", path, **key)
    assert first.status_code == 201
    secret = first.json()["secret"]
    assert secret.startswith("whsec_")
    assert len(Webhook(secret)._whsecret) == 32
    again = await hooks.call("POST", path, **key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json() | {"secret": None}
    for table in ("idempotency", "webhook_secrets", "audit", "outbox"):
        rows = await hooks.fetch(f"SELECT row_to_json(t)::text AS kept FROM {table} t")
        assert not any(secret.removeprefix("whsec_") in row["kept"] for row in rows)
    assert len(await hooks.fetch("SELECT FROM webhook_secrets")) == 2


async def test_a_new_secret_lets_the_old_one_go_on_for_a_while_or_revokes_it(hooks: Hooks) -> None:
    endpoint = await hooks.open("/a")
    first = endpoint.secret
    second = await hooks.rotate(endpoint)
    third = await hooks.rotate(endpoint, revoke_previous=True)
    await endpoint.record(1)
    await endpoint.until_settled()
    [request] = endpoint.requests
    assert len(request.headers["webhook-signature"].split(" ")) == 1
    endpoint.verified(request, third)
    assert len({first, second, third}) == 3


async def test_secrets_in_force_are_few(hooks: Hooks) -> None:
    endpoint = await hooks.subscribe("/a")
    for _ in range(SECRETS_LIMIT - 1):
        await hooks.rotate(endpoint)
    refused = await endpoint.call("POST", "/secrets")
    assert (refused.status_code, refused.json()["code"]) == (409, "WEBHOOK_SECRETS_TOO_MANY")
    await hooks.rotate(endpoint, revoke_previous=True)


async def test_a_webhook_is_active_once_its_test_has_succeeded(hooks: Hooks) -> None:
    body = {"channel": "WEBHOOK", "target": hooks.receiver.url("/a")}
    made = (await hooks.call("POST", "/subscriptions", body)).json()
    endpoint = Endpoint(hooks, made["id"], "/a", "")
    assert await endpoint.state() == ("SUSPENDED", "UNTESTED")
    early = await endpoint.call("POST", "/test")
    assert (early.status_code, early.json()["code"]) == (409, "WEBHOOK_NOT_READY")
    endpoint.secret = await hooks.rotate(endpoint)
    await endpoint.record(2)
    hooks.receiver.script("/a", answer(500, "失败 511132198001019001".encode()), answer(200, b"ok"))
    failed = (await endpoint.call("POST", "/test")).json()
    assert failed.pop("duration_ms") >= 0
    assert failed == {
        "succeeded": False,
        "status": 500,
        "error": None,
        "excerpt": "失败 ***",
        "state": "SUSPENDED",
    }
    assert (await endpoint.call("POST", "/test")).json()["state"] == "ACTIVE"
    assert await endpoint.state() == ("ACTIVE", None)
    await endpoint.until_settled()
    said = [endpoint.verified(request)["type"] for request in hooks.receiver.to("/a")]
    assert said[:2] == ["notify.subscription.tested.v1"] * 2
    assert said[2:] == ["inspection.problem.dispatched.v1"] * 2


@pytest.mark.parametrize(
    ("act", "status", "error"),
    [
        (reset, None, "PROTOCOL"),
        (redirect("http://127.0.0.1/"), 302, None),
        (answer(410), 410, None),
    ],
)
async def test_a_test_that_fails_says_why_and_changes_nothing(
    hooks: Hooks, act: Any, status: int | None, error: str | None
) -> None:
    endpoint = await hooks.open("/a")
    hooks.receiver.script("/a", act)
    view = (await endpoint.call("POST", "/test")).json()
    assert (view["succeeded"], view["status"], view["error"]) == (False, status, error)
    assert view["state"] == "ACTIVE"


async def test_a_webhook_is_tested_no_more_than_ten_times_a_minute(hooks: Hooks) -> None:
    endpoint, other = await hooks.subscribe("/a"), await hooks.subscribe("/b")

    async def tested(second: int) -> httpx.Response:
        now = NINE + timedelta(seconds=second)
        return await endpoint.call("POST", "/test", **{"X-Now": now.isoformat()})

    assert [(await tested(second)).status_code for second in range(10)] == [200] * 10
    refused = await tested(59)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert (refused.json()["code"], refused.json()["retry_after"]) == ("WEBHOOK_TESTS_TOO_MANY", 1)
    assert refused.headers["retry-after"] == "1"
    assert len(hooks.receiver.to("/a")) == 10
    assert (await other.call("POST", "/test")).status_code == 200
    assert [(await tested(second)).status_code for second in (60, 60)] == [200, 429]
    # What simulated time holds counts for nothing in real time.
    assert (await endpoint.call("POST", "/test")).status_code == 200
    assert len(hooks.receiver.to("/a")) == 12


async def test_of_tests_at_once_no_more_go_out_than_are_allowed(hooks: Hooks) -> None:
    endpoint = await hooks.subscribe("/a")
    answers = await asyncio.gather(*(endpoint.call("POST", "/test") for _ in range(15)))
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 5
    assert len(hooks.receiver.to("/a")) == 10


async def test_a_new_target_is_tested_before_it_gets_anything(hooks: Hooks) -> None:
    endpoint = await hooks.open("/a")
    view = (await endpoint.call("GET")).json()
    body = {"version": view["version"], "target": hooks.receiver.url("/b")}
    assert (await endpoint.call("PATCH", "", body)).status_code == 200
    assert await endpoint.state() == ("SUSPENDED", "UNTESTED")
    await endpoint.record(1)
    endpoint.path = "/b"
    assert endpoint.requests == []
    assert (await endpoint.call("POST", "/test")).json()["state"] == "ACTIVE"
    await endpoint.until_settled()
    assert len(endpoint.requests) == 1


async def test_the_log_shows_deliveries_and_their_attempts_without_identifiers(
    hooks: Hooks,
) -> None:
    await hooks.configure(retry_seconds=(0, 0.1), circuit_failures=99)
    endpoint = await hooks.open("/a")
    long = ("联系人19900001234 " + "长" * 600).encode()
    hooks.receiver.script("/a", answer(500, long), answer(500, b"\x00\xff"), answer(204))
    await endpoint.record(3, each=3)
    await endpoint.until_settled()
    listed = (await endpoint.call("GET", "/deliveries?limit=2")).json()
    assert [one["position"] for one in listed["items"]] == [1, 2]
    rest = await endpoint.call("GET", f"/deliveries?limit=2&cursor={listed['next_cursor']}")
    assert [one["position"] for one in rest.json()["items"]] == [3]
    dead = (await endpoint.call("GET", "/deliveries?state=DEAD")).json()["items"]
    assert [(one["position"], one["attempts"]) for one in dead] == [(1, 2)]
    assert dead[0]["webhook_id"] == endpoint.requests[0].headers["webhook-id"]
    later = await hooks.app.client.get(
        f"/api/v1/subscriptions/{endpoint.id}/deliveries",
        params={"since": (clock.now() + timedelta(hours=1)).isoformat()},
        headers=hooks.app.headers(OFFICE, "poverty_office"),
    )
    assert later.json()["items"] == []
    attempts = (await endpoint.call("GET", "/deliveries/1/attempts")).json()["items"]
    assert [(one["attempt"], one["status"]) for one in attempts] == [(1, 500), (2, 500)]
    assert attempts[0]["excerpt"].startswith("联系人*** 长")
    assert len(attempts[0]["excerpt"]) == 500
    assert "\x00" not in attempts[1]["excerpt"]
    missing = await endpoint.call("GET", "/deliveries/4/attempts")
    assert missing.status_code == 404


async def test_attempts_are_forgotten_when_they_are_old(hooks: Hooks) -> None:
    endpoint = await hooks.open("/a")
    await endpoint.record(3)
    await endpoint.until_settled()
    assert await forget_attempts(hooks.app.database, clock.now() - timedelta(days=1)) == 0
    assert await forget_attempts(hooks.app.database, clock.now()) == 3
    assert (await endpoint.call("GET", "/deliveries/1/attempts")).json()["items"] == []


async def dead_delivery(hooks: Hooks) -> Endpoint:
    """A webhook with a dead delivery and two that came through."""
    await hooks.configure(retry_seconds=(0,), in_flight=1)
    endpoint = await hooks.open("/a")
    hooks.receiver.script("/a", answer(500), answer(204))
    await endpoint.record(3)
    await endpoint.until_settled()
    assert await endpoint.states() == {"DEAD": 1, "DELIVERED": 2}
    return endpoint


async def test_operators_see_dead_deliveries_and_replay_them(hooks: Hooks) -> None:
    endpoint = await dead_delivery(hooks)
    [dead] = (await hooks.ops("GET", "/ops/dead-deliveries")).json()["items"]
    assert (dead["subscription_id"], dead["org"]) == (endpoint.id, OFFICE)
    path = f"/subscriptions/{endpoint.id}/deliveries/{dead['position']}/replay"
    assert (await hooks.ops("POST", path)).json() == {"deliveries": 1}
    await endpoint.until_settled()
    assert await endpoint.states() == {"DELIVERED": 3}
    ids = [request.headers["webhook-id"] for request in endpoint.requests]
    assert ids[0] == ids[-1] == dead["webhook_id"]
    assert (await hooks.ops("GET", "/ops/dead-deliveries")).json()["items"] == []


async def test_what_is_pending_is_not_replayed(hooks: Hooks) -> None:
    endpoint = await hooks.subscribe("/a")
    await endpoint.record(2)
    refused = await endpoint.call("POST", "/deliveries/1/replay")
    assert (refused.status_code, refused.json()["code"]) == (409, "STATE_CONFLICT")
    assert (await endpoint.call("POST", "/deliveries/3/replay")).status_code == 404
    body = {"from_position": 1, "to_position": 2}
    assert (await endpoint.call("POST", "/replay", body)).json() == {"deliveries": 0}


async def test_a_range_or_everything_since_goes_out_again_in_order_each_once(
    hooks: Hooks,
) -> None:
    await hooks.configure(in_flight=1)
    endpoint = await hooks.open("/a")
    began = clock.now() - timedelta(seconds=1)
    await endpoint.record(10)
    await endpoint.until_settled()
    body: dict[str, Any] = {"from_position": 3, "to_position": 5}
    assert (await endpoint.call("POST", "/replay", body)).json() == {"deliveries": 3}
    await endpoint.until_settled()
    body = {"since": began.isoformat()}
    assert (await endpoint.call("POST", "/replay", body)).json() == {"deliveries": 10}
    await endpoint.until_settled()
    said = [endpoint.verified(request)["data"]["position"] for request in endpoint.requests]
    assert said == [*range(1, 11), 3, 4, 5, *range(1, 11)]


@pytest.mark.parametrize(
    "body",
    [{}, {"from_position": 3}, {"since": "2026-03-02T08:00:00+08:00", "to_position": 4}],
)
async def test_what_to_replay_is_a_range_or_an_instant(hooks: Hooks, body: dict[str, Any]) -> None:
    endpoint = await hooks.subscribe("/a")
    refused = await endpoint.call("POST", "/replay", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "REPLAY_RANGE_INVALID")


ROUTES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/secrets", {}),
    ("POST", "/test", None),
    ("GET", "/deliveries", None),
    ("GET", "/deliveries/1/attempts", None),
    ("POST", "/deliveries/1/replay", None),
    ("POST", "/replay", {"from_position": 1, "to_position": 9}),
)


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_a_foreign_webhook_is_not_to_be_found(
    hooks: Hooks, method: str, path: str, body: Any
) -> None:
    endpoint = await hooks.subscribe("/a")
    await endpoint.record(1)
    for org, role in (
        (NEIGHBOUR, "poverty_office"),
        ("HOUS@511132", "dept_handler"),
        ("POV@5111", "poverty_office"),
    ):
        answered = await hooks.app.client.request(
            method,
            f"/api/v1/subscriptions/{endpoint.id}{path}",
            json=body,
            headers=hooks.app.headers(org, role),
        )
        assert answered.status_code == 404, org
    whole = f"/subscriptions/{endpoint.id}{path}"
    foreign_ops = await hooks.ops(method, whole, body, org="OPS@511133")
    assert foreign_ops.status_code == (403 if path in ("/secrets", "/test") else 404)
    unknown = await hooks.call(method, f"/subscriptions/{new_id()}{path}", body)
    assert unknown.status_code == 404


async def test_a_departments_operator_has_no_secrets_of_others(hooks: Hooks) -> None:
    endpoint = await hooks.open("/a")
    both = hooks.app.headers("HOUS@511132", "dept_handler", "ops")
    for method, path, status in (
        ("GET", "/deliveries", 200),
        ("POST", "/secrets", 404),
        ("POST", "/test", 404),
    ):
        whole = f"/api/v1/subscriptions/{endpoint.id}{path}"
        answered = await hooks.app.client.request(method, whole, headers=both)
        assert answered.status_code == status, path
    assert len(await hooks.fetch("SELECT FROM webhook_secrets")) == 1


async def test_an_operator_sees_how_many_wait_and_are_dead_of_live_webhooks(hooks: Hooks) -> None:
    endpoint = await dead_delivery(hooks)
    waiting = await hooks.subscribe("/b")
    await waiting.record(4)

    async def measured() -> tuple[int, int]:
        async with hooks.app.database.statement() as connection:
            return await measure_undelivered(connection)

    assert await measured() == (4, 1)
    for ended in (waiting, endpoint):
        assert (await ended.call("DELETE")).status_code == 204
    assert await measured() == (0, 0)


async def test_dead_deliveries_are_found_among_any_number_of_others(hooks: Hooks) -> None:
    endpoint = await hooks.subscribe("/a")
    await endpoint.record(5_000)
    await hooks.fetch(
        "UPDATE deliveries SET state = CASE WHEN position % 1000 = 0 THEN 'DEAD' ELSE 'DELIVERED'"
        " END, next_at = NULL"
    )
    await hooks.fetch("ANALYZE deliveries")
    statement = dead_statement("511132", PageRequest(None, 3))
    asked = statement.compile(
        dialect=hooks.app.database.engine.dialect, compile_kwargs={"literal_binds": True}
    )
    plan = await hooks.fetch(f"EXPLAIN {asked}")
    assert "deliveries_dead" in str(plan)


async def test_dead_deliveries_of_another_county_are_not_listed(hooks: Hooks) -> None:
    await dead_delivery(hooks)
    for org, seen in (("OPS@511133", 0), ("OPS@511132", 1), ("OPS@51", 1)):
        listed = await hooks.ops("GET", "/ops/dead-deliveries", org=org)
        assert len(listed.json()["items"]) == seen, org


async def test_a_subscription_of_another_channel_is_no_webhook(hooks: Hooks) -> None:
    made = await hooks.call("POST", "/subscriptions", {"channel": "SSE"})
    answered = await hooks.call("POST", f"/subscriptions/{made.json()['id']}/secrets")
    assert answered.status_code == 404


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("webhook_retry_seconds", []),
        ("webhook_retry_seconds", [0, -1]),
        ("webhook_in_flight", 0),
        ("webhook_per_second", -1),
        ("webhook_timeout_seconds", 0),
        ("webhook_timeout_seconds", 3600),
        ("webhook_circuit_failures", 0),
        ("webhook_suspension_hours", -1),
        ("stream_seconds", 0),
        ("stream_heartbeat_seconds", 0),
    ],
)
async def test_a_value_that_would_stop_or_flood_everything_is_refused(
    hooks: Hooks, key: str, value: Any
) -> None:
    answered = await hooks.app.client.put(
        f"/api/v1/config/51/{key}",
        json={"value": value, "effective_from": "2020-01-01"},
        headers=hooks.app.headers("OPS@51", "ops"),
    )
    assert answered.status_code == 422
    assert answered.json()["errors"][0]["code"] == "VALUE_INVALID"
