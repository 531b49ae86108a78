"""What the fault tests play on: brokers, running loops, waiting, and the broker's log as it is."""

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic
from typing import Any, Self

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.structs import ConsumerRecord

from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.processes import Launch, kill_group
from deploy.kafka.server import ApacheKafka
from shared.database import Database
from shared.ids import new_id
from shared.messaging.consumer import Consumer
from shared.messaging.recollection import group_of
from shared.messaging.settings import KafkaSettings
from tests.faults.auditor import Fact
from tests.faults.toys import TOPIC, effects

ROOT = Path(__file__).parents[2]

Loop = Callable[[asyncio.Event], Awaitable[None]]


class NeverHappened(AssertionError):
    """Something awaited did not come true in its time."""


class AdvertisingBroker(EmbeddedBroker):
    """An embedded broker that sends its clients to another port: a proxy's."""

    advertised_port: int | None = None

    def launch(self) -> Launch:
        """The launch with the advertised address exchanged."""
        launch = super().launch()
        if self.advertised_port is None:
            return launch
        argv = (*launch.argv[:-1], f"tcp://127.0.0.1:{self.advertised_port}")
        return replace(launch, argv=argv)


class TwoDoorKafka(ApacheKafka):
    """An Apache Kafka node with a second listener that is advertised at a proxy's port.

    Of the node's four ports the third is that listener and the fourth is left to the proxy.
    """

    @property
    def second_door(self) -> int:
        """Where the proxy connects to."""
        return self.port + 2

    @property
    def proxy_port(self) -> int:
        """Where the proxy listens."""
        return self.port + 3

    def prepare(self) -> None:
        """Write the properties with the second listener added; the last of a key counts."""
        super().prepare()
        direct, proxied = f"PLAINTEXT://{self.bootstrap}", "PROXIED://127.0.0.1:"
        added = {
            "listeners": f"{direct},CONTROLLER://127.0.0.1:{self.port + 1},"
            f"{proxied}{self.second_door}",
            "advertised.listeners": f"{direct},{proxied}{self.proxy_port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
            "PROXIED:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
            "group.min.session.timeout.ms": "1000",
        }
        with self._properties.open("a", encoding="utf-8") as properties:
            properties.writelines(f"{key}={value}\n" for key, value in added.items())


class SecondNode(ApacheKafka):
    """A broker that joins the cluster of a node; what leads there is gone while it stands still."""

    def __init__(self, home: Path, port: int, first: ApacheKafka) -> None:
        super().__init__(home, port)
        self._first = first

    def prepare(self) -> None:
        """Give it an identity in the first node's cluster, and the properties of a broker."""
        identity = self._first._directory / "data" / "meta.properties"
        lines = [
            line
            for line in identity.read_text(encoding="utf-8").splitlines()
            if not line.startswith(("node.id=", "directory.id="))
        ]
        directory_id = base64.urlsafe_b64encode(new_id().bytes).decode().rstrip("=")
        data = self._directory / "data"
        data.mkdir(parents=True)
        (data / "meta.properties").write_text(
            "\n".join([*lines, "node.id=2", f"directory.id={directory_id}", ""]), encoding="utf-8"
        )
        super().prepare()
        added = {
            "process.roles": "broker",
            "node.id": "2",
            "listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.quorum.voters": f"1@127.0.0.1:{self._first.port + 1}",
        }
        with self._properties.open("a", encoding="utf-8") as properties:
            properties.writelines(f"{key}={value}\n" for key, value in added.items())

    def signal(self, what: signal.Signals) -> None:
        """Stop the whole process and let it go on: SIGSTOP, SIGCONT."""
        assert self._server.pid is not None
        os.kill(self._server.pid, what)


def kafka(bootstrap: str | int, **changes: object) -> KafkaSettings:
    """Settings for an embedded broker: no idempotent producer, and short patience."""
    address = bootstrap if isinstance(bootstrap, str) else f"127.0.0.1:{bootstrap}"
    settings = KafkaSettings(address, idempotent=False, request_timeout_milliseconds=1500)
    return replace(settings, **changes)  # type: ignore[arg-type]


async def until(
    condition: Callable[[], Awaitable[bool]], within_seconds: float, what: str, every: float = 0.05
) -> float:
    """Poll until `condition` holds; answers how long it took, raises `NeverHappened`."""
    started = monotonic()
    while not await condition():
        if monotonic() - started > within_seconds:
            raise NeverHappened(f"{what}: not within {within_seconds:g} s")
        await asyncio.sleep(every)
    return monotonic() - started


def database_name(database: Database) -> str:
    """The name in the URL."""
    return database.url.split("@/")[1].split("?")[0]


async def pending(database: Database) -> int:
    """How many outbox rows wait to be sent."""
    async with database.statement() as connection:
        waiting: int = await connection.fetchval(
            "SELECT count(*) FROM outbox WHERE published_at IS NULL AND parked_at IS NULL"
        )
    return waiting


async def until_drained(database: Database, within_seconds: float) -> float:
    """Wait until everything recorded is acknowledged; answers how long it took."""

    async def drained() -> bool:
        return await pending(database) == 0

    return await until(drained, within_seconds, "outbox drained")


async def until_quiet(database: Database, quiet_seconds: float = 1.0) -> int:
    """Wait until the outbox is drained or no longer changes; answers what is left in it."""
    left, since = await pending(database), monotonic()
    while left and monotonic() - since < quiet_seconds:
        await asyncio.sleep(0.05)
        now = await pending(database)
        if now != left:
            left, since = now, monotonic()
    return left


@asynccontextmanager
async def running(*loops: Loop) -> AsyncIterator[list["asyncio.Task[None]"]]:
    """Run loops beside the block and stop them with it."""
    stop = asyncio.Event()
    tasks = [asyncio.ensure_future(_run(loop, stop)) for loop in loops]
    try:
        yield tasks
    finally:
        stop.set()
        late = (await asyncio.wait(tasks, timeout=10))[1] if tasks else ()
        for task in late:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def _run(loop: Loop, stop: asyncio.Event) -> None:
    await loop(stop)


async def start_worker(
    what: str, arguments: Mapping[str, Any], settings: KafkaSettings, **environment: str
) -> asyncio.subprocess.Process:
    """Start a child process of `worker.py`."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.worker", what),
        json.dumps({**arguments, "kafka": asdict(settings)}),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        start_new_session=True,
    )


@asynccontextmanager
async def worker(
    what: str, arguments: Mapping[str, Any], settings: KafkaSettings, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A child process of `worker.py`; killed with the block if it still runs."""
    process = await start_worker(what, arguments, settings, **environment)
    try:
        yield process
    finally:
        kill_group(process.pid)
        await process.wait()


class Supervised:
    """A child process of `worker.py` that is started again whenever it exits."""

    def __init__(self, what: str, arguments: Mapping[str, Any], settings: KafkaSettings) -> None:
        self._what, self._arguments, self._settings = what, arguments, settings
        self._watching: asyncio.Task[None] | None = None
        self.restarts = 0

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._watching is not None
        self._watching.cancel()
        await asyncio.wait({self._watching})

    async def _watch(self) -> None:
        while True:
            async with worker(self._what, self._arguments, self._settings) as process:
                await process.wait()
            self.restarts += 1


async def until_received(database: Database, number: int, within_seconds: float) -> float:
    """Wait until a consumer has so many different events; answers how long it took."""

    async def received() -> bool:
        async with database.statement() as connection:
            found: int = await connection.fetchval(
                "SELECT count(*) FROM (SELECT event_id FROM inbox UNION"
                " SELECT event_id FROM effect) AS known"
            )
        return found >= number

    return await until(received, within_seconds, f"{number} events received")


async def coordinated(bootstrap: str, group: str) -> bool:
    """Whether the cluster has a coordinator for the group."""
    administrator = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await administrator.start()
    try:
        await administrator.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:
        return False
    else:
        return True
    finally:
        await administrator.close()


async def lag_of(bootstrap: str, reader: Database, service: str) -> int:
    """How many records of the toys' topic the group of a service has not committed."""
    async with reader.statement() as connection:
        group = await group_of(connection, service)
    administrator = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=bootstrap)
    await administrator.start()
    await consumer.start()
    try:
        committed = await administrator.list_consumer_group_offsets(group)
        ends = await consumer.end_offsets(consumer.assignment())
        return sum(end - committed[p].offset if p in committed else end for p, end in ends.items())
    finally:
        await consumer.stop()
        await administrator.close()


async def effects_of(database: Database) -> list[Fact]:
    """What a consumer has done to its database, in its order."""
    async with database.statement() as connection:
        return await effects(connection)


async def records_of(bootstrap: str, topic: str = TOPIC) -> list[list[ConsumerRecord]]:
    """Every record of each partition as the broker has it, read without a group."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        places = sorted(consumer.assignment())
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        records: dict[Any, list[ConsumerRecord]] = {place: [] for place in places}
        # A wiped embedded broker can name an end that it has no records up to.
        pulled: dict[Any, list[ConsumerRecord]] = {places[0]: []}
        while pulled and [p for p in places if await consumer.position(p) < ends[p]]:
            pulled = await consumer.getmany(timeout_ms=2000)
            for place, found in pulled.items():
                records[place] += found
        return list(records.values())
    finally:
        await consumer.stop()


async def log_of(bootstrap: str, topic: str = TOPIC) -> list[Fact]:
    """The facts in the broker's log, partition after partition."""
    partitions = await records_of(bootstrap, topic)
    return [fact_of(record) for records in partitions for record in records]


async def consume_log(consumer: Consumer, bootstrap: str) -> None:
    """Have a consumer settle all there is, without its membership of a group."""
    for records in await records_of(bootstrap):
        assert await consumer._process(records, asyncio.Event())


def fact_of(record: ConsumerRecord) -> Fact:
    """A record by its CloudEvents headers."""
    headers = dict(record.headers)
    sequence = int(headers["ce_sequence"])
    return Fact(headers["ce_id"].decode(), headers["ce_subject"].decode(), sequence)
