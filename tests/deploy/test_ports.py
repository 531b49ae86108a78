"""A claimed port stays free for its claimant: nobody is given it between claim and listening."""

import socket
import subprocess
import sys
from pathlib import Path

from deploy.embedded import ports
from deploy.embedded.ports import claim_ports

ASK = "from deploy.embedded.ports import claim_ports; print(claim_ports({count}))"


def outgoing() -> range:
    """The ports the system gives to outgoing connections."""
    lowest, highest = map(int, ports.LOCAL_PORT_RANGE.read_text(encoding="ascii").split())
    return range(lowest, highest + 1)


def ask_elsewhere(count: int) -> int:
    """What another process is told."""
    command = (sys.executable, "-c", ASK.format(count=count))
    root = Path(__file__).parents[2]
    asked = subprocess.run(command, capture_output=True, check=True, text=True, cwd=root)
    return int(asked.stdout)


def test_a_claimed_port_is_none_the_system_gives_to_outgoing_connections() -> None:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        assert chosen.getsockname()[1] in outgoing()  # so one that is let go can be given again
    assert claim_ports() not in outgoing()


def test_a_claimed_port_is_claimed_once_by_this_process_and_by_all() -> None:
    mine = claim_ports(3)
    assert not {mine, mine + 1, mine + 2} & {claim_ports(), ask_elsewhere(1)}


def test_the_claims_of_a_process_end_with_it() -> None:
    assert ask_elsewhere(40) == ask_elsewhere(40)


def test_a_port_somebody_listens_on_is_not_claimed() -> None:
    next_one = ask_elsewhere(1)
    with socket.create_server(("127.0.0.1", next_one)):
        assert claim_ports() != next_one


def test_a_listening_socket_takes_a_claimed_port() -> None:
    with socket.create_server(("127.0.0.1", claim_ports())):
        pass
