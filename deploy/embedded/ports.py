"""Ports for servers that tests and benchmarks start, which nobody else takes before they listen."""

import socket
from contextlib import closing
from pathlib import Path

LOCAL_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
FIRST, LAST = 10_000, 65_535

_claims: dict[int, socket.socket] = {}


class NoPorts(OSError):
    """So many neighbouring ports are not to be had on this machine."""


def claim_ports(count: int = 1) -> int:
    """Claim `count` neighbouring ports of 127.0.0.1 until this process ends; answers the first.

    None of them can be given to an outgoing connection, which a port the system chose can be as
    soon as it was let go, and no other process that asks here is told the same.
    """
    candidates = _candidates()
    for first in candidates:
        ports = range(first, first + count)
        if ports[-1] not in candidates:
            break
        if all(_claim(port) for port in ports):
            return first
    raise NoPorts(f"{count} neighbouring ports are not free")


def _candidates() -> range:
    """The longer side of the ports beside those of outgoing connections; all where none are."""
    lowest, highest = map(int, LOCAL_PORT_RANGE.read_text(encoding="ascii").split())
    beside = max(range(FIRST, lowest), range(highest + 1, LAST + 1), key=len)
    return beside or range(FIRST, LAST + 1)


def _claim(port: int) -> bool:
    """Whether the port is now this process' own.

    The claim is a name in the kernel's space of sockets: it ends with the process.
    """
    if port in _claims:
        return False
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0bangfu port {port}")
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return False
    _claims[port] = claim
    return True
