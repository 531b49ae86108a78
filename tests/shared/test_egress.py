"""Which targets are refused, for what reason, and what is never said about them."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_address

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

import shared.egress
from shared.egress import (
    Egress,
    Reason,
    TargetRefused,
    TargetUnresolved,
    check_target,
    is_public,
    resolve_checked,
    vet_target,
)

PUBLIC = Egress()
PLAIN = Egress(plain_http=True)
COUNTY = Egress.parse("10.8.0.0/16,192.168.3.4/32,fd00:8::/32", "443,8000-8100", plain_http=True)

NOT_PUBLIC = [
    # Svix's list
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "0.0.0.0",  # noqa: S104 - nothing is bound
    "0.1.2.3",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "ff02::1",
    # An IPv4 address inside: mapped, compatible, translated, NAT64, 6to4, Teredo
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2001:0:53aa:64c:0:0:80ff:fffe",
    # Everything else that is none of the public internet
    "168.63.129.16",
    "192.88.99.1",
    "224.0.1.1",
    "fec0::1",
    "100::1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "fe80::1%eth0",
]

REFUSED: list[tuple[str, Reason]] = [
    ("https://" + "a" * 2041, Reason.TOO_LONG),
    ("https://127。0。0。1/", Reason.CHARACTERS),
    ("https://127．0．0．1/", Reason.CHARACTERS),
    ("https://127｡0｡0｡1/", Reason.CHARACTERS),
    ("https://１２７.0.0.1/", Reason.CHARACTERS),
    ("https://政务.example/", Reason.CHARACTERS),
    ("https://receiver.example/a b", Reason.CHARACTERS),
    ("https://receiver.example/\r\nX: y", Reason.CHARACTERS),
    ("https://receiver.example\n", Reason.CHARACTERS),
    ("https://127.0.0.1\\@receiver.example/", Reason.CHARACTERS),
    ("", Reason.CHARACTERS),
    ("https://[::1/", Reason.HOST),
    ("https://receiver.example:port/", Reason.HOST),
    ("https://receiver.example:65536/", Reason.HOST),
    ("receiver.example", Reason.SCHEME),
    ("//receiver.example/", Reason.SCHEME),
    ("file:///etc/passwd", Reason.SCHEME),
    ("gopher://127.0.0.1:6379/_INFO", Reason.SCHEME),
    ("ftp://receiver.example/", Reason.SCHEME),
    ("http://receiver.example/", Reason.SCHEME),
    ("https://a@127.0.0.1/", Reason.USERINFO),
    ("https://a:b@receiver.example/", Reason.USERINFO),
    ("https://@receiver.example/", Reason.USERINFO),
    ("https://receiver.example/#x", Reason.FRAGMENT),
    ("https://", Reason.HOST),
    ("https:receiver.example", Reason.HOST),
    ("https:///hook", Reason.HOST),
    ("https://:443/", Reason.HOST),
    ("https://2130706433/", Reason.HOST),
    ("https://0x7f.1/", Reason.HOST),
    ("https://0x7f000001/", Reason.HOST),
    ("https://0177.0.0.1/", Reason.HOST),
    ("https://017700000001/", Reason.HOST),
    ("https://127.1/", Reason.HOST),
    ("https://127.0.0.1./", Reason.HOST),
    ("https://0/", Reason.HOST),
    ("https://localhost./", Reason.HOST),
    ("https://receiver.example./", Reason.HOST),
    ("https://receiver..example/", Reason.HOST),
    ("https://.example/", Reason.HOST),
    ("https://-a.example/", Reason.HOST),
    ("https://receiver%2eexample/", Reason.HOST),
    ("https://127.0.0.1%23.example/", Reason.HOST),
    ("https://a_b.example/", Reason.HOST),
    ("https://a;b.example/", Reason.HOST),
    ("https://" + "a" * 64 + ".example/", Reason.HOST),
    ("https://" + "a." * 126 + "example/", Reason.HOST),
    ("https://[v1.x]/", Reason.HOST),
    ("https://[127.0.0.1]/", Reason.HOST),
    ("https://[receiver.example]/", Reason.HOST),
    ("https://[fe80::1%25eth0]/", Reason.ADDRESS),
    ("https://receiver.example:22/", Reason.PORT),
    ("https://receiver.example:5432/", Reason.PORT),
    ("https://receiver.example:9092/", Reason.PORT),
    ("https://receiver.example:0/", Reason.PORT),
    ("https://127.0.0.1/", Reason.ADDRESS),
    ("https://169.254.169.254/latest/meta-data/", Reason.ADDRESS),
    ("https://[::1]/", Reason.ADDRESS),
    ("https://[::ffff:127.0.0.1]/", Reason.ADDRESS),
    ("https://[::ffff:7f00:1]/", Reason.ADDRESS),
    ("https://[64:ff9b::7f00:1]/", Reason.ADDRESS),
    ("https://10.8.1.2/", Reason.ADDRESS),
]


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger that has not kept the processors of an earlier service."""
    monkeypatch.setattr(shared.egress, "_log", structlog.get_logger("shared.egress"))


def answering(*addresses: str) -> shared.egress.Resolve:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_outside_the_public_internet_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "114.114.114.114", "172.32.0.1", "100.128.0.1", "2400:3200::1"]
)
def test_an_address_of_the_public_internet_is_allowed(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(("url", "reason"), REFUSED)
def test_a_target_is_refused_for_its_reason_and_logged_once_without_its_text(
    url: str, reason: Reason
) -> None:
    with capture_logs() as logs, pytest.raises(TargetRefused) as refused:
        check_target(url, PUBLIC, "target")
    assert refused.value.reason is reason
    assert (refused.value.status, refused.value.code) == (422, "TARGET_REFUSED")
    (error,) = refused.value.errors
    assert (error.field, error.code) == ("target", "TARGET_REFUSED")
    assert refused.value.members == {"reason": str(reason)}
    (entry,) = logs
    assert (entry["event"], entry["reason"]) == ("target_refused", str(reason))
    assert entry.keys() == {"event", "log_level", "reason", "host"}
    said = f"{refused.value.detail('zh')}{refused.value.detail('en')}{error.zh}{error.en}{entry}"
    for secret in ("passwd", "meta-data", "a:b@", "_INFO", "hook"):
        assert secret not in said


@pytest.mark.parametrize(
    ("url", "egress", "target"),
    [
        ("https://receiver.example/hook?k=v", PUBLIC, ("receiver.example", 443)),
        ("HTTPS://Receiver.Example:8443", PUBLIC, ("receiver.example", 8443)),
        ("https://xn--zfr164b.example/", PUBLIC, ("xn--zfr164b.example", 443)),
        ("https://8.8.8.8/", PUBLIC, ("8.8.8.8", 443)),
        ("https://[2400:3200::1]:8443/", PUBLIC, ("2400:3200::1", 8443)),
        ("http://receiver.example/", PLAIN, ("receiver.example", 80)),
        ("http://receiver.example:8080/", PLAIN, ("receiver.example", 8080)),
        ("http://10.8.255.1:8000/", COUNTY, ("10.8.255.1", 8000)),
        ("https://192.168.3.4/", COUNTY, ("192.168.3.4", 443)),
        ("https://[fd00:8::1]/", COUNTY, ("fd00:8::1", 443)),
    ],
)
def test_a_plain_target_is_accepted(url: str, egress: Egress, target: tuple[str, int]) -> None:
    assert check_target(url, egress) == target


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://10.9.0.1/", Reason.ADDRESS),
        ("https://192.168.3.5/", Reason.ADDRESS),
        ("https://[fd00:9::1]/", Reason.ADDRESS),
        ("https://[::ffff:10.8.0.1]/", Reason.ADDRESS),
        ("https://10.8.0.1:8443/", Reason.PORT),
        ("http://10.8.0.1/", Reason.PORT),
    ],
)
def test_a_neighbour_of_a_listed_network_or_port_is_refused(url: str, reason: Reason) -> None:
    with pytest.raises(TargetRefused) as refused:
        check_target(url, COUNTY)
    assert refused.value.reason is reason


AUTHORITIES = st.text("aA0.:[]@%x-_;,127f", max_size=24)


@given(
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["https://", "http://", "https:", "HTTPS://", "//"]),
        AUTHORITIES,
        st.sampled_from(["", ":443", ":8443", ":", ":0443", ":0"]),
        st.sampled_from(["", "/", "/a@b", "?a@b:80", "/%2e%2e//x", "?x=[::1]", "/:@127.0.0.1/"]),
    )
)
def test_the_client_reads_every_accepted_target_as_the_check_did(url: str) -> None:
    egress = Egress(ports=((1, 65535),), plain_http=True)
    try:
        host, port = check_target(url, egress)
    except TargetRefused:
        return
    read = httpx.URL(url)
    assert (read.host, read.port or {"https": 443, "http": 80}[read.scheme]) == (host, port)
    assert not read.userinfo


@pytest.mark.parametrize(
    ("networks", "ports"),
    [
        ("10.8.0.1/16", "443"),
        ("10.8.0.0/33", "443"),
        ("0.0.0.0/0", "443"),
        ("::/0", "443"),
        ("county", "443"),
        ("", "0"),
        ("", "65536"),
        ("", "443-80"),
        ("", "https"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(networks: str, ports: str) -> None:
    with pytest.raises(ValueError):
        Egress.parse(networks, ports, plain_http=False)


def test_lists_may_hold_spaces_and_empty_items() -> None:
    egress = Egress.parse(" 10.8.0.0/16 , ", "443, 8000-8100,", plain_http=False)
    assert egress.allows(ip_address("10.8.3.4"))
    assert egress.allows_port(8050)
    assert not egress.allows_port(80)


@pytest.mark.parametrize(
    ("networks", "home"),
    [
        ("10.8.0.0/16", False),
        ("fd00:8::/32", False),
        ("127.0.0.1/32", True),
        ("10.8.0.0/16,169.254.169.254/32", True),
        ("128.0.0.0/1,0.0.0.0/1", True),
        ("::1", True),
        ("fe80::/64", True),
    ],
)
def test_a_policy_can_be_asked_whether_it_leads_to_this_machine(networks: str, home: bool) -> None:
    assert Egress.parse(networks, "443", plain_http=False).leads_home() is home


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("8.8.8.8", "127.0.0.1"),
        ("2400:3200::1", "fe80::1%eth0"),
        ("8.8.8.8", "::ffff:10.0.0.1"),
    ],
)
async def test_one_refused_address_among_all_of_a_name_refuses_it(
    addresses: tuple[str, ...],
) -> None:
    with capture_logs() as logs, pytest.raises(TargetRefused) as refused:
        await vet_target(
            "https://receiver.example/secret", PUBLIC, "url", resolve=answering(*addresses)
        )
    assert refused.value.reason is Reason.ADDRESS
    assert [error.field for error in refused.value.errors] == ["url"]
    assert [(entry["host"], entry["reason"]) for entry in logs] == [("receiver.example", "ADDRESS")]


async def test_a_name_with_public_addresses_passes() -> None:
    await vet_target("https://receiver.example/", PUBLIC, resolve=answering("8.8.8.8", "8.8.4.4"))


async def test_this_machines_own_name_is_refused_by_the_systems_resolver() -> None:
    with pytest.raises(TargetRefused):
        await vet_target("https://localhost/", PUBLIC)


async def test_a_name_without_an_address_is_refused_when_it_is_entered() -> None:
    with pytest.raises(TargetUnresolved) as refused:
        await vet_target("https://receiver.example/", PUBLIC, "url", resolve=answering())
    assert (refused.value.status, refused.value.code) == (422, "TARGET_UNRESOLVED")
    assert [error.field for error in refused.value.errors] == ["url"]


async def test_a_name_server_that_never_answers_is_waited_for_a_short_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(shared.egress, "RESOLVING_SECONDS", 0.01)
    with pytest.raises(TargetUnresolved):
        await vet_target("https://receiver.example/", PUBLIC, resolve=never)


async def test_a_name_server_that_never_answers_keeps_nothing_else_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def never(*_place: object, **_options: object) -> list[object]:
        answered.wait(30)
        return []

    monkeypatch.setattr(shared.egress, "RESOLVING_SECONDS", 0.05)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(socket, "getaddrinfo", never)
            asked = [vet_target(f"https://r{n}.example/", PUBLIC) for n in range(50)]
            refused = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(one) for one in refused} == {TargetUnresolved}
        waiting = [thread for thread in threading.enumerate() if thread.name == "resolve"]
        assert all(thread.daemon for thread in waiting)
        async with asyncio.timeout(5):
            assert await asyncio.to_thread(lambda: "free") == "free"
    finally:
        answered.set()
        for thread in waiting:
            thread.join(5)


async def test_an_address_needs_no_look_up() -> None:
    assert await resolve_checked("8.8.8.8", 443, PUBLIC, resolve=answering("127.0.0.1")) == [
        ip_address("8.8.8.8")
    ]
