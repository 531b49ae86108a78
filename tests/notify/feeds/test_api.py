"""Subscriptions as organisations make and change them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.pool import QueuePool

import shared.egress
from services.notify.feeds.api import subscribable_events
from services.notify.feeds.commands import reinstate
from services.notify.feeds.queries import get_subscription, of_organisation
from shared import clock
from shared.events.notify import (
    SubscriptionChanged,
    SubscriptionCreated,
    SubscriptionDeleted,
    SubscriptionEvent,
)
from tests.faults.stage import until
from tests.notify.conftest import Notify, Story
from tests.notify.feeds.conftest import MANDATORY, OFFICE, Subscriber, kept

ADDRESS = "https://1.1.1.1/bangfu?token=secret"


async def webhook(subscriber: Subscriber, target: str | None = ADDRESS) -> Any:
    """The answer to making a webhook."""
    return await subscriber.call("POST", "", {"channel": "WEBHOOK", "target": target})


async def made_webhook(subscriber: Subscriber) -> dict[str, Any]:
    """A new webhook."""
    answer = await webhook(subscriber)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def activate(notify: Notify, subscription: dict[str, Any]) -> None:
    """The webhook's test succeeds."""
    async with notify.app.database.transaction() as session:
        row = await get_subscription(
            session, of_organisation(subscription["org"]), subscription["id"], for_update=True
        )
        await reinstate(session, row, clock.now())


async def test_a_subscription_says_what_was_asked_for(office: Subscriber) -> None:
    filters: dict[str, Any] = {
        "kinds": ["WATER_UNSAFE", "HOUSING_UNSAFE"],
        "region_prefix": "511132201",
        "tiers": ["IMMEDIATE"],
        "severities": ["PROMINENT"],
        "states": ["CLOSED"],
        "event_types": ["inspection.problem.closed.v1"],
    }
    view = await office.subscribe("SSE", **filters)
    assert view["filters"] == filters | {"kinds": ["HOUSING_UNSAFE", "WATER_UNSAFE"]}
    assert (view["org"], view["channel"], view["state"]) == (OFFICE, "SSE", "ACTIVE")
    assert (view["target"], view["version"], view["mandatory"]) == (None, 1, False)
    assert (await office.call("GET", f"/{view['id']}")).json() == view


async def test_only_the_own_organisation_can_be_named(office: Subscriber) -> None:
    body = {"channel": "QUEUE", "filters": {}}
    assert (await office.call("POST", "", body | {"org": OFFICE})).status_code == 201
    for other in ("HOUS@511132", "POV@511133"):
        assert (await office.call("POST", "", body | {"org": other})).status_code == 404


@pytest.mark.parametrize(
    ("filters", "field", "code"),
    [
        ({"kinds": ["NONSENSE"]}, "filters.kinds", "KIND_UNKNOWN"),
        ({"tiers": ["SOON"]}, "filters.tiers", "TIER_UNKNOWN"),
        ({"severities": ["SEVERE"]}, "filters.severities", "SEVERITY_UNKNOWN"),
        ({"states": ["DONE"]}, "filters.states", "STATE_UNKNOWN"),
        (
            {"event_types": ["funds.payment.paid.v1"]},
            "filters.event_types",
            "EVENT_TYPE_UNKNOWN",
        ),
        ({"region_prefix": "511133"}, "filters.region_prefix", "REGION_OUTSIDE"),
        ({"region_prefix": "51"}, "filters.region_prefix", "REGION_OUTSIDE"),
        ({"region_prefix": "51113"}, "filters.region_prefix", "REGION_CODE_INVALID"),
    ],
)
async def test_filters_that_name_nothing_are_refused_by_field(
    office: Subscriber, filters: dict[str, Any], field: str, code: str
) -> None:
    subscription = await office.subscribe()
    for method, path, body in (
        ("POST", "", {"channel": "QUEUE"}),
        ("PATCH", f"/{subscription['id']}", {"version": 1}),
    ):
        answer = await office.call(method, path, body | {"filters": filters})
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert (error["field"], error["code"]) == (field, code)
        assert "NONSENSE" not in answer.text


async def test_only_a_webhook_has_a_target_and_needs_one(office: Subscriber) -> None:
    for channel in ("QUEUE", "SSE", "KAFKA"):
        body = {"channel": channel, "target": ADDRESS}
        answer = await office.call("POST", "", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "TARGET_NOT_CHOOSABLE")
    missing = await webhook(office, None)
    assert missing.json()["code"] == "TARGET_REQUIRED"
    inside = await webhook(office, "https://127.0.0.1/hook")
    assert (inside.status_code, inside.json()["code"]) == (422, "TARGET_REFUSED")
    stream = await office.subscribe("SSE")
    moved = await office.call("PATCH", f"/{stream['id']}", {"version": 1, "target": ADDRESS})
    assert moved.json()["code"] == "TARGET_NOT_CHOOSABLE"


async def test_a_webhook_waits_for_its_test_and_again_after_it_has_moved(
    notify: Notify, office: Subscriber
) -> None:
    view = await made_webhook(office)
    assert (view["state"], view["reason"], view["target"]) == ("SUSPENDED", "UNTESTED", ADDRESS)
    refused = await office.call("PATCH", f"/{view['id']}", {"version": 1, "state": "ACTIVE"})
    assert (refused.status_code, refused.json()["code"]) == (409, "STATE_CONFLICT")
    await notify.hear(Story().tell())
    assert [state for *_, state in await kept(notify, view)] == ["PENDING"]

    await activate(notify, view)
    tested = (await office.call("GET", f"/{view['id']}")).json()
    assert (tested["state"], tested["reason"], tested["version"]) == ("ACTIVE", None, 2)
    moved = await office.change(tested, target="https://8.8.8.8/bangfu")
    assert (moved["state"], moved["reason"]) == ("SUSPENDED", "UNTESTED")


async def test_where_a_webhook_leads_is_told_to_its_owner_alone(
    notify: Notify, office: Subscriber
) -> None:
    view = await made_webhook(office)
    await office.change(view, target=ADDRESS + "2")
    operator = Subscriber(notify, "OPS@5111", "ops")
    seen = (await operator.call("GET", f"/{view['id']}")).json()
    assert seen["target"] == "1.1.1.1"
    async with notify.app.database.statement() as connection:
        for table in ("outbox", "audit"):
            rows = await connection.fetch(f"SELECT t::text FROM {table} t")
            assert rows
            assert "secret" not in str(rows)


async def test_pausing_and_going_on(office: Subscriber) -> None:
    view = await office.subscribe("SSE")
    paused = await office.change(view, state="PAUSED")
    assert (paused["state"], paused["version"]) == ("PAUSED", 2)
    same = await office.change(paused, state="PAUSED", filters=paused["filters"])
    assert same["version"] == 2, "nothing has changed"
    again = await office.change(paused, state="ACTIVE", filters={"kinds": ["STYLE"]})
    assert (again["state"], again["version"]) == ("ACTIVE", 3)


async def test_a_change_to_what_is_no_longer_so_is_refused(office: Subscriber) -> None:
    view = await office.subscribe()
    await office.change(view, state="PAUSED")
    stale = await office.call("PATCH", f"/{view['id']}", {"version": 1, "state": "ACTIVE"})
    assert (stale.status_code, stale.json()["code"]) == (409, "VERSION_CONFLICT")
    assert stale.json()["version"] == 2


async def test_an_ended_subscription_is_kept_but_no_longer_listed(office: Subscriber) -> None:
    view = await office.subscribe()
    await office.end(view)
    listed = (await office.call("GET")).json()["items"]
    assert view["id"] not in [item["id"] for item in listed]
    ended = (await office.call("GET", f"/{view['id']}")).json()
    assert (ended["state"], ended["version"]) == ("DELETED", 2)
    for method, body in (("DELETE", None), ("PATCH", {"version": 2, "state": "PAUSED"})):
        answer = await office.call(method, f"/{view['id']}", body)
        assert (answer.status_code, answer.json()["code"]) == (409, "STATE_CONFLICT")


async def test_the_mandatory_subscription_comes_first_and_stays(housing: Subscriber) -> None:
    others = [await housing.subscribe() for _ in range(3)]
    page = (await housing.call("GET", "?limit=2")).json()
    first, second = page["items"]
    assert (first["mandatory"], first["channel"], first["state"]) == (True, "QUEUE", "ACTIVE")
    assert second["id"] == others[0]["id"]
    rest = (await housing.call("GET", f"?limit=2&cursor={page['next_cursor']}")).json()
    assert [item["id"] for item in rest["items"]] == [one["id"] for one in others[1:]]
    assert rest["next_cursor"] is None
    assert (await housing.call("GET", f"/{first['id']}")).json() == first
    for method, body in (
        ("PATCH", {"version": 1, "state": "PAUSED"}),
        ("DELETE", None),
    ):
        answer = await housing.call(method, f"/{first['id']}", body)
        assert (answer.status_code, answer.json()["code"]) == (409, MANDATORY)


@pytest.mark.parametrize("foreign", ["POV@511133", "HOUS@511132", "POV@5111"])
async def test_nobody_sees_or_changes_anothers_subscription(
    notify: Notify, office: Subscriber, foreign: str
) -> None:
    view = await office.subscribe()
    other = Subscriber(notify, foreign)
    mandatory = (await other.call("GET")).json()["items"][0]
    for path in (view["id"], mandatory["id"].replace(mandatory["id"][-4:], "0000")):
        for method, body in (
            ("GET", None),
            ("PATCH", {"version": 1, "state": "PAUSED"}),
            ("DELETE", None),
        ):
            assert (await other.call(method, f"/{path}", body)).status_code == 404
    assert [item["mandatory"] for item in (await other.call("GET")).json()["items"]] == [True]
    assert (await office.call("GET", f"/{mandatory['id']}")).status_code == 404


async def test_operators_see_the_subscriptions_of_their_region(
    notify: Notify, office: Subscriber
) -> None:
    view = await office.subscribe()
    for org, seen in (("OPS@51", True), ("OPS@511132", True), ("OPS@511133", False)):
        operator = Subscriber(notify, org, "ops")
        listed = [item["id"] for item in (await operator.call("GET")).json()["items"]]
        assert (listed == [view["id"]]) is seen
        status = (await operator.call("GET", f"/{view['id']}")).status_code
        assert status == (200 if seen else 404)
        assert (await operator.call("DELETE", f"/{view['id']}")).status_code == 403


@pytest.mark.parametrize("role", ["village_cadre", "helper", "ops", "inspector"])
async def test_who_works_no_queue_subscribes_to_nothing(notify: Notify, role: str) -> None:
    answer = await Subscriber(notify, OFFICE, role).call("POST", "", {"channel": "QUEUE"})
    assert answer.status_code == 403


async def test_an_organisation_has_so_many_subscriptions_at_most(
    notify: Notify, office: Subscriber
) -> None:
    operator = notify.app.headers("OPS@511132", "ops")
    stored = await notify.app.client.put(
        "/api/v1/config/511132/subscription_limit",
        json={"value": 3, "effective_from": "2086-01-01"},
        headers=operator,
    )
    assert stored.status_code == 200, stored.text
    answers = await asyncio.gather(
        *(office.call("POST", "", {"channel": "QUEUE"}) for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 409, 409]
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (refused["code"], refused["limit"]) == ("SUBSCRIPTION_LIMIT", 3)
    one = next(answer.json() for answer in answers if answer.status_code == 201)
    await office.end(one)
    await office.subscribe()


async def test_the_same_request_subscribes_once(office: Subscriber) -> None:
    body = {"channel": "QUEUE"}
    key = {"Idempotency-Key": "once"}
    first = await office.call("POST", "", body, **key)
    assert (await office.call("POST", "", body, **key)).json() == first.json()
    assert len((await office.call("GET")).json()["items"]) == 2


async def test_every_change_is_published_and_audited(notify: Notify, office: Subscriber) -> None:
    view = await made_webhook(office)
    await activate(notify, view)
    await office.change(view | {"version": 2}, filters={"severities": ["PROMINENT"]})
    await office.end(view)
    events = await notify.app.events(SubscriptionEvent)
    assert [type(event) for event in events] == [
        SubscriptionCreated,
        SubscriptionChanged,
        SubscriptionChanged,
        SubscriptionDeleted,
    ]
    assert [event.version for event in events if isinstance(event, SubscriptionEvent)] == [
        1, 2, 3, 4
    ]  # fmt: skip
    async with notify.app.database.statement() as connection:
        rows = await connection.fetch(
            "SELECT action, person FROM audit WHERE object_type = 'subscription' ORDER BY id"
        )
    assert [tuple(row) for row in rows] == [
        ("CREATE", "tester"),
        ("REINSTATE", "system:notify"),
        ("CHANGE", "tester"),
        ("DELETE", "tester"),
    ]


def test_problems_and_cases_can_be_subscribed_to_and_nothing_else() -> None:
    types = subscribable_events()
    assert {"inspection.problem.overdue.v1", "inspection.accountability.opened.v1"} <= types
    assert {name.rsplit(".", 2)[0] for name in types} == {
        "inspection.problem",
        "inspection.accountability",
    }


NAMED = {"channel": "WEBHOOK", "target": "https://receiver.example/hook"}


async def test_no_connection_is_held_while_a_name_is_looked_up(
    notify: Notify, office: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = await made_webhook(office)
    asked, answered = [], asyncio.Event()

    async def slowly(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        await answered.wait()
        return ["8.8.8.8"]

    monkeypatch.setattr(shared.egress, "look_up", slowly)
    move = {"version": view["version"], "target": NAMED["target"]}
    calls = [
        *(office.call("POST", "", NAMED, **{"Idempotency-Key": f"slow-{n}"}) for n in range(3)),
        office.call("PATCH", f"/{view['id']}", move),
    ]
    waiting = asyncio.gather(*calls)

    async def all_asked() -> bool:
        return len(asked) == len(calls)

    await until(all_asked, 10, "all are being looked up")
    pool = notify.app.database.engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.checkedout() == 0
    answered.set()
    assert [answer.status_code for answer in await waiting] == [201, 201, 201, 200]


async def test_a_repeated_request_is_answered_although_its_name_is_gone(
    office: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = ["8.8.8.8"]

    async def look_up(_host: str, _port: int) -> Sequence[str]:
        return addresses

    monkeypatch.setattr(shared.egress, "look_up", look_up)
    key = {"Idempotency-Key": "named"}
    first = await office.call("POST", "", NAMED, **key)
    assert first.status_code == 201, first.text
    addresses.clear()
    again = await office.call("POST", "", NAMED, **key)
    assert (again.status_code, again.json()) == (201, first.json())
    other = await office.call("POST", "", NAMED)
    assert (other.status_code, other.json()["code"]) == (422, "TARGET_UNRESOLVED")


async def test_who_may_not_subscribe_has_no_name_looked_up(
    notify: Notify, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def look_up(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return []

    monkeypatch.setattr(shared.egress, "look_up", look_up)
    cadre = Subscriber(notify, role="village_cadre")
    assert (await cadre.call("POST", "", NAMED)).status_code == 403
    assert asked == []


async def test_who_delivers_is_told_of_every_change(notify: Notify, office: Subscriber) -> None:
    told: list[object] = []
    connection = await notify.app.database.connect()
    try:
        await connection.add_listener("feeds", lambda *news: told.append(news[-1]))
        view = await office.subscribe("SSE")
        paused = await office.change(view, state="PAUSED")
        await office.change(paused, state="ACTIVE")
        await office.end(view)

        async def four_times() -> bool:
            return told == [view["id"]] * 4

        await until(four_times, 5, "told")
    finally:
        connection.terminate()
