"""What the figures run on: one cluster that writes to disk, a broker, real service processes."""

import asyncio
import http.client
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TypeVar, TypeVarTuple, Unpack

from bench.options import Options
from bench.production import link_packages
from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.home import prepare_home
from deploy.embedded.issuer import TokenIssuer
from deploy.embedded.ports import claim_ports
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.processes import Launch, Server
from deploy.embedded.settings import BROKER_OFFSET, ROOT, Broker, StackSettings
from deploy.kafka.server import ApacheKafka
from shared.database import Database
from shared.messaging.settings import KafkaSettings
from shared.migrate import migrate

START_SECONDS = 60.0

SPAWN = multiprocessing.get_context("spawn")

ArgumentTs = TypeVarTuple("ArgumentTs")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Process:
    """A running process that listens on 127.0.0.1:`port`."""

    port: int
    server: Server

    @property
    def memory(self) -> float:
        """Its resident memory in megabytes."""
        status = Path(f"/proc/{self.server.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6


class Bench:
    """Starts what a figure asks for; `clear` ends all of it but the cluster and the issuer."""

    def __init__(self, home: Path, options: Options) -> None:
        self.options = options
        self.postgres = EmbeddedPostgres(home)
        self.plans: list[str] = []
        self._home = home
        self._packages = home / "packages"
        link_packages(ROOT / "requirements" / "runtime.txt", self._packages)
        self._settings = StackSettings(
            home,
            claim_ports(2) - BROKER_OFFSET,
            options.broker,
            simulation_clock=False,
            source=ROOT,
        )
        self._issuer = TokenIssuer(home)
        self._broker: EmbeddedBroker | ApacheKafka | None = None
        self._servers: list[Server] = []
        self._databases: list[str] = []
        self._besides: list[SpawnProcess] = []
        self._client = ProcessPoolExecutor(1, SPAWN)
        self._settings.keep_keys()

    def token(self, organisation: str, *roles: str) -> str:
        """A token of a person of `organisation`."""
        return self._issuer.mint("bench", organisation, roles)

    async def database(self, service: str) -> str:
        """The URL of a new database with the schema of `service`."""
        name = f"{service}_{len(self._databases)}"
        self.postgres.create_database(name, service)
        self._databases.append(name)
        url = self.postgres.url(name, service)
        database = Database(url, service=service)
        await migrate(database, service)
        await database.close()
        return url

    def start_broker(self) -> KafkaSettings:
        """A broker that remembers nothing of what came before, and how it is spoken to."""
        if self._broker is not None:
            self._broker.stop()
        if self.options.broker is Broker.APACHE:
            home = Path(tempfile.mkdtemp(prefix="kafka-", dir=self._home))
            self._broker = ApacheKafka(home, self._settings.broker_port)
        else:
            self._broker = EmbeddedBroker(self._settings.broker_port)
        self._broker.start()
        return KafkaSettings(
            bootstrap=self._broker.bootstrap, idempotent=self.options.broker is Broker.APACHE
        )

    def start_service(self, service: str, database_url: str) -> Process:
        """A service on its database, ready; it relays and consumes where a broker is running."""
        environment = self._settings.environment(service, database_url)
        if self._broker is None:
            del environment[f"{service.upper()}_KAFKA_BOOTSTRAP"]
        return self.start_python(service, ("shared.serve", service), environment)

    def start_python(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> Process:
        """A Python module that takes `--port` and answers /readyz; it has what production has."""
        port = claim_ports()
        path = os.pathsep.join(map(str, (ROOT, self._packages)))
        launch = Launch(
            name=name,
            # Without `site`, so that it does not find what else is installed here.
            argv=(sys.executable, "-S", "-m", *arguments, "--port", str(port)),
            environment={**os.environ, **environment, "PYTHONPATH": path},
            directory=ROOT,
        )
        server = Server(self._home / f"{name}.log")
        self._servers.append(server)
        server.start(launch, lambda: _answers_ready(port), START_SECONDS)
        return Process(port, server)

    async def in_client(
        self, function: Callable[[Unpack[ArgumentTs]], ResultT], *arguments: *ArgumentTs
    ) -> ResultT:
        """Run a function of a module in the process that plays the clients."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._client, function, *arguments)

    def beside(
        self, function: Callable[[Unpack[ArgumentTs]], None], *arguments: *ArgumentTs
    ) -> None:
        """Start a function of a module in a process of its own, which ends with the figure."""
        process = SPAWN.Process(target=function, args=arguments, daemon=True)
        self._besides.append(process)
        process.start()

    def stop_processes(self) -> None:
        """Stop the services and whatever runs beside them."""
        for process in self._besides:
            process.kill()
            process.join()
        for server in self._servers:
            server.stop()
        self._besides.clear()
        self._servers.clear()

    def clear(self) -> None:
        """End what was started and drop what was stored since the last time."""
        self.stop_processes()
        if self._broker is not None:
            self._broker.stop()
            self._broker = None
        for name in self._databases:
            self.postgres.drop_database(name)
        self._databases.clear()

    def close(self) -> None:
        """End and remove everything."""
        self.clear()
        self._client.shutdown(cancel_futures=True)
        self.postgres.destroy()
        shutil.rmtree(self._home)


@contextmanager
def running_bench(home: Path, options: Options) -> Iterator[Bench]:
    """A bench below `home`, removed with everything it holds."""
    prepare_home(home)
    bench = Bench(Path(tempfile.mkdtemp(prefix="bench-", dir=home)), options)
    try:
        bench.postgres.start()
        yield bench
    finally:
        bench.close()


def _answers_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
