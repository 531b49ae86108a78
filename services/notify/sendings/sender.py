"""Sending to people on lanes, so that nobody waits for another but at the same robot."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from services.notify.contacts.domain import Channel, ContactState, State
from services.notify.contacts.sealing import open_address
from services.notify.contacts.tables import Contact
from services.notify.keys import keys_of
from services.notify.sendings import metrics
from services.notify.sendings.channels.adapter import ChannelAdapter, send_through
from services.notify.sendings.channels.opening import open_channels
from services.notify.sendings.commands import (
    LEASE_SECONDS,
    PER_MINUTE,
    SEND_SECONDS,
    SENDING_HOURS,
    SENDING_KEPT_DAYS,
    SENDING_RETRY_MINUTES,
    SENDING_STALE_DAYS,
    Lane,
    Settled,
    claim_lanes,
    count_pending,
    forget_sendings,
    hours_of,
    settle,
    skip_simulated,
)
from services.notify.sendings.domain import (
    URGENT,
    Outcome,
    Reason,
    Saying,
    Verdict,
    affordable,
    next_window,
    retry_at,
)
from services.notify.sendings.queries import waiting_for
from services.notify.sendings.saying import saying_of
from services.notify.settings import NotifySettings
from shared import clock
from shared.chores import HOUR, Chore
from shared.configuration import Setting
from shared.messaging.failures import describe
from shared.privacy import SealBroken
from shared.regions import region_of
from shared.runtime import Runtime
from shared.workdays import official_calendar

_log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
LAST_GRACE_SECONDS = 1.5
COUNT_SECONDS = 60.0
_MINUTE = timedelta(minutes=1)
# A contact's last request ends before its lane's lease does.
_TURN_SECONDS = LEASE_SECONDS - SEND_SECONDS - 10.0


async def send_to_people(runtime: Runtime, stop: asyncio.Event) -> None:
    """Send what is due, until `stop`; what was made in simulated time is left to the job."""
    settings = runtime.settings
    assert isinstance(settings, NotifySettings)
    async with open_channels(settings) as channels:
        sender = Sender(runtime, channels, include_simulated=False)
        await sender.run(stop)


async def send_due(runtime: Runtime, as_of: datetime) -> dict[str, int]:
    """The job `sendings`: send everything that is due (X-15); at `as_of`, and what was made in
    simulated time too, where time is simulated."""
    settings = runtime.settings
    assert isinstance(settings, NotifySettings)
    simulating = settings.simulation_clock
    async with open_channels(settings) as channels:
        sender = Sender(runtime, channels, include_simulated=simulating)
        with clock.simulate(as_of if simulating else None):
            await sender.send_all()
    return {str(state).lower(): count for state, count in sorted(sender.ended.items())}


async def count_sendings(runtime: Runtime) -> None:
    """Count what waits; where time is real, what simulated time left behind goes out no more."""
    if not runtime.settings.simulation_clock:
        await skip_simulated(runtime.database)
    metrics.PENDING.set(await count_pending(runtime.database))


async def tidy_sendings(runtime: Runtime) -> None:
    """Forget what came to its end long ago."""
    kept = runtime.configuration.value(SENDING_KEPT_DAYS, "", clock.today())
    await forget_sendings(runtime.database, clock.now() - timedelta(days=kept))


CHORES = (
    Chore("count_sendings", count_sendings, COUNT_SECONDS),
    Chore("tidy_sendings", tidy_sendings, HOUR),
)


@dataclass
class _Turn:
    """One contact's turn: what is to be said, and what has become of it."""

    lane: Lane
    settled: list[Settled] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    sayings: list[Saying] = field(default_factory=list)
    sent_at: list[datetime] = field(default_factory=list)
    busy_until: datetime | None = None


class Sender:
    """Serves the lanes that something is due on, of each channel several at once.

    `ended` counts what came to an end, by state.
    """

    def __init__(
        self,
        runtime: Runtime,
        channels: Mapping[Channel, ChannelAdapter],
        *,
        include_simulated: bool,
    ) -> None:
        assert isinstance(runtime.settings, NotifySettings)
        self._runtime = runtime
        self._settings = runtime.settings
        self._channels = channels
        self._include_simulated = include_simulated
        self._serving: dict[asyncio.Task[None], Channel] = {}
        self._is_ending = False
        self.ended: Counter[State] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`."""
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                try:
                    await self._start_turns()
                except Exception as error:  # noqa: BLE001 - what is due stays due
                    _log.warning("sendings_not_claimed", error=describe(error))
                await asyncio.wait(
                    {stopped, *self._serving},
                    timeout=LOOK_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
        finally:
            stopped.cancel()
            await self._end_turns()

    async def send_all(self) -> None:
        """Serve until nothing more is due."""
        try:
            while await self._start_turns() or self._serving:
                await asyncio.wait(self._serving, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end_turns()

    async def _start_turns(self) -> bool:
        """Start the turns of the contacts that are due; whether there were any."""
        for task in [task for task in self._serving if task.done()]:
            del self._serving[task]
        taken = Counter(self._serving.values())
        most = self._settings.sendings_at_once
        free = {channel: most - taken[channel] for channel in Channel if taken[channel] < most}
        if not free:
            return False
        async with self._runtime.database.statement() as connection:
            lanes = await claim_lanes(
                connection, clock.now(), free, include_simulated=self._include_simulated
            )
        for lane in lanes:
            self._serving[asyncio.create_task(self._serve(lane))] = lane.channel
        return bool(lanes)

    async def _end_turns(self) -> None:
        """Let the turns end with the request they are at; those that do not in time are cut off and
        begin anew when their lease is over."""
        self._is_ending = True
        if self._serving:
            await asyncio.wait(self._serving, timeout=LAST_GRACE_SECONDS)
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, lane: Lane) -> None:
        try:
            await self._take_turn(_Turn(lane))
        except Exception as error:  # noqa: BLE001 - one contact's trouble must not end the others'
            _log.warning(
                "sendings_interrupted", contact=str(lane.contact_id), error=describe(error)
            )

    async def _take_turn(self, turn: _Turn) -> None:
        now, contact_id = clock.now(), turn.lane.contact_id
        turn.sent_at = list(turn.lane.sent_at)
        address: dict[str, str] = {}
        async with self._runtime.database.reading() as session:
            contact = await session.get(Contact, contact_id)
            assert contact is not None
            rows = await waiting_for(
                await session.driver(), contact_id, now, include_simulated=self._include_simulated
            )
            if contact.lane_id != turn.lane.lane_id:
                rows = []  # its address was changed a moment ago: it is another robot's turn
            if contact.state == ContactState.REMOVED:
                turn.settled = [
                    Settled.skipped(row["sending_id"], Reason.CONTACT_REMOVED) for row in rows
                ]
                rows = []
            try:
                address = open_address(keys_of(session), contact) if rows else {}
            except SealBroken:
                turn.settled = [
                    Settled.given_up(row["sending_id"], Reason.ADDRESS_UNREADABLE) for row in rows
                ]
                rows = []
        self._sort(turn, rows, contact.org, now)
        if turn.sayings:
            await self._send(turn, address, contact.org, now)
        await settle(
            self._runtime.database,
            turn.lane,
            turn.settled,
            busy_until=turn.busy_until,
            sent_at=turn.sent_at,
        )
        for one in turn.settled:
            if one.state is not State.PENDING:
                self.ended[one.state] += 1
                metrics.ENDED.labels(turn.lane.channel, one.state).inc()

    def _sort(self, turn: _Turn, rows: Sequence[Any], org: str, now: datetime) -> None:
        """What is said now, what waits for the morning, and what is not said at all."""
        hours = hours_of(self._value(SENDING_HOURS, org))
        is_workday = official_calendar().is_workday
        stale = timedelta(days=self._value(SENDING_STALE_DAYS, org))
        window = next_window(now, hours, is_workday)
        for row in rows:
            sending_id: UUID = row["sending_id"]
            if row["content"] is None and row["message_state"] in (None, "CANCELLED"):
                turn.settled.append(Settled.skipped(sending_id, Reason.RECALLED))
            # Counted from when it could first go out: a long holiday makes nothing stale.
            elif now - next_window(row["since"], hours, is_workday) > stale:
                turn.settled.append(Settled.skipped(sending_id, Reason.STALE))
            elif row["priority"] < URGENT and window > now:
                turn.settled.append(Settled.later(sending_id, window))
            else:
                saying = self._saying(row, org)
                if saying is None:
                    turn.settled.append(Settled.given_up(sending_id, Reason.UNSAYABLE))
                else:
                    turn.rows.append(row)
                    turn.sayings.append(saying)

    def _saying(self, row: Any, org: str) -> Saying | None:
        """What a row says; None for one that says nothing, which must not hold up the others."""
        try:
            return saying_of(
                row, self._settings.console_url, self._runtime.configuration, region_of(org)
            )
        except Exception as error:  # noqa: BLE001 - data and texts may be older than this code
            _log.warning("sending_unsayable", sending=str(row["sending_id"]), error=describe(error))
            return None

    async def _send(self, turn: _Turn, address: Mapping[str, str], org: str, now: datetime) -> None:
        """Make the requests the provider's limit leaves room for, one after the other."""
        adapter = self._channels[turn.lane.channel]
        parcels = adapter.parcels(turn.sayings)
        limit = PER_MINUTE.get(turn.lane.channel)
        if limit is not None:
            room = self._value(limit, org) - len(turn.sent_at)
            first = affordable(parcels, room)
            if len(first) < len(parcels):
                turn.busy_until = (turn.sent_at[0] if turn.sent_at else now) + _MINUTE
            parcels = list(first)
        ended: set[int] = set()
        deadline = asyncio.get_running_loop().time() + _TURN_SECONDS
        for number, parcel in enumerate(parcels):
            if ended.issuperset(parcel.carries):
                continue
            if number and adapter.gap_seconds:
                await asyncio.sleep(adapter.gap_seconds)
            if self._is_ending or asyncio.get_running_loop().time() > deadline:
                return  # what is left is still due
            turn.sent_at.append(clock.now())
            outcome = await send_through(adapter, address, parcel, seconds=SEND_SECONDS)
            if outcome.verdict in (Verdict.TEMPORARY, Verdict.LIMITED):
                self._put_off(turn, outcome, ended, org, now)
                return
            done = parcel.completes if outcome.verdict is Verdict.SENT else parcel.carries
            for place in set(done) - ended:
                turn.settled.append(_settled(turn.rows[place]["sending_id"], outcome, now))
            ended |= set(done)

    def _put_off(
        self, turn: _Turn, outcome: Outcome, ended: set[int], org: str, now: datetime
    ) -> None:
        """Try again what has not gone out; a limit is nobody's failure and costs no attempt."""
        if outcome.verdict is Verdict.LIMITED:
            turn.busy_until = now + timedelta(seconds=outcome.wait_seconds)
            return
        minutes = self._value(SENDING_RETRY_MINUTES, org)
        for place, row in enumerate(turn.rows):
            if place in ended:
                continue
            again = retry_at(now, row["attempts"] + 1, minutes)
            turn.settled.append(
                Settled.given_up(row["sending_id"], outcome.code)
                if again is None
                else Settled.later(row["sending_id"], again, outcome.code, tried=1)
            )

    def _value(self, setting: Setting[Any], org: str) -> Any:
        return self._runtime.configuration.value(setting, org.partition("@")[2], clock.today())


def _settled(sending_id: UUID, outcome: Outcome, now: datetime) -> Settled:
    if outcome.verdict is Verdict.SENT:
        return Settled.sent(sending_id, now, outcome.kept)
    if outcome.verdict is Verdict.IMPOSSIBLE:
        return Settled.skipped(sending_id, Reason(outcome.code))
    return Settled.given_up(sending_id, f"REFUSED_{outcome.code}")
