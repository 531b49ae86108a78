"""One endpoint's lane: what is ready to be sent to it, what is under way, and what came of it."""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import httpx

from services.notify.webhooks import metrics
from services.notify.webhooks.claiming import Due, Result, Sealed
from services.notify.webhooks.domain import (
    HEALTHY,
    DeliveryAction,
    DeliveryState,
    Health,
    Policy,
    Verdict,
    body_of,
    next_state,
    webhook_id_of,
)
from services.notify.webhooks.posting import Outcome, post
from services.notify.webhooks.signing import Signatures
from shared import clock

# So many are kept ready, and half of them claimed at a time: a commit may take a second.
BATCH = 400


class Lane:
    """Sends the deliveries of one subscription, at most so many at once and so many a second.

    `news(True)` is called when the lane has nothing left to do before its results are recorded,
    `news(False)` for every other result. `is_gone`: the receiver wants nothing more.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        policy: Policy,
        health: Health,
        news: Callable[[bool], None],
    ) -> None:
        self.policy = policy
        self.health = health
        self.is_gone = self.is_suspended = False
        self.target: str | None = None
        self.sealed: Sealed = ()
        self.signatures = Signatures(())
        self._client = client
        self._news = news
        self._recorded_health = health
        self._until = 0.0
        self._held: set[int] = set()
        self._ready: deque[Due] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._results: list[Result] = []
        self._next_slot = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def may_send(self, seconds: float) -> None:
        """The lane is this process's for so many seconds from now; 0 ends its sending."""
        self._until = time.monotonic() + seconds
        if seconds <= 0:
            self._drop_ready()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is ready, under way, or waiting to be recorded."""
        return not self._held

    @property
    def running(self) -> set[asyncio.Task[None]]:
        """The attempts under way."""
        return self._running

    def wanted(self, now: datetime) -> int:
        """How many deliveries to claim for it, those it holds already included."""
        if not self._is_sending() or self.health.must_wait(now):
            return 0
        if self.health.is_open(self.policy):
            return 0 if self._held else 1
        room = BATCH - len(self._ready)
        return len(self._held) + room if room > BATCH // 2 else 0

    def offer(self, claimed: Sequence[Due]) -> None:
        """Take over what was claimed, apart from what it holds already."""
        for due in claimed:
            if due.position not in self._held:
                self._held.add(due.position)
                self._ready.append(due)
        self._send_on()

    def take_results(self) -> tuple[list[Result], Health | None]:
        """What is to be recorded, and the health if that has changed."""
        results, self._results = self._results, []
        changed = None if self.health == self._recorded_health else self.health
        return results, changed

    def recorded(self, results: Sequence[Result], health: Health | None) -> None:
        """Forget what has been recorded."""
        self._held.difference_update(result.position for result in results)
        if health is not None:
            self._recorded_health = health

    def not_recorded(self, results: Sequence[Result]) -> None:
        """Keep results that could not be recorded for the next time."""
        self._results[:0] = results

    def _is_sending(self) -> bool:
        return not self.is_gone and time.monotonic() < self._until

    def _drop_ready(self) -> None:
        self._held.difference_update(due.position for due in self._ready)
        self._ready.clear()

    def _send_on(self) -> None:
        limit = 1 if self.health.is_open(self.policy) else self.policy.in_flight
        while self._ready and len(self._running) < limit:
            if not self._is_sending():
                self._drop_ready()
                return
            if self._is_too_early():
                return
            task = asyncio.create_task(self._attempt(self._ready.popleft()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _is_too_early(self) -> bool:
        """Whether the rate forbids another attempt now; it is then made when it is allowed."""
        if not self.policy.per_second:
            return False
        now, gap = time.monotonic(), 1 / self.policy.per_second
        # As many as may be under way at once may follow each other without a gap.
        wait = self._next_slot - now - gap * (self.policy.in_flight - 1)
        if wait > 0:
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(wait, self._slot_free)
            return True
        self._next_slot = max(self._next_slot, now) + gap
        return False

    def _slot_free(self) -> None:
        self._timer = None
        self._send_on()

    async def _attempt(self, due: Due) -> None:
        was_probe, at = self.health.is_open(self.policy), clock.now()
        webhook_id = webhook_id_of(due.event_id, due.subscription_id)
        body = body_of(
            due.event_type,
            due.at,
            event_id=due.event_id,
            problem_id=due.problem_id,
            position=due.position,
            data=_facts(due.data),
        )
        if self.target is None or not self.signatures:
            outcome = Outcome(Verdict.FAILED, None, "NOT_SET_UP", 0)
        else:
            headers = self.signatures.headers(webhook_id, body)
            try:
                outcome = await post(
                    self._client, self.target, headers, body, self.policy.timeout_seconds
                )
            except asyncio.CancelledError:
                self._held.discard(due.position)  # it is as if it had not been claimed
                raise
        self._settle(due, at, outcome, was_probe=was_probe)

    def _settle(self, due: Due, at: datetime, outcome: Outcome, *, was_probe: bool) -> None:
        self._results.append(self._result_of(due, at, outcome))
        metrics.ATTEMPTS.labels(outcome.error or str(outcome.status)).inc()
        if outcome.verdict is Verdict.DELIVERED:
            self.health = HEALTHY
        else:
            self.is_gone = self.is_gone or outcome.verdict is Verdict.GONE
            self.health = self.health.after_failure(
                self.policy,
                at + timedelta(milliseconds=outcome.duration_ms),
                was_probe=was_probe,
                jitter=random.random(),
                retry_after=outcome.retry_after,
            )
            if self.is_gone or self.health.is_open(self.policy) or outcome.retry_after:
                self._drop_ready()
        self._running.discard(cast("asyncio.Task[None]", asyncio.current_task()))
        self._send_on()
        self._news(self.is_gone or not (self._ready or self._running))

    def _result_of(self, due: Due, at: datetime, outcome: Outcome) -> Result:
        attempt = due.attempts + 1
        ended = at + timedelta(milliseconds=outcome.duration_ms)
        next_at = None
        if outcome.verdict is Verdict.DELIVERED:
            state = next_state(DeliveryState.PENDING, DeliveryAction.DELIVER)
        else:
            next_at = self.policy.retry_at(
                attempt, ended, jitter=random.random(), retry_after=outcome.retry_after
            )
            state = DeliveryState.PENDING
        if outcome.verdict is not Verdict.DELIVERED and next_at is None:
            state = next_state(state, DeliveryAction.GIVE_UP)
            metrics.DEAD.inc()
        return Result(
            due.subscription_id,
            due.position,
            attempt,
            state,
            next_at,
            at,
            outcome.status,
            outcome.error,
            outcome.duration_ms,
            outcome.excerpt,
        )


def _facts(data: str) -> dict[str, Any]:
    facts = json.loads(data)
    return facts if isinstance(facts, dict) else {}
