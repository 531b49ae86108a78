"""The supervisor of the one-machine stack: ordered start, restarts with back-off, ordered stop."""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

from deploy.embedded.broker import EmbeddedBroker
from deploy.embedded.home import StackLock, prepare_home
from deploy.embedded.issuer import TokenIssuer
from deploy.embedded.logs import Console, ProcessLog
from deploy.embedded.managed import Managed
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.processes import Launch, StackError
from deploy.embedded.settings import SERVICES, Broker, StackSettings
from deploy.kafka.server import ApacheKafka

START_SECONDS = 60.0
MIGRATION_SECONDS = 600.0
LEFTOVER_SECONDS = 15.0
SERVICE_STOP_SECONDS = 12.0


class Supervisor:
    """Runs one stack until it is told to stop; `announce_ready` gets the message with the URLs."""

    def __init__(
        self, settings: StackSettings, console: Console, announce_ready: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._home = settings.home
        self._console = console
        self._announce_ready = announce_ready
        self._postgres = EmbeddedPostgres(self._home)
        self._logs: dict[str, ProcessLog] = {}
        # In the order of their start; stopped the other way round.
        self._infrastructure: list[Managed] = []
        self._services: list[Managed] = []

    async def run(self) -> None:
        """Start everything, keep it running, stop it on SIGINT, SIGTERM or SIGHUP.

        Raises StackError, after stopping what had started, when the stack does not come up.
        """
        prepare_home(self._home)
        lock = StackLock(self._home)
        was_killed = lock.acquire()
        try:
            with self._stop_signals_cancel():
                await self._wait_for_leftovers(was_killed)
                await self._start()
                await self._watch()
        except asyncio.CancelledError:
            self._say("stopping")
        finally:
            await self._stop()
            lock.release()

    # -- start -----------------------------------------------------------------------------------

    async def _start(self) -> None:
        began = time.monotonic()
        TokenIssuer(self._home)
        self._settings.keep_keys()
        await self._start_postgres()
        for service in SERVICES:
            await asyncio.to_thread(self._postgres.ensure_database, service, service)
            await self._migrate(service)
        await self._start_broker()
        for service in SERVICES:
            self._services.append(self._service(service))
            await self._services[-1].spawn()
        await asyncio.gather(*(service.wait_ready(START_SECONDS) for service in self._services))
        took = time.monotonic() - began
        urls = "".join(f"\n  {name:<12}{self._settings.url(name)}" for name in SERVICES)
        message = f"Bangfu is ready ({took:.1f} s).{urls}\n  {'state':<12}{self._home}"
        self._say(message)
        self._announce_ready(message)

    async def _start_postgres(self) -> None:
        await asyncio.to_thread(self._postgres.prepare)
        launch = self._postgres.launch()
        managed = Managed(launch, _in_thread(self._postgres.is_ready), self._log(launch.name))
        self._infrastructure.append(managed)
        await managed.spawn()
        await managed.wait_ready(START_SECONDS)

    async def _start_broker(self) -> None:
        port = self._settings.broker_port
        broker: EmbeddedBroker | ApacheKafka
        if self._settings.broker is Broker.APACHE:
            broker = ApacheKafka(self._home, port)
            await asyncio.to_thread(broker.prepare)
        else:
            broker = EmbeddedBroker(port)
        launch = broker.launch()
        managed = Managed(launch, _in_thread(broker.is_ready), self._log(launch.name))
        self._infrastructure.append(managed)
        await managed.spawn()
        await managed.wait_ready(START_SECONDS)

    async def _migrate(self, service: str) -> None:
        """One after the other: each takes its lock and is over in a moment when up to date."""
        log = self._log(f"migrate-{service}")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shared.migrate", service),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self._settings.source,
            env=self._environment(service),
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(MIGRATION_SECONDS):
                await log.follow(process.stdout)
                code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if code != 0:
            raise StackError(f"The schema of {service} could not be brought up to date: {log.path}")

    def _service(self, name: str) -> Managed:
        port = self._settings.port(name)
        launch = Launch(
            name=name,
            argv=(
                *(sys.executable, "-m", "shared.serve", name),
                *("--host", "127.0.0.1", "--port", str(port)),
            ),
            environment=self._environment(name),
            directory=self._settings.source,
            stop_seconds=SERVICE_STOP_SECONDS,
        )
        return Managed(launch, lambda: answers_ready(port), self._log(name))

    def _environment(self, service: str) -> dict[str, str]:
        return self._settings.environment(service, self._postgres.url(service, service))

    async def _wait_for_leftovers(self, was_killed: bool) -> None:
        """Refuse busy ports; after a supervisor's violent end its children need a moment to go."""
        deadline = time.monotonic() + (LEFTOVER_SECONDS if was_killed else 0.0)
        while True:
            busy = {what: port for what, port in self._settings.ports().items() if _is_busy(port)}
            if not busy and not (was_killed and self._postgres.is_ready()):
                return
            if time.monotonic() >= deadline:
                break
            await asyncio.sleep(0.1)
        if busy:
            what, port = next(iter(busy.items()))
            raise StackError(
                f"Port {port} ({what}) is in use; stop what listens there or set another PORT_BASE."
            )

    # -- keep running ----------------------------------------------------------------------------

    async def _watch(self) -> None:
        async with asyncio.TaskGroup() as watching:
            for managed in (*self._infrastructure, *self._services):
                forgets = managed.name == "broker"
                revive = self._restart_with_services if forgets else Managed.spawn
                watching.create_task(self._keep_running(managed, revive))

    async def _keep_running(
        self, managed: Managed, revive: Callable[[Managed], Awaitable[None]]
    ) -> None:
        while True:
            await managed.crashed.wait()
            delay = managed.next_delay()
            self._say(
                f"{managed.name} ended with code {managed.exit_code}; starting it in {delay:g} s"
            )
            await asyncio.sleep(delay)
            try:
                await revive(managed)
            except StackError as error:
                self._say(str(error))

    async def _restart_with_services(self, broker: Managed) -> None:
        """Bring back the memory-only broker, which has forgotten topics, records and offsets.

        The services go first and come back last. A producer that stayed would have records
        acknowledged for topics that no longer exist, and a consumer that stayed would wait at its
        old position and skip what is below it. Nothing is lost by the restart: at their start the
        services find their topics missing, create them and publish again from their outboxes, and
        consumers absorb through their inboxes what they had.
        """
        await asyncio.gather(*(service.stop() for service in self._services))
        await broker.spawn()
        await broker.wait_ready(START_SECONDS)
        for service in self._services:
            await service.spawn()

    # -- stop ------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        await asyncio.gather(*(service.stop() for service in self._services))
        for managed in reversed(self._infrastructure):
            await managed.stop()
        self._say("stopped")
        for log in self._logs.values():
            log.close()

    @contextlib.contextmanager
    def _stop_signals_cancel(self) -> Iterator[None]:
        """The first stop signal cancels the block; later ones, and those after it, change nothing.

        Stopping is bounded as it is, and must not be left half done.
        """
        task = asyncio.current_task()
        assert task is not None
        asked = asyncio.Event()

        def stop() -> None:
            if not asked.is_set():
                asked.set()
                task.cancel()

        loop = asyncio.get_running_loop()
        for stop_signal in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(stop_signal, stop)
        try:
            yield
        finally:
            asked.set()

    def _log(self, name: str) -> ProcessLog:
        if name not in self._logs:
            self._logs[name] = ProcessLog(name, self._home / "logs", self._console)
        return self._logs[name]

    def _say(self, message: str) -> None:
        for line in message.splitlines():
            self._log("stack").write(line)


async def answers_ready(port: int) -> bool:
    """Whether GET /readyz on 127.0.0.1:`port` answers 200."""
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET /readyz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except OSError:
        return False


def _in_thread(probe: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return await asyncio.to_thread(probe)

    return ask


def _is_busy(port: int) -> bool:
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
