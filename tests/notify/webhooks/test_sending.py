"""How deliveries go out: in order, again when they fail, and from one process at a time."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from time import monotonic

import pytest

from services.notify.webhooks import posting
from services.notify.webhooks.sending import Sender
from shared.database import Connection
from tests.conftest import Start
from tests.faults.receiver import answer, delayed, redirect, reset, silence
from tests.faults.stage import until
from tests.notify.webhooks.endpoints import Endpoint, Hooks, running_hooks

SOON = (0, 0.3, 0.3, 0.3)


@pytest.fixture
async def quiet_hooks(start: Start, field_key_file: Path) -> AsyncIterator[Hooks]:
    """notify without a sender."""
    async with running_hooks(start, field_key_file, sends=False) as running:
        await running.configure(per_second=0)
        yield running


class CrashingSender(Sender):
    """Ends as a killed process does: its connection is gone, nothing is recorded or let go."""

    async def _leave(self, connection: Connection) -> None:
        for lane in self._lanes.values():
            for task in lane.running:
                task.cancel()
        connection.terminate()


def positions(endpoint: Endpoint) -> list[int]:
    """The positions that came in, in their order; each request is verified."""
    return [endpoint.verified(request)["data"]["position"] for request in endpoint.requests]


async def test_of_one_problem_none_overtakes_another_while_other_problems_go_on(
    hooks: Hooks,
) -> None:
    await hooks.configure(retry_seconds=SOON, circuit_failures=99)
    endpoint = await hooks.open("/a")
    hooks.receiver.script("/a", answer(500), answer(500), delayed(0.05, answer(204)), answer(204))
    await endpoint.record(40, each=5)
    await endpoint.until_settled()
    came: dict[str, list[int]] = defaultdict(list)
    for request in endpoint.requests:
        data = endpoint.verified(request)["data"]
        came[data["problem_id"]].append(data["position"])
    assert all(found == sorted(found) for found in came.values())
    assert sum(len(set(found)) for found in came.values()) == 40
    # Two problems had to begin again; what followed the others did not wait for them.
    retried = {data for data, found in came.items() if len(found) > len(set(found))}
    assert len(retried) == 2
    last = endpoint.verified(endpoint.requests[-1])["data"]["problem_id"]
    assert last in retried


async def test_a_delivery_is_dead_after_its_last_attempt_and_the_next_one_goes_on(
    hooks: Hooks,
) -> None:
    await hooks.configure(retry_seconds=(0, 0.1, 0.1), circuit_failures=99)
    endpoint = await hooks.open("/a")
    hooks.receiver.script("/a", answer(500), reset, answer(404), answer(204))
    await endpoint.record(2, each=2)
    await endpoint.until_settled()
    assert positions(endpoint) == [1, 1, 1, 2]
    assert await endpoint.states() == {"DEAD": 1, "DELIVERED": 1}
    attempts = (await endpoint.call("GET", "/deliveries/1/attempts")).json()["items"]
    assert [(one["status"], one["error"]) for one in attempts] == [
        (500, None),
        (None, "PROTOCOL"),
        (404, None),
    ]


async def test_an_answer_that_cannot_be_read_is_a_failure_and_the_lane_goes_on(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_body: bytes) -> str:
        raise ValueError

    await hooks.configure(retry_seconds=(0,), circuit_failures=99)
    endpoint = await hooks.open("/a")
    monkeypatch.setattr(posting, "_excerpt_of", unreadable)
    await endpoint.record(3)
    await endpoint.until_settled()
    assert await endpoint.states() == {"DEAD": 3}
    rows = await hooks.fetch("SELECT DISTINCT error FROM webhook_attempts")
    assert [row["error"] for row in rows] == ["PROTOCOL"]


async def test_a_redirect_is_a_failure_and_is_not_followed(hooks: Hooks) -> None:
    await hooks.configure(retry_seconds=(0,))
    endpoint = await hooks.open("/a")
    hooks.receiver.script("/a", redirect(hooks.receiver.url("/b")))
    await endpoint.record(1)
    await endpoint.until_settled()
    assert await endpoint.states() == {"DEAD": 1}
    assert hooks.receiver.to("/b") == []


async def test_a_receiver_that_asks_for_a_wait_gets_nothing_meanwhile(hooks: Hooks) -> None:
    await hooks.configure(retry_seconds=(*SOON, 60), in_flight=1)
    endpoint = await hooks.open("/a")
    hooks.receiver.script("/a", answer(429, retry_after="1"), answer(204))
    await endpoint.record(3)
    await endpoint.until_settled()
    first, second, *_ = endpoint.requests
    assert second.at - first.at >= 1


async def test_an_answer_that_does_not_come_is_not_waited_for_longer_than_set(
    hooks: Hooks,
) -> None:
    await hooks.configure(retry_seconds=SOON, timeout_seconds=0.3)
    endpoint = await hooks.open("/a")
    hooks.receiver.script("/a", silence, answer(204))
    await endpoint.record(1)
    await endpoint.until_settled()
    [first, second] = (await endpoint.call("GET", "/deliveries/1/attempts")).json()["items"]
    assert (first["status"], first["error"], second["status"]) == (None, "TIMEOUT", 204)
    assert first["duration_ms"] >= 290


async def test_a_failing_endpoint_is_only_probed_and_gets_everything_when_it_is_back(
    hooks: Hooks,
) -> None:
    await hooks.configure(retry_seconds=(0, *[0.4] * 6, 60), circuit_failures=3)
    endpoint = await hooks.open("/a")
    hooks.receiver.script("/a", *[answer(503)] * 13, answer(204))
    await endpoint.record(300)
    await endpoint.until_settled()
    requests = endpoint.requests
    # Eight at once and two in the place of the first that failed; from then on one at a time, until
    # the fourteenth succeeds and the lane is open again.
    gaps = [after.at - before.at for before, after in pairwise(requests[10:14])]
    assert all(gap >= 0.3 for gap in gaps), gaps
    assert len(requests) == 13 + 300
    assert set(positions(endpoint)) == set(range(1, 301))


async def test_after_a_test_that_succeeds_what_failed_is_tried_at_once(hooks: Hooks) -> None:
    await hooks.configure(retry_seconds=(3600, 3600))
    endpoint = await hooks.open("/a")
    hooks.receiver.script("/a", answer(410), answer(204), answer(204), answer(204))
    await endpoint.record(2, each=2)

    async def given_up() -> bool:
        return await endpoint.state() == ("SUSPENDED", "GONE")

    await until(given_up, 10, "the endpoint is suspended")
    tested = await endpoint.call("POST", "/test")
    assert tested.json()["state"] == "ACTIVE"
    await endpoint.until_settled()
    assert positions(endpoint) == [1, 1, 2]


async def test_what_is_recorded_while_paused_goes_out_in_order_on_resuming(hooks: Hooks) -> None:
    await hooks.configure(in_flight=1)
    endpoint = await hooks.open("/a")
    view = (await endpoint.call("GET")).json()
    paused = await endpoint.call("PATCH", "", {"version": view["version"], "state": "PAUSED"})
    assert paused.status_code == 200
    for _ in range(3):
        await endpoint.record(5)
    other = await hooks.open("/b")
    await other.record(5)
    await other.until_settled()
    assert await endpoint.states() == {"PENDING": 15}
    body = {"version": paused.json()["version"], "state": "ACTIVE"}
    assert (await endpoint.call("PATCH", "", body)).status_code == 200
    await endpoint.until_settled()
    assert positions(endpoint) == list(range(1, 16))


async def test_a_busy_endpoint_is_paused_within_seconds(hooks: Hooks) -> None:
    await hooks.configure(per_second=50)
    endpoint = await hooks.open("/a")
    await endpoint.record(500)
    await hooks.receiver.until(20, "/a")
    view = (await endpoint.call("GET")).json()
    body = {"version": view["version"], "state": "PAUSED"}
    assert (await endpoint.call("PATCH", "", body)).status_code == 200

    async def let_go() -> bool:
        return not await hooks.fetch("SELECT FROM webhook_lanes WHERE holder IS NOT NULL")

    assert await until(let_go, 10, "the lane is let go") < 5
    assert (await endpoint.states())["PENDING"] > 200


async def test_an_endpoint_gets_no_more_a_second_than_set(hooks: Hooks) -> None:
    await hooks.configure(per_second=20, in_flight=2)
    endpoint = await hooks.open("/a")
    await endpoint.record(42)
    await endpoint.until_settled()
    requests = endpoint.requests
    # 40 gaps of a twentieth of a second, but for what the first ones were late.
    assert requests[-1].at - requests[0].at >= 1.5


async def test_two_processes_share_the_work_and_send_nothing_twice(quiet_hooks: Hooks) -> None:
    endpoints = [await quiet_hooks.open(f"/{number}") for number in range(4)]
    for endpoint in endpoints:
        await endpoint.record(60, each=3)
    async with quiet_hooks.sending(), quiet_hooks.sending():
        for endpoint in endpoints:
            await endpoint.until_settled()
    for endpoint in endpoints:
        assert Counter(positions(endpoint)) == Counter(range(1, 61))


async def test_what_a_dead_process_had_under_way_is_sent_by_the_next_at_once(
    quiet_hooks: Hooks,
) -> None:
    endpoint = await quiet_hooks.open("/a")
    quiet_hooks.receiver.script("/a", *[silence] * 8, answer(204))
    await endpoint.record(20)
    async with quiet_hooks.sending(CrashingSender):
        await quiet_hooks.receiver.until(9, "/a")  # the ping, and what is under way
    assert await quiet_hooks.fetch("SELECT FROM webhook_lanes WHERE holder IS NOT NULL")
    began = monotonic()
    async with quiet_hooks.sending():
        await endpoint.until_settled()
    assert set(positions(endpoint)) == set(range(1, 21))
    assert monotonic() - began < 10  # the lease would have lasted longer


async def test_an_outage_of_the_database_delays_and_loses_nothing(hooks: Hooks) -> None:
    endpoint = await hooks.open("/a")
    hooks.receiver.script("/a", delayed(0.02, answer(204)))
    await endpoint.record(100)
    await hooks.receiver.until(20, "/a")
    # As after a restart of the server: the sender's own connection is gone.
    await hooks.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'webhooks %'"
    )
    await endpoint.until_settled()
    assert set(positions(endpoint)) == set(range(1, 101))


async def test_a_webhook_without_a_secret_any_more_waits_instead_of_sending_unsigned(
    hooks: Hooks,
) -> None:
    endpoint = await hooks.open("/a")
    await hooks.fetch("DELETE FROM webhook_secrets")
    await endpoint.record(1)

    async def tried() -> bool:
        return bool(await hooks.fetch("SELECT FROM webhook_attempts"))

    await until(tried, 10, "tried")
    assert endpoint.requests == []
    assert await endpoint.states() == {"PENDING": 1}


async def test_a_stopping_process_ends_in_time_and_lets_its_lanes_go(quiet_hooks: Hooks) -> None:
    endpoint = await quiet_hooks.open("/a")
    quiet_hooks.receiver.script("/a", silence)
    await endpoint.record(20)
    async with quiet_hooks.sending():
        await quiet_hooks.receiver.until(9, "/a")
        began = monotonic()
    assert monotonic() - began < 3
    held = await quiet_hooks.fetch("SELECT FROM webhook_lanes WHERE holder IS NOT NULL")
    assert held == []
