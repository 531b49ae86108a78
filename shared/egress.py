"""Where requests to targets that people enter may go: the public internet, and what is listed.

A target (of a webhook) is checked when it is entered, by `vet_target`, and at every request by the
client of `shared.http`. Each refusal is logged once, with the host alone.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Thread
from typing import Any, NoReturn, Self
from urllib.parse import SplitResult, urlsplit

import structlog

from shared.errors import FieldError, Invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
# The addresses of a host name, as the system's resolver gives them; raises OSError.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_log = structlog.get_logger(__name__)

URL_LIMIT = 2048
_DEFAULT_PORTS = {"https": 443, "http": 80}
RESOLVING_SECONDS = 5.0

# RFC 3986 without what no address of an interface needs: all parsers agree on what is left.
_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+\Z")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)\Z")
# What some resolver reads as a number, and so as an IPv4 address: 2130706433, 0x7f.1, 127.1.
_NUMERIC = re.compile(r"[0-9]+\Z|0x[0-9a-f]*\Z")

_REFUSED_NETWORKS: Sequence[Network] = [
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # the host's own services on a cloud
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",  # Teredo and other protocols
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",
    )
]
_HOME: Sequence[Network] = [
    ip_network(network) for network in ("127.0.0.0/8", "169.254.0.0/16", "::1", "fe80::/10")
]
# All other IPv6 is local, multicast, or carries an IPv4 address (mapped, compatible, NAT64).
_GLOBAL_UNICAST = IPv6Network("2000::/3")


class Reason(StrEnum):
    """Why a target is refused."""

    TOO_LONG = "TOO_LONG"
    CHARACTERS = "CHARACTERS"
    SCHEME = "SCHEME"
    USERINFO = "USERINFO"
    FRAGMENT = "FRAGMENT"
    HOST = "HOST"
    PORT = "PORT"
    ADDRESS = "ADDRESS"


_TEXTS: Mapping[Reason, tuple[str, str]] = {
    Reason.TOO_LONG: ("地址过长。", "It is too long."),
    Reason.CHARACTERS: (
        "地址只能由英文字母、数字和常用符号组成；中文域名请写成 xn-- 形式。",
        "Only ASCII characters of a URL; write other domain names as xn--.",
    ),
    Reason.SCHEME: ("地址须以 https:// 开头。", "It must begin with https://."),
    Reason.USERINFO: ("地址中不得带用户名或口令。", "It must not hold a user name or password."),
    Reason.FRAGMENT: ("地址中不得带 # 片段。", "It must not hold a fragment (#)."),
    Reason.HOST: (
        "主机须为普通域名或写全的 IP 地址，端口须为数字。",
        "The host must be a plain domain name or a full IP address, the port a number.",
    ),
    Reason.PORT: ("不允许使用该端口。", "This port is not allowed."),
    Reason.ADDRESS: (
        "地址指向内部或保留网络；省级平台等内网地址须由运维登记。",
        "It leads to an internal or reserved network that the operator has not listed.",
    ),
}


class TargetRefused(Invalid):
    """The target must not be reached.

    Raised when it is entered, as a 422 naming the field, and by the guarded client. Members:
    `reason`, a `Reason`.
    """

    code = "TARGET_REFUSED"
    zh = "推送地址不被接受。"
    en = "The target is not accepted."

    def __init__(self, reason: Reason, field: str = "target") -> None:
        super().__init__(errors=[FieldError(field, self.code, *_TEXTS[reason])], reason=str(reason))
        self.reason = reason


class TargetUnresolved(Invalid):
    """The host name of the target has no address."""

    code = "TARGET_UNRESOLVED"
    zh = "推送地址的域名无法解析。"
    en = "The host name of the target cannot be resolved."


@dataclass(frozen=True, slots=True)
class Egress:
    """Where requests to targets that people enter may go, besides the public internet.

    `networks` are private networks the operator vouches for; `ports` are inclusive ranges;
    `plain_http` accepts http:// beside https://, to every address that is allowed.
    """

    networks: tuple[Network, ...] = ()
    ports: tuple[tuple[int, int], ...] = ((80, 80), (443, 443), (8080, 8080), (8443, 8443))
    plain_http: bool = False

    @classmethod
    def parse(cls, networks: str, ports: str, *, plain_http: bool) -> Self:
        """From lists as in "10.8.0.0/16,192.168.3.4/32" and "443,8000-8100"; raises ValueError."""
        return cls(
            tuple(_network(item) for item in _items(networks)),
            tuple(_port_range(item) for item in _items(ports)),
            plain_http,
        )

    def allows_port(self, port: int) -> bool:
        """Whether connections to `port` may be opened."""
        return any(first <= port <= last for first, last in self.ports)

    def allows(self, address: Address) -> bool:
        """Whether `address` is public or lies in a network the operator vouches for."""
        return any(address in network for network in self.networks) or is_public(address)

    def leads_home(self) -> bool:
        """Whether a listed network holds addresses of this machine, or of its link."""
        return any(
            network.version == home.version and network.overlaps(home)
            for network in self.networks
            for home in _HOME
        )


def is_public(address: Address) -> bool:
    """Whether `address` is one of the public internet, carrying no other address inside."""
    if not address.is_global or any(address in network for network in _REFUSED_NETWORKS):
        return False
    return isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST


def _items(listed: str) -> Iterable[str]:
    return filter(None, (item.strip() for item in listed.split(",")))


def _network(item: str) -> Network:
    network = ip_network(item)
    if network.prefixlen == 0:
        raise ValueError("a network that holds every address is no allow-list")
    return network


def _port_range(item: str) -> tuple[int, int]:
    first, _, last = item.partition("-")
    low, high = int(first), int(last or first)
    if not 0 < low <= high < 65_536:
        raise ValueError("ports are numbers from 1 to 65535 or ranges of them")
    return low, high


def check_target(url: str, egress: Egress, field: str = "target") -> tuple[str, int]:
    """Host and port of `url`; raises `TargetRefused` for what needs no look-up to be refused."""
    if len(url) > URL_LIMIT:
        _refuse(Reason.TOO_LONG, None, field)
    if not _CHARACTERS.match(url):
        _refuse(Reason.CHARACTERS, None, field)
    try:
        parts = urlsplit(url)
        port = _DEFAULT_PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
    except ValueError:  # brackets that do not match, a port that is no number
        _refuse(Reason.HOST, None, field)
    host = parts.hostname or ""
    reason = _fault(parts, host, port, egress)
    if reason is not None:
        _refuse(reason, host, field)
    return host, port


def _fault(parts: SplitResult, host: str, port: int, egress: Egress) -> Reason | None:
    address = _written_address(host)
    bracketed = "[" in parts.netloc
    faults = {
        Reason.SCHEME: parts.scheme != "https"
        and not (parts.scheme == "http" and egress.plain_http),
        Reason.USERINFO: "@" in parts.netloc,
        Reason.FRAGMENT: bool(parts.fragment),
        Reason.HOST: bracketed != (":" in host) or (address is None and not _is_name(host)),
        Reason.PORT: not egress.allows_port(port),
        Reason.ADDRESS: address is not None and not egress.allows(address),
    }
    return next((reason for reason, found in faults.items() if found), None)


async def vet_target(
    url: str, egress: Egress, field: str = "target", resolve: Resolve | None = None
) -> None:
    """What a target must pass when it is entered: the form of its URL, and all its addresses.

    Raises `TargetRefused`, or `TargetUnresolved` where the name has no address now.
    """
    host, port = check_target(url, egress, field)
    try:
        await resolve_checked(host, port, egress, field=field, resolve=resolve)
    except OSError:
        raise TargetUnresolved.about(field) from None


async def resolve_checked(
    host: str,
    port: int,
    egress: Egress,
    *,
    field: str = "target",
    resolve: Resolve | None = None,
) -> Sequence[Address]:
    """The addresses of `host`, all of them allowed, after at most 5 seconds.

    Raises `TargetRefused` where any is not, `OSError` where there is none.
    """
    if not egress.allows_port(port):
        _refuse(Reason.PORT, host, field)
    address = _written_address(host)
    if address is not None:
        addresses: Sequence[Address] = [address]
    else:
        async with asyncio.timeout(RESOLVING_SECONDS):
            addresses = [ip_address(item) for item in await (resolve or look_up)(host, port)]
    if not addresses:
        raise OSError("no address")
    if not all(egress.allows(address) for address in addresses):
        _refuse(Reason.ADDRESS, host, field)
    return addresses


async def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses of a name by the system's resolver; a `Resolve`.

    It is asked in a thread of its own: while a name server does not answer, nothing else waits for
    it, the end of the process included.
    """
    asked: Future[Sequence[Any]] = Future()
    asked.set_running_or_notify_cancel()

    def ask() -> None:
        try:
            asked.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 - it is passed on to who has asked
            asked.set_exception(error)

    Thread(target=ask, name="resolve", daemon=True).start()
    return [str(place[0]) for *_, place in await asyncio.wrap_future(asked)]


def _refuse(reason: Reason, host: str | None, field: str) -> NoReturn:
    _log.warning("target_refused", reason=str(reason), host=host)
    raise TargetRefused(reason, field)


def _written_address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    labels = host.split(".")
    return (
        len(host) <= 253
        and all(_LABEL.match(label) for label in labels)
        and not _NUMERIC.match(labels[-1])
    )
