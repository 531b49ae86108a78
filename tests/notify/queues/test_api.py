"""Pull, lease, acknowledge, redeliver, bury, replay: a queue as its organisation sees it."""

import asyncio
import time
from typing import Any

import pytest

from services.notify.queues.commands.handing import PULL
from services.notify.queues.queries import WITH_WORK
from shared import clock
from shared.events.notify import NotificationAcked, NotificationDead
from shared.ids import new_id
from shared.messaging.running import pause
from tests.notify.conftest import LEAD, TOWNSHIP, VILLAGE, Notify, Story

NOON = "2086-03-02T12:00:{:02d}+08:00"


async def test_a_dispatched_problem_stands_in_the_lead_departments_queue(notify: Notify) -> None:
    story = Story()
    dispatched = story.tell()
    await notify.hear(dispatched)
    (message,) = await notify.queue().pull()
    assert message["event_id"] == str(dispatched.envelope.id)
    assert message["event_type"] == "inspection.problem.dispatched.v1"
    assert message["problem_id"] == str(story.problem_id)
    assert (message["kind"], message["due_on"]) == ("HOUSING_UNSAFE", "2086-04-01")
    assert (message["village_code"], message["delivery_count"]) == (VILLAGE, 1)
    payload = message["payload"]
    assert payload["object"] == {"type": "VILLAGE", "ref": VILLAGE}
    assert payload["place"] == "峨边彝族自治县宜坪乡桐花村"
    assert payload["required_plan_fields"] == [
        "target",
        "responsible_person",
        "measures",
        "progress_steps",
        "deadline",
    ]
    assert payload["link"] == f"/api/v1/problems/{story.problem_id}"
    assert payload["text"].startswith("峨边彝族自治县宜坪乡桐花村“住房安全无保障”问题由你单位牵头")
    assert payload["information"] is False


async def test_co_departments_and_the_township_get_a_copy_for_information(notify: Notify) -> None:
    await notify.hear(Story().tell())
    (lead,) = await notify.queue(LEAD).pull()
    for org, role in (("FIN@511132", "dept_handler"), (TOWNSHIP, "township_reviewer")):
        (copy,) = await notify.queue(org, role).pull()
        assert copy["payload"]["information"] is True
        assert copy["priority"] < lead["priority"]
        assert "required_plan_fields" not in copy["payload"]


async def test_an_acknowledged_message_never_comes_again(notify: Notify) -> None:
    await notify.hear(Story().tell())
    queue = notify.queue()
    (message,) = await queue.pull(NOON.format(0))
    assert (await queue.ack(message)).status_code == 204
    assert await queue.pull("2087-01-01T00:00:00+08:00") == []
    assert await queue.stats() == {"queued": 0, "leased": 0, "dead": 0}


async def test_a_second_acknowledgement_changes_nothing(notify: Notify) -> None:
    await notify.hear(Story().tell())
    queue = notify.queue()
    (message,) = await queue.pull()
    answers = await asyncio.gather(*(queue.ack(message) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [204] * 5
    assert len(await notify.app.events(NotificationAcked)) == 1


async def test_an_acknowledgement_is_published_with_the_event_it_answers(notify: Notify) -> None:
    story = Story()
    dispatched = story.tell()
    await notify.hear(dispatched)
    queue = notify.queue()
    (message,) = await queue.pull()
    await queue.ack(message)
    (acked,) = await notify.app.events(NotificationAcked)
    assert isinstance(acked, NotificationAcked)
    assert str(acked.message_id) == message["message_id"]
    assert acked.event_id == dispatched.envelope.id
    assert acked.event_type == "inspection.problem.dispatched.v1"
    assert (acked.organisation, acked.problem_id) == (LEAD, story.problem_id)


async def test_an_acknowledgement_leaves_an_audit_row(notify: Notify) -> None:
    await notify.hear(Story().tell())
    queue = notify.queue()
    (message,) = await queue.pull()
    await queue.ack(message)
    async with notify.app.database.statement() as connection:
        row = await connection.fetchrow("SELECT * FROM audit WHERE object_type = 'message'")
    assert row is not None
    assert (row["object_id"], row["action"]) == (message["message_id"], "ACK")
    assert (row["person"], row["organisation"]) == ("tester", LEAD)


async def test_what_was_never_handed_out_cannot_be_acknowledged(notify: Notify) -> None:
    await notify.hear(Story().tell())
    message_id = await only_message_id(notify)
    answer = await notify.queue().ack(message_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "STATE_CONFLICT")
    assert answer.json()["state"] == "QUEUED"


async def test_without_acknowledgement_a_message_returns_after_its_lease(notify: Notify) -> None:
    await notify.hear(Story().tell())
    queue = notify.queue()
    (first,) = await queue.pull(NOON.format(0), lease_seconds=30)
    assert await queue.pull(NOON.format(29)) == []
    assert await queue.stats(NOON.format(29)) == {"queued": 0, "leased": 1, "dead": 0}
    assert await queue.stats(NOON.format(30)) == {"queued": 1, "leased": 0, "dead": 0}
    (again,) = await queue.pull(NOON.format(30))
    assert again["message_id"] == first["message_id"]
    assert again["delivery_count"] == 2


async def test_a_lease_lasts_as_long_as_is_configured(notify: Notify) -> None:
    await notify.hear(Story().tell())
    answer = await notify.app.client.put(
        "/api/v1/config/511132/queue_lease_seconds",
        json={"value": 5, "effective_from": "2086-01-01"},
        headers=notify.app.headers("POV@511132", "poverty_office"),
    )
    assert answer.status_code == 200, answer.text
    queue = notify.queue()
    assert len(await queue.pull(NOON.format(0))) == 1
    assert await queue.pull(NOON.format(4)) == []
    assert len(await queue.pull(NOON.format(5))) == 1


async def test_a_late_acknowledgement_counts_as_long_as_nobody_gave_up(notify: Notify) -> None:
    await notify.hear(Story().tell())
    queue = notify.queue()
    (message,) = await queue.pull("2020-01-01T00:00:00+08:00", lease_seconds=1)
    assert (await queue.ack(message)).status_code == 204


async def fail_often(notify: Notify, times: int) -> dict[str, Any]:
    """Pull the only message `times` times without acknowledging it; its last delivery."""
    for minute in range(times):
        (message,) = await notify.queue().pull(f"2086-03-02T12:{minute:02d}:00+08:00")
    return message


async def test_after_ten_failures_a_message_is_dead_and_listed(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    message = await fail_often(notify, 10)
    assert message["delivery_count"] == 10
    queue = notify.queue()
    assert await queue.stats("2086-03-02T13:00:00+08:00") == {"queued": 0, "leased": 0, "dead": 1}
    assert await queue.pull("2086-03-02T13:00:00+08:00") == []
    (letter,) = (await notify.ops("GET", "/dead-letters")).json()["items"]
    assert (letter["id"], letter["org"]) == (message["message_id"], LEAD)
    assert (letter["problem_id"], letter["state"]) == (str(story.problem_id), "DEAD")
    (dead,) = await notify.app.events(NotificationDead)
    assert isinstance(dead, NotificationDead)
    assert (str(dead.message_id), dead.organisation) == (message["message_id"], LEAD)
    assert (await queue.ack(message)).json()["code"] == "STATE_CONFLICT"


async def test_a_replayed_dead_letter_starts_anew_in_its_queue(notify: Notify) -> None:
    await notify.hear(Story().tell())
    message = await fail_often(notify, 10)
    queue = notify.queue()
    assert await queue.pull("2086-03-02T13:00:00+08:00") == []
    path = f"/dead-letters/{message['message_id']}/replay"
    answer = await notify.ops("POST", path)
    assert (answer.status_code, answer.json()["state"]) == (200, "QUEUED")
    assert (await notify.ops("GET", "/dead-letters")).json()["items"] == []
    (again,) = await queue.pull()
    assert (again["message_id"], again["delivery_count"]) == (message["message_id"], 1)
    assert (await notify.ops("POST", path)).json()["code"] == "STATE_CONFLICT"
    assert (await queue.ack(again)).status_code == 204


async def test_what_fails_in_real_time_is_buried_without_another_pull(notify: Notify) -> None:
    await notify.hear(Story().tell())
    async with notify.app.database.statement() as connection:
        await connection.execute("UPDATE messages SET delivery_count = 9 WHERE org = $1", LEAD)
    await notify.queue().pull(lease_seconds=1)
    until = time.monotonic() + 10
    while not (letters := (await notify.ops("GET", "/dead-letters")).json()["items"]):
        assert time.monotonic() < until
        await pause(asyncio.Event(), 0.1)
    assert letters[0]["delivery_count"] == 10
    assert len(await notify.app.events(NotificationDead)) == 1


async def test_operators_see_and_replay_dead_letters_of_their_region_only(notify: Notify) -> None:
    await notify.hear(Story().tell())
    message = await fail_often(notify, 10)
    await notify.queue().pull("2086-03-02T13:00:00+08:00")
    foreign = await notify.ops("GET", "/dead-letters", org="OPS@5115")
    assert foreign.json() == {"items": [], "next_cursor": None}
    path = f"/dead-letters/{message['message_id']}/replay"
    assert (await notify.ops("POST", path, org="OPS@5115")).status_code == 404
    assert (await notify.ops("POST", f"/dead-letters/{new_id()}/replay")).status_code == 404
    assert len((await notify.ops("GET", "/dead-letters", org="OPS@511132")).json()["items"]) == 1


async def test_urgent_messages_come_first_and_copies_last(notify: Notify) -> None:
    copy = Story(lead_dept="EDU@511132", co_depts=[LEAD])
    normal, prominent = Story(), Story(severity="PROMINENT")
    await notify.hear(copy.tell(), normal.tell(), prominent.tell())
    pulled = await notify.queue().pull()
    assert [item["problem_id"] for item in pulled] == [
        str(story.problem_id) for story in (prominent, normal, copy)
    ]


async def test_no_more_messages_come_than_asked_for(notify: Notify) -> None:
    await notify.hear(*(Story().tell() for _ in range(5)))
    queue = notify.queue()
    assert len(await queue.pull(max=3)) == 3
    assert len(await queue.pull(max=3)) == 2
    assert await queue.stats() == {"queued": 0, "leased": 5, "dead": 0}


@pytest.mark.parametrize(
    "body",
    [{"max": 0}, {"max": 101}, {"wait_seconds": 21}, {"wait_seconds": -1}, {"lease_seconds": 0}],
)
async def test_a_pull_beyond_its_bounds_is_refused(notify: Notify, body: dict[str, Any]) -> None:
    answer = await notify.queue().answer(**body)
    assert (answer.status_code, answer.json()["code"]) == (422, "OUT_OF_RANGE")


async def test_the_messages_of_a_problem_come_together_in_their_order(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell(), story.move())
    pulled = await notify.queue().pull()
    assert [item["payload"]["purpose"] for item in pulled] == ["DISPATCH", "DUE_CHANGED"]


async def test_a_later_message_waits_for_the_acknowledgement_of_the_earlier(
    notify: Notify,
) -> None:
    story, other = Story(), Story()
    await notify.hear(story.tell())
    queue = notify.queue()
    (first,) = await queue.pull(NOON.format(0), lease_seconds=10)
    await notify.hear(story.move(), other.tell())
    (unrelated,) = await queue.pull(NOON.format(1))
    assert unrelated["problem_id"] == str(other.problem_id)
    both = await queue.pull(NOON.format(11), max=1)
    assert [item["message_id"] for item in both] == [first["message_id"]]
    assert await queue.pull(NOON.format(12)) == []
    await queue.ack(first)
    (second,) = await queue.pull(NOON.format(13))
    assert second["payload"]["purpose"] == "DUE_CHANGED"


async def test_a_redelivered_message_brings_the_later_ones_along(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    queue = notify.queue()
    await queue.pull(NOON.format(0), lease_seconds=10)
    await notify.hear(story.move())
    pulled = await queue.pull(NOON.format(10))
    assert [item["payload"]["purpose"] for item in pulled] == ["DISPATCH", "DUE_CHANGED"]
    assert [item["delivery_count"] for item in pulled] == [2, 1]


async def test_twenty_pulls_at_once_never_hand_out_a_message_twice(notify: Notify) -> None:
    stories = [Story() for _ in range(300)]
    await notify.hear(*(story.tell() for story in stories))
    await notify.hear(*(story.move() for story in stories))
    queue = notify.queue()
    pulls = await asyncio.gather(*(queue.pull(max=40) for _ in range(20)))
    handed = [item["message_id"] for items in pulls for item in items]
    assert len(handed) == len(set(handed))
    for items in pulls:  # of one problem together and in order, or the later one not at all
        purposes: dict[str, list[str]] = {}
        for item in items:
            purposes.setdefault(item["problem_id"], []).append(item["payload"]["purpose"])
        assert all(
            seen in (["DISPATCH"], ["DISPATCH", "DUE_CHANGED"]) for seen in purposes.values()
        )
    drained = await queue.drain()
    assert not set(handed) & {item["message_id"] for item in drained}


async def test_many_consumers_empty_a_queue_exactly_once(notify: Notify) -> None:
    await notify.hear(*(Story().tell() for _ in range(400)))
    queue = notify.queue()
    drained = await asyncio.gather(*(queue.drain() for _ in range(8)))
    handed = [item["message_id"] for items in drained for item in items]
    assert len(handed) == len(set(handed)) == 400


@pytest.mark.parametrize("org", ["EDU@511132", "HOUS@511133", "TOWN@511132201", "POV@511132"])
async def test_a_neighbours_queue_does_not_exist(notify: Notify, org: str) -> None:
    await notify.hear(Story().tell())
    headers = notify.app.headers(org, "dept_handler", "poverty_office", "township_reviewer")
    client, base = notify.app.client, f"/api/v1/queues/{LEAD}"
    message_id = await only_message_id(notify)
    answers = [
        await client.post(f"{base}/pull", json={}, headers=headers),
        await client.post(f"{base}/messages/{message_id}/ack", headers=headers),
        await client.get(f"{base}/stats", headers=headers),
        await client.post(f"/api/v1/queues/{org}/messages/{message_id}/ack", headers=headers),
    ]
    assert [answer.json()["code"] for answer in answers] == ["NOT_FOUND"] * 4


async def test_operators_read_the_figures_of_their_region_but_take_nothing(
    notify: Notify,
) -> None:
    await notify.hear(Story().tell())
    client, path = notify.app.client, f"/api/v1/queues/{LEAD}"
    ops = notify.app.headers("OPS@51", "ops")
    assert (await client.get(f"{path}/stats", headers=ops)).json()["queued"] == 1
    assert (await client.post(f"{path}/pull", json={}, headers=ops)).status_code == 404
    foreign = notify.app.headers("OPS@5115", "ops")
    assert (await client.get(f"{path}/stats", headers=foreign)).status_code == 404


async def test_others_are_kept_from_the_operators_calls(notify: Notify) -> None:
    client, headers = notify.app.client, notify.app.headers("POV@511132", "poverty_office")
    assert (await client.get("/api/v1/ops/dead-letters", headers=headers)).status_code == 403
    path = f"/api/v1/ops/dead-letters/{new_id()}/replay"
    assert (await client.post(path, headers=headers)).status_code == 403


async def only_message_id(notify: Notify) -> str:
    """The id of the one message in the lead department's queue."""
    async with notify.app.database.statement() as connection:
        return str(
            await connection.fetchval("SELECT message_id FROM messages WHERE org = $1", LEAD)
        )


async def test_a_pull_reads_the_head_of_the_queue_however_long_it_is(notify: Notify) -> None:
    await notify.hear(Story().tell())
    async with notify.app.database.driver_transaction() as connection:
        await connection.execute(
            """
            INSERT INTO messages (message_id, event_id, org, problem_id, purpose, information,
                                  priority)
            SELECT gen_random_uuid(), gen_random_uuid(), $1, gen_random_uuid(), 'DISPATCH', false, 5
              FROM generate_series(1, 20000)
            """,
            LEAD,
        )
        await connection.execute("ANALYZE messages")
        now = clock.now()
        rows = await connection.fetch("EXPLAIN " + PULL, LEAD, 100, now, now, 10, False)
        looking = await connection.fetch("EXPLAIN " + WITH_WORK, [LEAD, TOWNSHIP], now)
    for plan in ("\n".join(row[0] for row in found) for found in (rows, looking)):
        assert "using messages_queued" in plan
        assert "using messages_leased" in plan
        assert "Seq Scan on messages" not in plan
