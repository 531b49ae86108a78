"""D5, D7, D8, D9: webhooks come again in time, stop in time, and are signed so that it shows."""

import asyncio
import http.client
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from docs.examples.webhook_receiver import Inbox, handler_of
from services.notify.webhooks import commands, lanes, posting, signing
from services.notify.webhooks.domain import Health, Policy, Verdict
from shared import clock
from shared.ids import new_id
from tests.conftest import Start
from tests.faults.counts import count
from tests.faults.receiver import Act, answer
from tests.faults.stage import until
from tests.notify.webhooks.endpoints import OFFICE, Endpoint, Hooks, running_hooks

HOUR = timedelta(hours=1)


@pytest.fixture
async def idle_hooks(start: Start, field_key_file: Path) -> AsyncIterator[Hooks]:
    """notify, sending only what its job is told to."""
    async with running_hooks(start, field_key_file, sends=False) as running:
        yield running


# -- D5 ------------------------------------------------------------------------------------------

DELAYS = (0, 1.2, 2.0, 1.2, 60)
LATE = 0.5


async def failing_thrice(hooks: Hooks) -> Endpoint:
    """A webhook whose receiver fails three times before it takes the one delivery."""
    await hooks.configure(retry_seconds=DELAYS)
    endpoint = await hooks.open("/d5")
    hooks.receiver.script("/d5", answer(500), answer(500), answer(500), answer(204))
    await endpoint.record(1)
    await endpoint.until_settled()
    return endpoint


def expect_the_schedule(endpoint: Endpoint) -> None:
    """Four attempts, apart as scheduled, each verifiable, with one id and timestamps of its own."""
    requests = endpoint.requests
    assert len(requests) == 4
    assert len({endpoint.verified(request)["data"]["event_id"] for request in requests}) == 1
    assert len({request.headers["webhook-id"] for request in requests}) == 1
    assert len({request.headers["webhook-timestamp"] for request in requests}) == 4
    for before, after, delay in zip(requests, requests[1:], DELAYS[1:], strict=False):
        assert 0.9 * delay <= after.at - before.at <= 1.1 * delay + LATE


async def test_a_failing_receiver_is_asked_again_as_scheduled(hooks: Hooks) -> None:
    endpoint = await failing_thrice(hooks)
    expect_the_schedule(endpoint)
    attempts = (await endpoint.call("GET", "/deliveries/1/attempts")).json()["items"]
    assert [one["status"] for one in attempts] == [500, 500, 500, 204]


async def test_control_an_id_of_every_attempt_is_not_the_deliverys(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "webhook_id_of", lambda *_ids: str(new_id()))
    endpoint = await failing_thrice(hooks)
    with pytest.raises(AssertionError):
        expect_the_schedule(endpoint)


async def test_control_trying_again_at_once_is_no_schedule(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Policy, "retry_at", lambda _policy, _attempts, at, **_: at)
    endpoint = await failing_thrice(hooks)
    with pytest.raises(AssertionError):
        expect_the_schedule(endpoint)


# -- D7 ------------------------------------------------------------------------------------------


async def expect_suspended(endpoint: Endpoint, reason: str) -> None:
    """The webhook is suspended for `reason`, its people know, and what it lacks is kept for it."""
    assert await endpoint.state() == ("SUSPENDED", reason)
    assert [org for *_, org in await endpoint.hooks.warnings()] == ["OPS@511132", OFFICE]
    assert (await endpoint.states())["PENDING"] >= 1


async def gone(hooks: Hooks) -> Endpoint:
    """A webhook whose receiver has answered 410."""
    endpoint = await hooks.open("/d7")
    hooks.receiver.script("/d7", answer(410))
    await endpoint.record(50)
    await hooks.receiver.until(2, "/d7")

    async def settled() -> bool:
        return bool(await hooks.fetch("SELECT FROM webhook_attempts WHERE status = 410"))

    await until(settled, 10, "410 is recorded")
    return endpoint


async def test_410_suspends_at_once(hooks: Hooks) -> None:
    endpoint = await gone(hooks)

    async def suspended() -> bool:
        return (await endpoint.state())[0] == "SUSPENDED"

    await until(suspended, 10, "suspended")
    await expect_suspended(endpoint, "GONE")
    # What was under way already, and nothing more.
    assert len(endpoint.requests) <= 8


async def test_control_410_as_any_failure_suspends_nothing(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verdict_of(status: int | None) -> Verdict:
        return Verdict.DELIVERED if status == 204 else Verdict.FAILED

    monkeypatch.setattr(posting, "verdict_of", verdict_of)
    endpoint = await gone(hooks)
    with pytest.raises(AssertionError):
        await expect_suspended(endpoint, "GONE")


async def run_until(hooks: Hooks, began: datetime, hours: float, step: float = 1) -> None:
    """Let the sender run by the hour, from `began` on."""
    for number in range(int(hours / step) + 1):
        body = {"job": "webhooks", "as_of": (began + number * step * HOUR).isoformat()}
        answered = await hooks.ops("POST", "/ops/run", body)
        assert answered.status_code == 200, answered.text


@pytest.mark.parametrize("hours", [24, 120])
async def test_an_endpoint_that_fails_for_long_is_suspended_and_its_people_are_told(
    idle_hooks: Hooks, hours: int
) -> None:
    hooks = idle_hooks
    await hooks.configure(suspension_hours=hours)
    endpoint = await hooks.open("/d7")
    hooks.receiver.script("/d7", answer(503))
    await endpoint.record(20)
    began = clock.now()
    await run_until(hooks, began, hours - 1, step=hours / 12)
    assert await endpoint.state() == ("ACTIVE", None)
    await run_until(hooks, began + hours * HOUR, 1)
    await expect_suspended(endpoint, "FAILING")


async def test_control_a_sender_that_tells_nobody_leaves_people_in_the_dark(
    idle_hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell_nobody(*_arguments: object) -> None:
        pass

    monkeypatch.setattr(commands, "tell_suspended", tell_nobody)
    endpoint = await idle_hooks.open("/d7")
    idle_hooks.receiver.script("/d7", answer(503))
    await endpoint.record(20)
    await run_until(idle_hooks, clock.now(), 25, step=5)
    with pytest.raises(AssertionError):
        await expect_suspended(endpoint, "FAILING")


def every_third() -> Act:
    """Fails every third time."""
    turns = [answer(204), answer(500), answer(204)]

    async def act(writer: asyncio.StreamWriter) -> bool:
        turns.append(turns.pop(0))
        return await turns[-1](writer)

    return act


async def sporadic(hooks: Hooks) -> Endpoint:
    """A webhook whose receiver has failed now and then, for days."""
    endpoint = await hooks.open("/d7")
    hooks.receiver.script("/d7", every_third())
    began = clock.now()
    for number in range(count(6, 24)):
        await endpoint.record(6)
        await run_until(hooks, began + 12 * number * HOUR, 1)
    return endpoint


async def test_sporadic_failures_suspend_nothing(idle_hooks: Hooks) -> None:
    endpoint = await sporadic(idle_hooks)
    assert await endpoint.state() == ("ACTIVE", None)
    assert await idle_hooks.warnings() == []


async def test_control_health_without_recovery_suspends_what_works(
    idle_hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = clock.now() - 24 * HOUR
    monkeypatch.setattr(lanes, "HEALTHY", Health(failures=9, failing_since=long_ago))
    endpoint = await sporadic(idle_hooks)
    with pytest.raises(AssertionError):
        assert await endpoint.state() == ("ACTIVE", None)


# -- D8 ------------------------------------------------------------------------------------------

ROTATED = count(300, 1_000)
SECONDS = 1 / 3600


def verifies(endpoint: Endpoint, request: Any, secret: str) -> bool:
    """Whether a receiver with this secret takes the request."""
    try:
        endpoint.verified(request, secret)
    except WebhookVerificationError:
        return False
    return True


async def rotated_under_load(hooks: Hooks) -> tuple[Endpoint, str, int]:
    """A webhook whose secret was replaced amid deliveries; the old secret, and how many had come
    when the new one had been in force for more than a moment."""
    endpoint = await hooks.open("/d8")
    hooks.receiver.script("/d8", answer(204))
    old = endpoint.secret
    await endpoint.record(ROTATED)
    await hooks.receiver.until(ROTATED // 5, "/d8")
    endpoint.secret = await hooks.rotate(endpoint)
    await endpoint.until_settled(60)
    known = len(endpoint.requests)
    await endpoint.record(20)
    await endpoint.until_settled()
    return endpoint, old, known


async def test_a_secret_is_replaced_under_load_without_a_rejection(hooks: Hooks) -> None:
    endpoint, old, known = await rotated_under_load(hooks)
    requests = endpoint.requests
    assert len(requests) == ROTATED + 20
    # A receiver that has not changed its secret yet, and one that has.
    assert all(verifies(endpoint, request, old) for request in requests)
    assert all(verifies(endpoint, request, endpoint.secret) for request in requests[known:])


async def test_control_signing_with_the_newest_secret_alone_is_rejected(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = signing.Signatures.headers

    def newest(signatures: Any, webhook_id: str, body: str) -> Mapping[str, str]:
        headers = dict(genuine(signatures, webhook_id, body))
        headers["webhook-signature"] = headers["webhook-signature"].partition(" ")[0]
        return headers

    monkeypatch.setattr(signing.Signatures, "headers", newest)
    endpoint, old, _ = await rotated_under_load(hooks)
    with pytest.raises(AssertionError):
        assert all(verifies(endpoint, request, old) for request in endpoint.requests)


async def after_the_window(hooks: Hooks) -> tuple[Endpoint, str]:
    """A webhook that got a delivery after its old secret was to end, and that secret."""
    await hooks.configure(secret_overlap_hours=0.3 * SECONDS)
    endpoint = await hooks.open("/d8")
    old = endpoint.secret
    endpoint.secret = await hooks.rotate(endpoint)

    async def over() -> bool:
        return not await hooks.fetch(
            "SELECT FROM webhook_secrets WHERE expires_at > clock_timestamp() - interval '1 s'"
        )

    await until(over, 10, "the window is over")
    await endpoint.record(5)
    await endpoint.until_settled()
    return endpoint, old


async def test_a_replaced_secret_is_dead_after_its_window(hooks: Hooks) -> None:
    endpoint, old = await after_the_window(hooks)
    assert all(verifies(endpoint, request, endpoint.secret) for request in endpoint.requests)
    assert not any(verifies(endpoint, request, old) for request in endpoint.requests)


async def test_control_without_an_end_the_old_secret_goes_on(
    hooks: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "_REPLACE", f"{commands._REPLACE} AND $2 > now() + '1 day' ")
    endpoint, old = await after_the_window(hooks)
    with pytest.raises(AssertionError):
        assert not any(verifies(endpoint, request, old) for request in endpoint.requests)


# -- D9 ------------------------------------------------------------------------------------------


@contextmanager
def served(inbox: Inbox) -> Iterator[int]:
    """The example receiver at work; its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(inbox))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def posted(port: int, headers: Mapping[str, str], body: bytes) -> int:
    """The status the receiver answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST", "/", body, dict(headers))
        return connection.getresponse().status
    finally:
        connection.close()


Message = tuple[Mapping[str, str], bytes]


async def forgeries(hooks: Hooks) -> tuple[Endpoint, Message, list[Message]]:
    """A genuine delivery, and four made from it by somebody without the secret, or from an older
    one: another body, another id, six minutes old, an id with a dot in it."""
    endpoint = await hooks.open("/d9")
    await endpoint.record(1)
    await endpoint.until_settled()
    [request] = endpoint.requests
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    genuine = {name: request.headers[name] for name in names}
    old = clock.now() - timedelta(minutes=6)
    body, signer = request.body, Webhook(endpoint.secret)
    dotted = f"{genuine['webhook-id']}.1"
    now = clock.now()
    forged: list[Message] = [
        (genuine, body.replace(b"DISPATCHED", b"CLOSED")),
        ({**genuine, "webhook-id": str(new_id())}, body),
        (
            {
                **genuine,
                "webhook-timestamp": str(int(old.timestamp())),
                "webhook-signature": signer.sign(genuine["webhook-id"], old, body.decode()),
            },
            body,
        ),
        (
            {
                "webhook-id": dotted,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": signer.sign(dotted, now, body.decode()),
            },
            body,
        ),
    ]
    return endpoint, (genuine, body), forged


async def test_the_example_receiver_takes_the_genuine_once_and_no_forgery(hooks: Hooks) -> None:
    endpoint, (headers, body), forged = await forgeries(hooks)
    inbox = Inbox([endpoint.secret])
    with served(inbox) as port:
        assert [posted(port, *one) for one in forged] == [401] * 4
        assert [posted(port, headers, body) for _ in range(2)] == [204, 204]
    assert list(inbox.received) == [headers["webhook-id"]]


class Careless(Inbox):
    """Takes whatever is signed at all."""

    def take(self, headers: Mapping[str, str], body: bytes) -> bool:
        self.received[headers["webhook-id"]] = json.loads(body)
        return headers["webhook-signature"].startswith("v1,")


async def test_control_a_receiver_that_does_not_verify_takes_forgeries(hooks: Hooks) -> None:
    _, _, forged = await forgeries(hooks)
    with served(Careless([])) as port, pytest.raises(AssertionError):
        assert [posted(port, *one) for one in forged] == [401] * 4
