"""What the clients do not do, whatever a receiver answers: follow, remember, wait, inflate."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import shared.http
from shared.egress import Egress, TargetRefused
from shared.http import Answer, exchange, guarded_client, plain_client
from tests.faults.receiver import (
    Act,
    Receiver,
    Resolver,
    answer,
    bomb,
    delayed,
    drip,
    endless_body,
    endless_headers,
    endless_patience,
    receiver,
    redirect,
    reset,
    silence,
    traps,
)

# 127.1.0.0/16 plays the public internet, and the rest of loopback the inside.
OUTSIDE = "127.1.0.1"
EGRESS = Egress.parse("127.1.0.0/16", "1-65535", plain_http=True)
NAME = "receiver.example"


@pytest.fixture
async def outside() -> AsyncIterator[Receiver]:
    """A receiver in the network that is allowed."""
    async with receiver(OUTSIDE) as running:
        yield running


@pytest.fixture(params=["guarded", "plain"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """Either client, with one connection, so that a connection that leaks is missed at once."""
    made = (
        guarded_client(EGRESS, connections=1)
        if request.param == "guarded"
        else plain_client(connections=1)
    )
    async with made:
        yield made


async def post(
    client: httpx.AsyncClient, url: str, *, seconds: float = 5, limit: int = 100
) -> Answer:
    return await exchange(
        client, client.build_request("POST", url, content=b"{}"), seconds=seconds, limit=limit
    )


async def test_an_answer_is_its_status_headers_and_the_beginning_of_its_body(
    client: httpx.AsyncClient, outside: Receiver
) -> None:
    outside.script("/hook", answer(503, b"x" * 250, retry_after="7"))
    answered = await post(client, outside.url("/hook"))
    assert (answered.status, answered.excerpt) == (503, b"x" * 100)
    assert answered.headers["Retry-After"] == "7"
    (request,) = outside.requests
    assert request.body == b"{}"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"] == "bangfu"


async def test_a_redirect_is_an_answer_and_is_not_followed(
    client: httpx.AsyncClient, outside: Receiver
) -> None:
    outside.script("/hook", redirect(outside.url("/elsewhere")))
    assert (await post(client, outside.url("/hook"))).status == 302
    assert [request.path for request in outside.requests] == ["/hook"]


async def test_no_cookie_is_kept(client: httpx.AsyncClient, outside: Receiver) -> None:
    outside.script("/", answer(200, set_cookie="session=1; Path=/"))
    await post(client, outside.url())
    await post(client, outside.url())
    assert all("cookie" not in request.headers for request in outside.requests)


async def test_no_proxy_is_taken_from_the_environment(
    outside: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with traps("127.0.0.1") as laid:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{laid.port}")
        for made in (guarded_client(EGRESS), plain_client()):
            async with made:
                assert (await post(made, outside.url())).status == 204
        assert laid.sprung == 0

        async with httpx.AsyncClient() as trusting:  # the negative control
            await trusting.get(outside.url())
        assert laid.sprung == 1


async def test_a_connection_is_used_again_for_the_next_request(
    client: httpx.AsyncClient, outside: Receiver
) -> None:
    for _ in range(5):
        await post(client, outside.url())
    assert (len(outside.requests), outside.connections) == (5, 1)


@pytest.mark.parametrize(
    "act",
    [endless_body, bomb(), drip(), delayed(0.05, answer(200, b"x" * 1_000_000))],
    ids=["endless", "bomb", "drip", "large"],
)
async def test_a_body_is_cut_at_the_limit_or_when_the_time_is_over(
    client: httpx.AsyncClient, outside: Receiver, act: Act
) -> None:
    outside.script("/bad", act)
    begun = monotonic()
    answered = await post(client, outside.url("/bad"), seconds=0.5)
    assert monotonic() - begun < 3
    assert answered.status == 200
    assert len(answered.excerpt) <= 100
    assert (await post(client, outside.url("/good"))).status == 204


@pytest.mark.parametrize(
    "act",
    [silence, reset, endless_headers, endless_patience, drip(from_the_head=True)],
    ids=["silence", "reset", "headers", "patience", "drip"],
)
async def test_a_receiver_without_a_status_is_an_error_in_time(
    client: httpx.AsyncClient, outside: Receiver, act: Act
) -> None:
    outside.script("/bad", act)
    begun = monotonic()
    with pytest.raises(httpx.HTTPError):
        await post(client, outside.url("/bad"), seconds=0.5)
    assert monotonic() - begun < 3
    assert (await post(client, outside.url("/good"))).status == 204


@pytest.mark.parametrize("act", [endless_headers, endless_patience], ids=["headers", "patience"])
async def test_a_flood_of_headers_is_an_error_at_once(outside: Receiver, act: Act) -> None:
    outside.script("/", act)
    async with guarded_client(EGRESS) as client:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await post(client, outside.url(), seconds=60)


async def test_a_body_is_not_inflated(client: httpx.AsyncClient, outside: Receiver) -> None:
    outside.script("/", bomb())
    answered = await post(client, outside.url(), limit=1_000_000)
    assert answered.excerpt.startswith(b"\x1f\x8b")
    assert len(answered.excerpt) < 100_000


async def test_a_host_that_refuses_connections_is_an_error(client: httpx.AsyncClient) -> None:
    async with traps(OUTSIDE) as closed:
        pass
    with pytest.raises(httpx.ConnectError):
        await post(client, f"http://{OUTSIDE}:{closed.port}/")


async def test_a_name_is_looked_up_once_for_a_connection_and_stays_in_the_host_header(
    outside: Receiver,
) -> None:
    resolver = Resolver([[OUTSIDE]])
    async with guarded_client(EGRESS, resolve=resolver) as client:
        for _ in range(3):
            await post(client, outside.url(host=NAME))
    assert resolver.asked == [NAME]
    assert {request.headers["host"] for request in outside.requests} == {f"{NAME}:{outside.port}"}


async def test_a_name_that_many_wait_for_is_looked_up_once(outside: Receiver) -> None:
    asked, answered = [], asyncio.Event()

    async def slowly(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        await answered.wait()
        return [OUTSIDE]

    async with guarded_client(EGRESS, resolve=slowly) as client:
        url = outside.url(host=NAME)
        with pytest.raises(httpx.HTTPError):
            await post(client, url, seconds=0.05)
        waiting = [asyncio.create_task(post(client, url)) for _ in range(5)]
        await asyncio.wait(waiting, timeout=0.05)
        answered.set()
        assert [(await one).status for one in waiting] == [204] * 5
        assert asked == [NAME]
        await post(client, outside.url(host="other.example"))
        assert asked == [NAME, "other.example"]


async def test_a_client_is_closed_although_a_name_is_never_answered() -> None:
    async def never(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with guarded_client(EGRESS, resolve=never) as client:
        with pytest.raises(httpx.HTTPError):
            await post(client, f"http://{NAME}/", seconds=0.05)
    await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if "_ask" in repr(task)]


async def test_the_next_address_is_tried_where_one_does_not_answer(outside: Receiver) -> None:
    async with guarded_client(EGRESS, resolve=Resolver([["127.1.0.2", OUTSIDE]])) as client:
        assert (await post(client, outside.url(host=NAME))).status == 204


async def test_a_name_without_an_address_is_a_failed_connection(outside: Receiver) -> None:
    async with guarded_client(EGRESS, resolve=Resolver([[]])) as client:
        with pytest.raises(httpx.ConnectError):
            await post(client, outside.url(host=NAME))


async def test_requests_are_sent_in_the_order_they_were_made(outside: Receiver) -> None:
    paths = [f"/{number}" for number in range(50)]
    async with guarded_client(EGRESS, connections=1) as client:
        await asyncio.gather(*(post(client, outside.url(path)) for path in paths))
    assert [request.path for request in outside.requests] == paths
    assert outside.connections == 1


async def test_only_some_idle_connections_are_kept(
    outside: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.http, "_IDLE_CONNECTIONS", 2)
    async with guarded_client(EGRESS, resolve=Resolver([[OUTSIDE]])) as client:
        for host in "abcd":
            await post(client, outside.url(host=host))
        await post(client, outside.url(host="d"))
        assert outside.connections == 4
        await post(client, outside.url(host="a"))
        assert outside.connections == 5


async def test_an_old_connection_is_not_used_again(
    outside: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.http, "CONNECTION_SECONDS", 0.0)
    resolver = Resolver([[OUTSIDE]])
    async with guarded_client(EGRESS, resolve=resolver, connections=1) as client:
        for _ in range(3):
            await post(client, outside.url(host=NAME))
    assert (len(resolver.asked), outside.connections) == (3, 3)


async def test_the_certificate_must_be_of_the_name_and_of_an_authority_that_is_trusted(
    tmp_path: Path,
) -> None:
    ca_file, certificate = certificate_of(NAME, tmp_path)
    resolver = Resolver([[OUTSIDE]])
    async with receiver(OUTSIDE, certificate=certificate) as secure:
        async with guarded_client(EGRESS, resolve=resolver, ca_file=ca_file) as client:
            assert (await post(client, secure.url(host=NAME))).status == 204
            assert (await post(client, secure.url(host=NAME))).status == 204
            assert secure.connections == 1
            with pytest.raises(httpx.ConnectError):
                await post(client, secure.url(host="another.example"))
            with pytest.raises(httpx.ConnectError):
                await post(client, secure.url())
        async with guarded_client(EGRESS, resolve=resolver) as client:
            with pytest.raises(httpx.ConnectError):
                await post(client, secure.url(host=NAME))


async def test_the_plain_client_reaches_what_the_guarded_one_refuses() -> None:
    async with receiver("127.0.0.1") as inside:
        async with guarded_client(EGRESS) as client:
            with pytest.raises(TargetRefused):
                await post(client, inside.url())
        async with plain_client() as client:
            assert (await post(client, inside.url())).status == 204


def certificate_of(name: str, directory: Path) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate of `name`: the file to trust it by, the context to serve it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = directory / "receiver.pem", directory / "receiver.key"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context
