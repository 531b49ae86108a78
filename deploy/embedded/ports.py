"""Ports for servers that tests and benchmarks start, which nobody else takes before they listen."""

import fcntl
import os
import socket
import tempfile
from functools import cache
from pathlib import Path

LOCAL_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
FIRST, LAST = 10_000, 65_535

# Byte N of this file is locked for port N by the process that has claimed it, and is free again
# when that process ends.
_CLAIMS = Path(tempfile.gettempdir()) / f"bangfu-ports-{os.getuid()}"

_claimed: set[int] = set()


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
    """Whether the port is free and now this process' own."""
    if port in _claimed:
        return False
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    _claimed.add(port)
    return True


@cache
def _claims() -> int:
    """The open file of claims, one for all of a user's processes; closing it would end them."""
    return os.open(_CLAIMS, os.O_RDWR | os.O_CREAT, 0o600)
