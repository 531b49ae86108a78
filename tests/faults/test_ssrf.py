"""D1, D3, D4: no target that people enter leads this machine to an address it must not reach.

On loopback, 127.1.0.0/16 plays the networks that are allowed and the rest the inside; each rule is
shown beside a client without it, which springs the trap.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
import structlog
from sqlalchemy import text
from structlog.testing import capture_logs

import shared.egress
from shared.egress import Egress, Reason, Resolve, TargetRefused, resolve_checked, vet_target
from shared.http import Answer, exchange, guarded_client, plain_client
from shared.ids import new_id
from shared.testing import RunningApp
from tests.conftest import Start
from tests.faults.receiver import Receiver, Resolver, receiver, redirect, traps
from tests.notify.webhooks.endpoints import notify_with
from tests.shared.test_egress import NOT_PUBLIC

INSIDE = ("127.0.0.1", "::1")
OUTSIDE = "127.1.0.1"
NAME = "receiver.example"

# Nothing but the addresses stands between these policies and the traps.
INTERNET = Egress.parse("", "1-65535", plain_http=True)
LISTED = Egress.parse("127.1.0.0/16", "1-65535", plain_http=True)

# Every way to write a host that leads to this machine.
FORMS = [
    "127.0.0.1",
    "localhost",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "127.1",
    "0",
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "a@127.0.0.1",
    "a:b@127.0.0.1",
    "127。0。0。1",
    "127．0．0．1",
    "127｡0｡0｡1",
]
# Some resolver somewhere takes these for this machine too.
OTHER_FORMS = ["localhost.", "127.0.0.1.", "0177.0.0.1", "017700000001", "[::127.0.0.1]"]
ELSEWHERE = [
    f"http://{NAME}:22/",
    f"http://{NAME}:5432/",
    f"http://{NAME}:9092/",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
]


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger that has not kept the processors of an earlier service."""
    monkeypatch.setattr(shared.egress, "_log", structlog.get_logger("shared.egress"))


async def post(client: httpx.AsyncClient, url: str) -> Answer:
    return await exchange(client, client.build_request("POST", url, content=b"{}"))


def hosts_of(logs: Iterable[Mapping[str, Any]]) -> list[str | None]:
    """The hosts of the refusals, one for each line."""
    return [line["host"] for line in logs if line["event"] == "target_refused"]


@pytest.mark.parametrize("form", FORMS)
async def test_d1_no_form_of_an_inside_address_is_connected_to(form: str) -> None:
    async with traps(*INSIDE) as laid:
        url = f"http://{form}:{laid.port}/hook?token=t"
        async with guarded_client(INTERNET) as client:
            with capture_logs() as logs, pytest.raises(TargetRefused):
                await post(client, url)
        assert laid.sprung == 0
        (line,) = logs
        assert line.keys() == {"event", "reason", "host", "log_level"}
        assert "@" not in str(line["host"])

        async with httpx.AsyncClient(trust_env=False) as unguarded:  # the negative control
            await unguarded.post(url)
        assert laid.sprung == 1


async def test_d1_no_name_of_an_inside_address_is_connected_to() -> None:
    resolver = Resolver([["8.8.8.8", address] for address in NOT_PUBLIC])
    async with guarded_client(INTERNET, resolve=resolver) as client:
        for place, _ in enumerate(NOT_PUBLIC, start=1):
            with capture_logs() as logs, pytest.raises(TargetRefused) as refused:
                await post(client, f"http://{NAME}/hook")
            assert refused.value.reason is Reason.ADDRESS
            assert (hosts_of(logs), len(resolver.asked)) == ([NAME], place)


async def test_d1_no_port_but_the_listed_ones_is_connected_to() -> None:
    async with traps("127.0.0.1") as laid:
        other, own = (
            Egress.parse("127.0.0.0/8", ports, plain_http=True)
            for ports in ("80,443", f"{laid.port}")
        )
        async with guarded_client(other) as client:
            with capture_logs() as logs, pytest.raises(TargetRefused) as refused:
                await post(client, f"http://127.0.0.1:{laid.port}/")
        assert refused.value.reason is Reason.PORT
        assert (laid.sprung, hosts_of(logs)) == (0, ["127.0.0.1"])

        async with guarded_client(own) as client:  # the negative control
            await post(client, f"http://127.0.0.1:{laid.port}/")
        assert laid.sprung == 1


async def test_d1_a_name_that_answers_differently_the_second_time_gains_nothing() -> None:
    async with receiver(OUTSIDE) as outside, traps("127.0.0.1", port=outside.port) as laid:
        url = outside.url("/hook", host=NAME)

        # It was fine when it was entered, and leads inside when it is used.
        turned = Resolver([[OUTSIDE], ["127.0.0.1"]])
        await vet_target(url, LISTED, resolve=turned)
        async with guarded_client(LISTED, resolve=turned) as client:
            with capture_logs() as logs, pytest.raises(TargetRefused):
                await post(client, url)
        assert (laid.sprung, hosts_of(logs)) == (0, [NAME])

        # It is fine when it is checked, and leads inside right after.
        turning = Resolver([[OUTSIDE], ["127.0.0.1"]])
        async with guarded_client(LISTED, resolve=turning) as client:
            assert (await post(client, url)).status == 204
        assert (laid.sprung, len(outside.requests), turning.asked) == (0, 1, [NAME])

        # The negative control looks the name up to check it, and again to connect.
        again = Resolver([[OUTSIDE], ["127.0.0.1"]])
        async with httpcore.AsyncConnectionPool(network_backend=CheckingFirst(again)) as pool:
            await pool.request("POST", url, content=b"{}")
        assert (laid.sprung, len(outside.requests)) == (1, 1)


async def test_d1_one_inside_address_among_outside_ones_is_enough_to_refuse() -> None:
    async with receiver(OUTSIDE) as outside, traps("127.0.0.1", port=outside.port) as laid:
        mixed = Resolver([[OUTSIDE, "127.0.0.1"]])
        async with guarded_client(LISTED, resolve=mixed) as client:
            with pytest.raises(TargetRefused):
                await post(client, outside.url(host=NAME))
        assert (laid.sprung, outside.connections) == (0, 0)


async def test_d1_no_refused_target_can_be_subscribed_to(
    start: Start, field_key_file: Path
) -> None:
    async with traps(*INSIDE) as laid:
        ports = f"80,443,{laid.port}"
        refused = [
            *(f"http://{form}:{laid.port}/hook?token=t" for form in [*FORMS, *OTHER_FORMS]),
            *ELSEWHERE,
        ]
        app = await notify_with(start, field_key_file, networks="", ports=ports)
        for url in refused:
            with capture_logs() as logs:
                answer = await subscribe(app, url)
            assert (answer.status_code, answer.json()["code"]) == (422, "TARGET_REFUSED"), url
            assert [error["field"] for error in answer.json()["errors"]] == ["target"], url
            for part in ("127.0.0.1", "token", "passwd", "meta-data", "a:b"):
                assert part not in answer.text
            assert len(hosts_of(logs)) == 1, url
        unknown = await subscribe(app, "http://nowhere.invalid/")
        assert (unknown.status_code, unknown.json()["code"]) == (422, "TARGET_UNRESOLVED")

        # Where the operator has listed the network, nothing else stands in the way.
        app = await notify_with(start, field_key_file, networks="127.0.0.0/8", ports=ports)
        allowed = await subscribe(app, f"http://127.0.0.1:{laid.port}/hook")
        assert allowed.status_code == 201, allowed.text
        assert laid.sprung == 0


async def test_d1_a_stored_target_that_is_refused_by_now_is_not_connected_to(
    start: Start, field_key_file: Path
) -> None:
    async with traps("127.0.0.1") as laid:
        inside = f"http://127.0.0.1:{laid.port}/hook?token=t"
        ports = f"443,{laid.port}"
        app = await notify_with(start, field_key_file, networks="", ports=ports)
        with capture_logs() as logs:
            tested = await outcome_at(app, inside)
        assert (tested["succeeded"], tested["error"]) == (False, "TARGET_REFUSED")
        assert (laid.sprung, hosts_of(logs)) == (0, ["127.0.0.1"])

        # The negative control: a notify for which the network is listed.
        app = await notify_with(start, field_key_file, networks="127.0.0.0/8", ports=ports)
        assert (await outcome_at(app, inside))["succeeded"] is True
        assert laid.sprung == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_d3_a_redirect_to_an_inside_address_is_not_followed(status: int) -> None:
    async with receiver(OUTSIDE) as outside, traps("127.0.0.1") as laid:
        outside.script("/hook", redirect(f"http://127.0.0.1:{laid.port}/", status))
        async with guarded_client(LISTED) as client:
            assert (await post(client, outside.url("/hook"))).status == status
        async with plain_client() as client:
            assert (await post(client, outside.url("/hook"))).status == status
        assert laid.sprung == 0

        async with httpx.AsyncClient(follow_redirects=True, trust_env=False) as following:
            await following.post(outside.url("/hook"), content=b"{}")  # the negative control
        assert laid.sprung == 1


async def test_d4_a_listed_network_is_delivered_to_and_its_neighbour_is_not() -> None:
    egress = Egress.parse("127.1.0.0/30", "1-65535", plain_http=True)
    async with (
        receiver("127.1.0.3") as platform,
        traps("127.1.0.4", "127.0.255.255", port=platform.port) as laid,
    ):
        await delivered(platform, egress)
        for neighbour in laid.hosts:
            await not_delivered(platform, egress, neighbour)
        assert laid.sprung == 0

        async with plain_client() as unguarded:  # the negative control
            for neighbour in laid.hosts:
                await post(unguarded, platform.url(host=neighbour))
        assert laid.sprung == 2


async def delivered(platform: Receiver, egress: Egress) -> None:
    async with guarded_client(egress, resolve=Resolver([[platform.host]])) as client:
        for host in (platform.host, NAME):
            await vet_target(platform.url(host=host), egress, resolve=Resolver([[platform.host]]))
            assert (await post(client, platform.url(host=host))).status == 204


async def not_delivered(platform: Receiver, egress: Egress, neighbour: str) -> None:
    resolver = Resolver([[neighbour]])
    async with guarded_client(egress, resolve=resolver) as client:
        for host in (neighbour, NAME):
            with pytest.raises(TargetRefused):
                await vet_target(platform.url(host=host), egress, resolve=resolver)
            with pytest.raises(TargetRefused):
                await post(client, platform.url(host=host))


class CheckingFirst(httpcore.AsyncNetworkBackend):
    """Checks all addresses of a name, and then leaves it to the connection to look it up again."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        await resolve_checked(host, port, LISTED, resolve=self._resolve)
        address, *_ = await self._resolve(host, port)
        return await httpcore.AnyIOBackend().connect_tcp(address, port, timeout)


async def subscribe(app: RunningApp, target: str) -> httpx.Response:
    """The answer to a department that subscribes `target`."""
    return await app.client.post(
        "/api/v1/subscriptions",
        json={"channel": "WEBHOOK", "target": target},
        headers=app.headers("HOUS@511132", "dept_head") | {"Idempotency-Key": str(new_id())},
    )


async def outcome_at(app: RunningApp, target: str) -> dict[str, Any]:
    """What a test delivery came to, of a webhook whose stored target is `target`."""
    made = await subscribe(app, "https://8.8.8.8/")
    assert made.status_code == 201, made.text
    path = f"/api/v1/subscriptions/{made.json()['id']}"
    headers = app.headers("HOUS@511132", "dept_head")
    once = {"Idempotency-Key": str(new_id())}
    secret = await app.client.post(f"{path}/secrets", headers=headers | once)
    assert secret.status_code == 201, secret.text
    async with app.database.transaction() as session:
        await session.execute(text("UPDATE subscriptions SET target = :to"), {"to": target})
    tested = await app.client.post(f"{path}/test", headers=headers)
    assert tested.status_code == 200, tested.text
    view: dict[str, Any] = tested.json()
    return view
