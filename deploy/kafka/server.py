"""A single Apache Kafka node (KRaft, broker and controller in one process) on 127.0.0.1."""

import base64
import re
import secrets
import shutil
import subprocess
from pathlib import Path

from deploy.embedded.broker import answers_kafka
from deploy.embedded.processes import Launch, Server, StackError
from deploy.maven import cached, copy_artifacts

HERE = Path(__file__).parent
POM = HERE / "pom.xml"
START_SECONDS = 90.0
MEMORY = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC")
DAY_MINUTES = 24 * 60

# Replication factors are 1 because there is one node: the outboxes keep events beyond its disk.
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "unclean.leader.election.enable": "false",
    "num.partitions": "12",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "log.cleanup.policy": "delete",
    "log.retention.minutes": str(30 * DAY_MINUTES),
    # A group that stands still over a long holiday must find its place again.
    "offsets.retention.minutes": str(60 * DAY_MINUTES),
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Nobody else is about to join a group on one machine: do not wait 3 s for them.
    "group.initial.rebalance.delay.ms": "50",
    # After a crash the node waits until its own old registration has expired (default 9 s).
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
}


class ApacheKafka:
    """One Kafka node with its data in `home`/kafka; the controller listens on `port` + 1."""

    def __init__(self, home: Path, port: int) -> None:
        self.port = port
        self._directory = home.resolve() / "kafka"
        self._properties = self._directory / "server.properties"
        self._server = Server(self._directory / "kafka.log")

    @property
    def pid(self) -> int | None:
        """Process id while running, for faults that signals make."""
        return self._server.pid

    @property
    def bootstrap(self) -> str:
        """What clients take as bootstrap servers."""
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Fetch the artifacts and format the storage where that has not been done."""
        fetch()
        data = self._directory / "data"
        data.mkdir(parents=True, exist_ok=True)
        settings = SETTINGS | {
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{self.port + 1}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@127.0.0.1:{self.port + 1}",
            "log.dirs": str(data),
        }
        lines = (f"{key}={value}\n" for key, value in settings.items())
        self._properties.write_text("".join(lines), encoding="utf-8")
        if not (data / "meta.properties").exists():
            self._format()

    def launch(self) -> Launch:
        """How the node is run; `prepare` comes first."""
        return Launch(
            name="kafka",
            argv=(*_java(), *MEMORY, "kafka.Kafka", str(self._properties)),
            directory=self._directory,
            stop_seconds=30.0,
        )

    def is_ready(self) -> bool:
        """Whether the broker answers requests now (it does so only once it leads its topics)."""
        return answers_kafka(self.port)

    def start(self) -> None:
        """Prepare, launch and wait until requests are answered."""
        self.prepare()
        self._server.start(self.launch(), self.is_ready, START_SECONDS)

    def stop(self) -> None:
        """Controlled shutdown; records, topics and group offsets stay."""
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL: what a crash leaves; the next start recovers."""
        self._server.kill()

    def _format(self) -> None:
        cluster = base64.urlsafe_b64encode(b"bangfu" + secrets.token_bytes(10)).decode().rstrip("=")
        done = subprocess.run(
            [
                *(*_java(), "kafka.tools.StorageTool", "format"),
                *("-t", cluster, "-c", str(self._properties)),
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise StackError(f"Kafka's storage could not be formatted:\n{done.stdout}{done.stderr}")


def version() -> str:
    """The Kafka version pom.xml names."""
    found = re.search(r"<kafka\.version>(.+)</kafka\.version>", POM.read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def libraries() -> Path:
    """Where the artifacts lie once fetched: kafka-<version> in the cache."""
    return cached(f"kafka-{version()}")


def fetch() -> Path:
    """Copy Kafka and its dependencies (43 MB) from Maven Central into the cache, once."""
    return copy_artifacts(POM, f"kafka-{version()}")


def _java() -> list[str]:
    java = shutil.which("java")
    if java is None:
        raise StackError("Apache Kafka needs Java 17 or newer: install a JRE.")
    configuration = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
    return [java, configuration, "-cp", f"{libraries()}/*"]
