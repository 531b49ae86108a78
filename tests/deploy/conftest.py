"""Free ports for the servers these tests start."""

import socket
from collections.abc import Callable

import pytest

FreePorts = Callable[[int], int]


@pytest.fixture(scope="session")
def free_ports() -> FreePorts:
    """Find the first of `count` neighbouring ports nobody listens on, never the same twice."""
    given = iter(range(23_000, 60_000, 200))

    def find(count: int) -> int:
        for first in given:
            if all(_is_free(first + offset) for offset in range(count)):
                return first
        raise AssertionError("no free ports")

    return find


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        return candidate.connect_ex(("127.0.0.1", port)) != 0
