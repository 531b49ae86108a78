"""A stream as its subscriber sees it: what comes, in which order, from where, and why it ends."""

import json
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from services.notify.feeds.domain import mandatory_id
from services.notify.streams.queries import FRAMES_AT_ONCE
from services.notify.streams.tails import FRAMES_KEPT, tails_of
from shared.events.base import Received, decode
from shared.ids import new_id
from shared.testing import recorded_envelopes
from tests.notify.conftest import LEAD, Story
from tests.notify.streams.conftest import Streams
from tests.notify.streams.listener import Event
from tests.notify.streams.recording import DISPATCHED, problem
from tests.shared.messaging.loops import until

NEIGHBOUR = "HOUS@511133"
# The connection that reads what was recorded, and listens.
LOSE_CONNECTION = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = current_database() AND query LIKE '%json_to_record%' AND pid <> pg_backend_pid()
"""


def ids(events: list[Event]) -> list[str]:
    """The events' own ids, in the order they came."""
    return [json.loads(event.data)["event_id"] for event in events]


def times_slow() -> float:
    """How often a stream has fallen behind what is kept in memory."""
    return REGISTRY.get_sample_value("bangfu_stream_slow_total") or 0


async def test_an_event_is_sent_as_soon_as_it_is_recorded(streams: Streams) -> None:
    subscription = await streams.subscribe()
    listener = await streams.listen(subscription)
    said = problem()
    (event_id,) = await streams.record(subscription, **said)
    (event,) = await listener.until(1)
    assert (event.id, event.type) == ("1", DISPATCHED)
    data = json.loads(event.data)
    assert data.pop("at")
    assert data == {
        "event_id": str(event_id),
        "event_type": DISPATCHED,
        "problem_id": said["problem_id"],
        "problem_no": said["problem_no"],
        "kind": "HOUSING_UNSAFE",
        "tier": "GENERAL",
        "severity": "GENERAL",
        "state": "DISPATCHED",
        "due_on": "2086-04-01",
        "village_code": "511132201205",
        "link": f"/api/v1/problems/{said['problem_id']}",
        "position": 1,
    }


async def test_proxies_are_told_to_pass_a_stream_on_unbuffered(streams: Streams) -> None:
    listener = await streams.listen(await streams.subscribe())
    assert listener.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert listener.headers["cache-control"] == "no-cache"
    assert listener.headers["x-accel-buffering"] == "no"
    assert listener.headers["connection"] == "close"  # nothing else comes on it after the end
    assert listener.parser.retry_milliseconds == 2000


async def test_every_client_gets_every_event_once_and_in_order(streams: Streams) -> None:
    subscription, other = await streams.subscribe(), await streams.subscribe()
    listeners = [await streams.listen(subscription) for _ in range(3)]
    stranger = await streams.listen(other)
    recorded = [str(one) for one in await streams.record(subscription, 120)]
    for listener in listeners:
        assert ids(await listener.until(120)) == recorded
    assert stranger.events == []


async def test_without_a_last_event_id_a_stream_begins_with_what_comes_next(
    streams: Streams,
) -> None:
    subscription = await streams.subscribe()
    await streams.record(subscription, 3)
    listener = await streams.listen(subscription)
    assert listener.parser.last_event_id == "3"  # so that one cut off now resumes from here
    await streams.record(subscription)
    assert [event.id for event in await listener.until(1)] == ["4"]


async def test_a_stream_begins_with_the_oldest_event_kept_when_asked_to(streams: Streams) -> None:
    subscription = await streams.subscribe()
    recorded = [str(one) for one in await streams.record(subscription, 5)]
    await streams.execute("DELETE FROM deliveries WHERE position <= 2")
    listener = await streams.listen(subscription, query="?from=start")
    assert ids(await listener.until(3)) == recorded[2:]


@pytest.mark.parametrize("way", ["header", "query"])
async def test_a_client_that_comes_back_gets_what_it_has_missed(streams: Streams, way: str) -> None:
    subscription = await streams.subscribe()
    recorded = [str(one) for one in await streams.record(subscription, 2 * FRAMES_AT_ONCE + 7)]
    seen = ("4", "") if way == "header" else ("", "?last_event_id=4")
    listener = await streams.listen(subscription, seen[0], query=seen[1])
    assert ids(await listener.until(len(recorded) - 4)) == recorded[4:]
    await streams.record(subscription)
    assert (await listener.until(len(recorded) - 3))[-1].id == str(len(recorded) + 1)


async def test_who_has_been_away_for_too_long_is_told_what_is_gone(streams: Streams) -> None:
    subscription = await streams.subscribe()
    recorded = [str(one) for one in await streams.record(subscription, 6)]
    await streams.execute("DELETE FROM deliveries WHERE position <= 4")
    listener = await streams.listen(subscription, "1")
    gap, *events = await listener.until(3)
    assert (gap.type, gap.id, json.loads(gap.data)) == ("gap", "4", {"after": 1, "oldest": 5})
    assert ids(events) == recorded[4:]


async def test_who_has_seen_none_of_what_was_kept_is_told_although_nothing_is_left(
    streams: Streams,
) -> None:
    subscription = await streams.subscribe()
    await streams.record(subscription, 6)
    await streams.execute("DELETE FROM deliveries")
    listener = await streams.listen(subscription, "1")
    (gap,) = await listener.until(1)
    assert (gap.type, json.loads(gap.data)) == ("gap", {"after": 1, "oldest": 7})
    await streams.record(subscription)
    assert (await listener.until(2))[-1].id == "7"


async def test_who_resumes_on_a_rebuilt_store_is_told_that_it_is_another(streams: Streams) -> None:
    notify = streams.notify
    created = await notify.app.client.post(
        "/api/v1/subscriptions",
        json={"channel": "SSE"},
        headers=notify.app.headers(LEAD, "dept_handler"),
    )
    heard = [Story().tell() for _ in range(3)]
    await notify.hear(*heard)
    [envelope] = [
        one
        for one in await recorded_envelopes(notify.app.database)
        if one.topic == "notify.subscription"
    ]
    await streams.execute(
        "TRUNCATE subscriptions, subscription_versions, deliveries, messages, happenings,"
        " problems, reminders, inbox, inbox_cursor"
    )
    await notify.hear(Received(decode(envelope), envelope), *heard)
    # Its second event may be another one by now: it must not be taken for one seen already.
    listener = await streams.listen(UUID(created.json()["id"]), "2")
    gap, *events = await listener.until(4)
    oldest = int(events[0].id)
    assert (gap.type, json.loads(gap.data)) == ("gap", {"after": 2, "oldest": oldest})
    assert sorted(ids(events)) == sorted(str(one.envelope.id) for one in heard)
    assert [int(event.id) - oldest for event in events] == [0, 1, 2]


async def test_what_is_deleted_while_a_stream_is_paused_leaves_a_gap(streams: Streams) -> None:
    subscription = await streams.subscribe()
    listener = await streams.listen(subscription)
    await streams.become(subscription, "PAUSED")
    await streams.record(subscription, 5)
    await streams.execute("DELETE FROM deliveries WHERE position <= 3")
    await streams.become(subscription, "ACTIVE")
    gap, *events = await listener.until(3)
    assert (gap.type, json.loads(gap.data)) == ("gap", {"after": 0, "oldest": 4})
    assert [event.id for event in events] == ["4", "5"]


async def test_a_paused_subscription_sends_nothing_until_it_is_resumed(streams: Streams) -> None:
    await streams.configure("stream_heartbeat_seconds", 1)
    subscription = await streams.subscribe()
    await streams.become(subscription, "PAUSED")
    listener = await streams.listen(subscription)
    recorded = [str(one) for one in await streams.record(subscription, FRAMES_AT_ONCE + 3)]
    await listener.beats(2)
    assert listener.events == []
    await streams.become(subscription, "ACTIVE")
    assert ids(await listener.until(len(recorded))) == recorded


@pytest.mark.parametrize("state", ["DELETED", "SUSPENDED"])
async def test_a_stream_ends_with_its_subscription(streams: Streams, state: str) -> None:
    subscription = await streams.subscribe()
    listener = await streams.listen(subscription)
    await streams.record(subscription)
    await listener.until(1)
    await streams.become(subscription, state)
    *_, last = await listener.ended()
    assert (last.type, json.loads(last.data)) == ("end", {"reason": state})
    assert last.id == "1"
    assert not listener.broken
    code = {"DELETED": (404, "NOT_FOUND"), "SUSPENDED": (409, "SUBSCRIPTION_SUSPENDED")}[state]
    assert await streams.refusal(subscription) == code


async def test_a_stream_ends_when_its_time_is_up_and_goes_on_where_it_was(streams: Streams) -> None:
    await streams.configure("stream_seconds", 1)
    subscription = await streams.subscribe()
    listener = await streams.listen(subscription)
    await streams.record(subscription)
    *_, last = await listener.ended()
    assert (last.type, json.loads(last.data)) == ("end", {"reason": "EXPIRED"})
    await streams.record(subscription)
    again = await streams.listen(subscription, listener.parser.last_event_id)
    assert [event.id for event in await again.until(1)] == ["2"]


async def test_what_nobody_was_notified_of_is_found_all_the_same(streams: Streams) -> None:
    subscription = await streams.subscribe()
    listener = await streams.listen(subscription)

    async def connection_lost() -> bool:
        return bool(await streams.fetch(LOSE_CONNECTION))

    await until(connection_lost)
    recorded = [str(one) for one in await streams.record(subscription, 3)]
    assert ids(await listener.until(3)) == recorded


async def test_nothing_is_kept_of_a_client_that_has_gone(streams: Streams) -> None:
    subscription = await streams.subscribe()
    listener = await streams.listen(subscription)
    tails = tails_of(streams.notify.app.runtime)
    assert tails.followed == {subscription}
    await listener.close()

    async def forgotten() -> bool:
        return not tails.followed

    await until(forgotten)


async def test_a_slow_client_delays_nobody_and_misses_nothing(streams: Streams) -> None:
    subscription = await streams.subscribe()
    slow = await streams.ask(subscription)
    quick = await streams.listen(subscription)
    before = times_slow()
    events = 5 * FRAMES_KEPT  # more than the sockets between them hold
    recorded = [str(one) for one in await streams.record(subscription, events)]
    assert ids(await quick.until(events)) == recorded
    assert ids(await slow.read().until(events, 30)) == recorded
    assert times_slow() == before + 1


async def test_a_neighbours_subscription_is_not_found(streams: Streams) -> None:
    subscription = await streams.subscribe(NEIGHBOUR)
    assert await streams.refusal(subscription) == (404, "NOT_FOUND")
    assert await streams.refusal(new_id()) == (404, "NOT_FOUND")
    assert await streams.refusal("none") == (422, "ID_INVALID")


async def test_a_role_without_a_queue_has_no_streams(streams: Streams) -> None:
    subscription = await streams.subscribe()
    assert await streams.refusal(subscription, role="village_cadre") == (403, "FORBIDDEN")


@pytest.mark.parametrize("channel", ["QUEUE", "WEBHOOK", "KAFKA"])
async def test_a_subscription_of_another_channel_is_no_stream(
    streams: Streams, channel: str
) -> None:
    subscription = await streams.subscribe(channel=channel)
    assert await streams.refusal(subscription) == (409, "CHANNEL_NOT_SSE")


async def test_the_mandatory_subscription_is_no_stream(streams: Streams) -> None:
    assert await streams.refusal(mandatory_id(LEAD)) == (409, "CHANNEL_NOT_SSE")


async def test_a_stream_follows_what_its_owner_decides(streams: Streams) -> None:
    client, headers = streams.notify.app.client, streams.notify.app.headers(LEAD, "dept_handler")
    created = await client.post(
        "/api/v1/subscriptions",
        json={"channel": "SSE", "filters": {"kinds": ["WATER_UNSAFE"]}},
        headers=headers | {"Idempotency-Key": "stream"},
    )
    subscription = created.json()["id"]
    listener = await streams.listen(UUID(subscription))

    async def change(state: str, version: int) -> None:
        body = {"version": version, "state": state}
        path = f"/api/v1/subscriptions/{subscription}"
        answer = await client.patch(path, json=body, headers=headers)
        assert answer.status_code == 200, answer.text

    story, other = Story(kind="WATER_UNSAFE"), Story()
    heard = [story.tell(), other.tell(), story.move()]
    await streams.notify.hear(*heard[:2])
    await listener.until(1)
    await change("PAUSED", created.json()["version"])
    await streams.notify.hear(heard[2])
    assert len(listener.events) == 1
    await change("ACTIVE", created.json()["version"] + 1)
    assert ids(await listener.until(2)) == [str(heard[n].envelope.id) for n in (0, 2)]
    await client.delete(f"/api/v1/subscriptions/{subscription}", headers=headers)
    *_, last = await listener.ended()
    assert json.loads(last.data) == {"reason": "DELETED"}


@pytest.mark.parametrize("last_event_id", ["abc", "-1", "1.0", "1 ", "٣", "9" * 19])
async def test_a_last_event_id_must_be_a_position(streams: Streams, last_event_id: str) -> None:
    subscription = await streams.subscribe()
    query = f"?last_event_id={last_event_id}"
    assert await streams.refusal(subscription, query=query) == (422, "LAST_EVENT_ID_INVALID")


async def test_a_last_event_id_must_have_been_recorded(streams: Streams) -> None:
    subscription = await streams.subscribe()
    await streams.record(subscription, 2)
    refused = await streams.refusal(subscription, **{"Last-Event-ID": "3"})
    assert refused == (409, "POSITION_AHEAD")
