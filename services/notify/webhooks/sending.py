"""The loop that sends webhooks: takes lanes, keeps them supplied, records what came of it."""

import asyncio
import heapq
import time
from datetime import datetime
from uuid import UUID

import structlog

from services.notify.feeds.recording import CHANNEL
from services.notify.keys import keys_of
from services.notify.settings import NotifySettings
from services.notify.webhooks import metrics
from services.notify.webhooks.claiming import (
    HeldLane,
    claim_due,
    failing_lanes,
    introduce,
    record_results,
    release_lanes,
    take_lanes,
)
from services.notify.webhooks.commands import suspend_endpoint
from services.notify.webhooks.domain import Reason
from services.notify.webhooks.lanes import Lane
from services.notify.webhooks.queries import measure_undelivered, policy_of
from services.notify.webhooks.signing import Secret, Signatures
from shared import clock
from shared.database import Connection
from shared.http import guarded_client
from shared.ids import new_id
from shared.messaging.failures import describe
from shared.messaging.running import pause, run_until_stopped
from shared.privacy import SealBroken, SealedColumn
from shared.runtime import Runtime

_log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
# Results are gathered for so long before they are recorded, unless a lane waits for that.
GATHER_SECONDS = 0.05
MEASURE_SECONDS = 15.0
RECONNECT_SECONDS = 1.0
FINISH_SECONDS = 1.0
# Far more than all lanes together ever use: none waits for another's connection.
CONNECTIONS = 4096
# The lease must not run out while an attempt is being started.
MARGIN_SECONDS = 2.0


class Sender:
    """The lanes of this process; any number of processes share them by leases."""

    def __init__(self, runtime: Runtime) -> None:
        settings = runtime.settings
        assert isinstance(settings, NotifySettings)
        self._runtime = runtime
        self._database = runtime.database
        self._holder = new_id()
        self._client = guarded_client(
            settings.webhook_egress, connections=CONNECTIONS, ca_file=settings.webhook_ca_file
        )
        self._lanes: dict[UUID, Lane] = {}
        self._wake = asyncio.Event()
        self._is_to_look = True
        self._looked_at = 0.0
        self._gathering: asyncio.TimerHandle | None = None
        self._alarms: list[datetime] = []
        self._next_measure = 0.0
        self._column: SealedColumn | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; no outage of the database ends it earlier."""
        try:
            while not stop.is_set():
                try:
                    await self._serve(stop)
                except Exception as error:  # noqa: BLE001 - the rows are still there
                    _log.warning("webhooks_interrupted", cause=describe(error))
                    await pause(stop, RECONNECT_SECONDS)
        finally:
            await self._client.aclose()

    async def drain(self) -> int:
        """Send what is due at this instant and is nobody else's; how many attempts were made."""
        attempts = 0
        connection = await self._connect()
        try:
            attempts += await self._turn(connection)
            while self._lanes:
                await self._rest()
                attempts += await self._turn(connection)
        finally:
            await self._leave(connection)
            await self._client.aclose()
        return attempts

    async def _connect(self) -> Connection:
        async with self._database.reading() as session:
            self._column = keys_of(session).column("webhook_secrets", "sealed")
        connection = await self._database.connect()
        await introduce(connection, self._holder)
        return connection

    async def _serve(self, stop: asyncio.Event) -> None:
        connection = await self._connect()
        stopping = asyncio.create_task(self._wake_when(stop))

        def heard(_connection: object, _process: int, _channel: str, _payload: object) -> None:
            self._is_to_look = True
            self._news(time.monotonic() - self._looked_at > GATHER_SECONDS)

        try:
            await connection.add_listener(CHANNEL, heard)
            while not stop.is_set():
                await self._turn(connection)
                await self._measure(connection)
                await self._rest()
        finally:
            stopping.cancel()
            await self._leave(connection)

    async def _leave(self, connection: Connection) -> None:
        """Give what is under way a moment, record what came of it, and let the lanes go."""
        running = {task for lane in self._lanes.values() for task in lane.running}
        for lane in self._lanes.values():
            lane.may_send(0)
        try:
            if running:
                await asyncio.wait(running, timeout=FINISH_SECONDS)
            if not connection.is_closed():
                await self._record(connection)
                await release_lanes(connection, self._holder, list(self._lanes))
        finally:
            for task in running:
                task.cancel()
            connection.terminate()

    async def _wake_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    def _news(self, at_once: bool) -> None:
        if at_once:
            self._wake.set()
        elif self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._wake.set)

    async def _rest(self) -> None:
        """Wait for results, news from the database, the next retry, or a second."""
        seconds = self._looked_at + POLL_SECONDS - time.monotonic()
        if self._alarms:
            until = (self._alarms[0] - clock.now()).total_seconds()
            seconds = min(seconds, until)
        await pause(self._wake, max(seconds, 0.001))
        self._wake.clear()
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None

    async def _turn(self, connection: Connection) -> int:
        """Record what came, look for new work, supply the lanes; how many results were recorded."""
        recorded = await self._record(connection)
        for key, lane in self._lanes.items():
            if lane.is_gone and not lane.is_suspended:
                await suspend_endpoint(self._database, key, Reason.GONE)
                lane.is_suspended = True
        now = clock.now()
        while self._alarms and self._alarms[0] <= now:
            heapq.heappop(self._alarms)
            self._is_to_look = True
        if self._is_to_look or time.monotonic() - self._looked_at >= POLL_SECONDS:
            self._is_to_look, self._looked_at = False, time.monotonic()
            await self._look(connection, now)
        wanted = {key: lane.wanted(now) for key, lane in self._lanes.items()}
        claimed = await claim_due(
            connection, {key: count for key, count in wanted.items() if count}, now
        )
        for key, dues in claimed.items():
            self._lanes[key].offer(dues)
        await self._release_idle(connection)
        return recorded

    async def _record(self, connection: Connection) -> int:
        taken = {key: lane.take_results() for key, lane in self._lanes.items()}
        results = [result for found, _ in taken.values() for result in found]
        healths = {key: health for key, (_, health) in taken.items() if health is not None}
        if not results and not healths:
            return 0
        try:
            await record_results(connection, self._holder, results, healths)
        except BaseException:
            for key, (found, _) in taken.items():
                self._lanes[key].not_recorded(found)
            raise
        for key, (found, health) in taken.items():
            self._lanes[key].recorded(found, health)
        for instant in (
            *(result.next_at for result in results),
            *(health.not_before for health in healths.values()),
        ):
            if instant is not None:
                heapq.heappush(self._alarms, instant)
        return len(results)

    async def _look(self, connection: Connection, now: datetime) -> None:
        """Take lanes that have work, see what has become of the others, give up the hopeless."""
        held = {row.subscription_id: row for row in await take_lanes(connection, self._holder, now)}
        for key, row in held.items():
            if key not in self._lanes:
                policy = policy_of(self._runtime.configuration, row.org)
                self._lanes[key] = Lane(self._client, policy, row.health, self._news)
            self._renew(self._lanes[key], row)
        for key, lane in self._lanes.items():
            if key not in held:
                lane.may_send(0)
        open_lanes = 0
        for failing in await failing_lanes(connection):
            policy = policy_of(self._runtime.configuration, failing.org)
            open_lanes += failing.health.is_open(policy)
            if failing.health.is_given_up(policy, failing.active_since, now):
                await suspend_endpoint(self._database, failing.subscription_id, Reason.FAILING)
                self._is_to_look = True
        metrics.OPEN.set(open_lanes)

    def _renew(self, lane: Lane, row: HeldLane) -> None:
        lane.policy = policy_of(self._runtime.configuration, row.org)
        lane.target = row.target
        if lane.sealed != row.sealed:
            lane.sealed, lane.signatures = row.sealed, self._signatures_of(row)
        lane.may_send(row.seconds_left - MARGIN_SECONDS if row.is_active else 0)

    def _signatures_of(self, row: HeldLane) -> Signatures:
        assert self._column is not None
        opened = []
        for secret_id, sealed, expires_at in row.sealed:
            try:
                opened.append(Secret(self._column.open(sealed, secret_id), expires_at))
            except SealBroken:
                _log.error("webhook_secret_broken", secret_id=str(secret_id))
        return Signatures(opened)

    async def _release_idle(self, connection: Connection) -> None:
        idle = [key for key, lane in self._lanes.items() if lane.is_idle]
        if idle:
            await release_lanes(connection, self._holder, idle)
            for key in idle:
                del self._lanes[key]

    async def _measure(self, connection: Connection) -> None:
        if time.monotonic() >= self._next_measure:
            self._next_measure = time.monotonic() + MEASURE_SECONDS
            pending, dead = await measure_undelivered(connection)
            metrics.PENDING.set(pending)
            metrics.WAITING_DEAD.set(dead)


async def send_webhooks(runtime: Runtime, stop: asyncio.Event) -> None:
    """Send what is due to every active webhook, until `stop`."""
    await run_until_stopped(Sender(runtime).run(stop), stop)


async def send_webhooks_due(runtime: Runtime, as_of: datetime) -> dict[str, int]:
    """Send what is due at `as_of` and is not being sent already; how many attempts were made."""
    with clock.simulate(as_of):
        return {"attempts": await Sender(runtime).drain()}
