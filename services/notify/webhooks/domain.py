"""When a delivery is tried again, what holds a lane back, and what a delivery says. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.notify.mirror.domain import derived_id
from shared.errors import Conflict, Invalid, TooMany
from shared.moves import after

JITTER = 0.1
EXCERPT_CHARACTERS = 500
TESTED = "notify.subscription.tested.v1"


class SecretsTooMany(Conflict):
    """The webhook has as many secrets in force as it may have.

    Members: `limit`.
    """

    code = "WEBHOOK_SECRETS_TOO_MANY"
    zh = "同时有效的密钥已达 {limit} 个，请等待旧密钥失效，或使旧密钥立即失效后再换新。"
    en = "As many as {limit} secrets are in force; wait for one to expire, or revoke them."


class WebhookNotReady(Conflict):
    """The webhook has no target or no secret yet."""

    code = "WEBHOOK_NOT_READY"
    zh = "推送地址或签名密钥尚未设置。"
    en = "It has no target or no secret yet."


class TooManyTests(TooMany):
    """The webhook has been tested as often as it may be within a minute.

    Members: `retry_after`, in how many seconds it may be tested again.
    """

    code = "WEBHOOK_TESTS_TOO_MANY"
    zh = "该推送地址一分钟内的测试次数已达上限，请 {retry_after} 秒后再试。"
    en = "It has been tested too often within a minute; try again in {retry_after} seconds."


class RangeInvalid(Invalid):
    """What is to be replayed is given neither by position nor since an instant."""

    code = "REPLAY_RANGE_INVALID"
    zh = "请填写起止序号，或只填起始时刻。"
    en = "Give both positions, or an instant alone."


class DeliveryState(StrEnum):
    """The states of a webhook's delivery."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    DEAD = "DEAD"  # given up after the last attempt


class DeliveryAction(StrEnum):
    """What can become of a delivery."""

    DELIVER = "DELIVER"
    GIVE_UP = "GIVE_UP"
    REPLAY = "REPLAY"


MOVES: Mapping[tuple[DeliveryState, DeliveryAction], DeliveryState] = {
    (DeliveryState.PENDING, DeliveryAction.DELIVER): DeliveryState.DELIVERED,
    (DeliveryState.PENDING, DeliveryAction.GIVE_UP): DeliveryState.DEAD,
    (DeliveryState.DELIVERED, DeliveryAction.REPLAY): DeliveryState.PENDING,
    (DeliveryState.DEAD, DeliveryAction.REPLAY): DeliveryState.PENDING,
}
REPLAYABLE = tuple(state for state, action in MOVES if action is DeliveryAction.REPLAY)


def next_state(state: DeliveryState, action: DeliveryAction) -> DeliveryState:
    """The state after `action`; raises `IllegalMove`."""
    return after(MOVES, state, action)


class Reason(StrEnum):
    """Why an endpoint is suspended."""

    GONE = "GONE"  # it answered that it wants nothing more
    FAILING = "FAILING"  # nothing has come through for too long (N-15)


class Verdict(StrEnum):
    """What an answer means for the delivery."""

    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    GONE = "GONE"  # the receiver wants nothing more


def verdict_of(status: int | None) -> Verdict:
    """What a status means, None where none came: a redirect is a failure, it is not followed."""
    if status is not None and 200 <= status < 300:
        return Verdict.DELIVERED
    return Verdict.GONE if status == 410 else Verdict.FAILED


def retry_after_of(value: str | None, now: datetime) -> timedelta:
    """The wait a `Retry-After` asks for, in seconds or until a date; none for anything else."""
    none = timedelta(0)
    if value is None:
        return none
    if (seconds := re.fullmatch(r"\s*(\d{1,9})\s*", value, re.ASCII)) is not None:
        return timedelta(seconds=int(seconds[1]))
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, IndexError, OverflowError):
        return none
    return max(none, (until if until.tzinfo else until.replace(tzinfo=UTC)) - now)


@dataclass(frozen=True, slots=True)
class Policy:
    """How an endpoint is treated (N-11, N-15).

    `schedule` are the seconds before each attempt, the first of them included; `in_flight` is how
    many deliveries are under way at once; `per_second` bounds their rate (0: not at all). After
    `circuit_failures` failures in a row the circuit opens: one delivery at a time, as a probe. An
    endpoint whose circuit has been failing for `suspended_after` is suspended.
    """

    schedule: Sequence[float]
    in_flight: int
    per_second: float
    timeout_seconds: float
    circuit_failures: int
    suspended_after: timedelta

    def retry_at(
        self, attempts: int, at: datetime, *, jitter: float, retry_after: timedelta
    ) -> datetime | None:
        """When a delivery is tried again whose `attempts`-th attempt failed at `at`; None after the
        last. `jitter` is a random number from 0 to 1; `Retry-After` is heeded up to the longest
        delay of the schedule."""
        if attempts >= len(self.schedule):
            return None
        return at + max(self._spread(attempts, jitter), self.capped(retry_after))

    def probe_at(self, probes: int, at: datetime, jitter: float) -> datetime:
        """When the next probe of an open circuit is due after `probes` of them have failed."""
        return at + self._spread(min(probes + 1, len(self.schedule) - 1), jitter)

    def capped(self, retry_after: timedelta) -> timedelta:
        """The wait a receiver asks for, at most the longest delay of the schedule."""
        return min(retry_after, timedelta(seconds=max(self.schedule)))

    def _spread(self, attempts: int, jitter: float) -> timedelta:
        return timedelta(seconds=self.schedule[attempts] * (1 - JITTER + 2 * JITTER * jitter))


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint is doing: failures in a row and since when, how many probes of the open
    circuit have failed, and until when nothing is sent at all."""

    failures: int = 0
    failing_since: datetime | None = None
    probes: int = 0
    not_before: datetime | None = None

    def is_open(self, policy: Policy) -> bool:
        """Whether the circuit is open: only probes are sent."""
        return self.failures >= policy.circuit_failures

    def must_wait(self, now: datetime) -> bool:
        """Whether nothing is sent now."""
        return self.not_before is not None and now < self.not_before

    def after_failure(
        self,
        policy: Policy,
        at: datetime,
        *,
        was_probe: bool,
        jitter: float,
        retry_after: timedelta,
    ) -> "Health":
        """The health after a failure at `at`. What was under way when the circuit opened counts as
        a failure, but not as a probe. A receiver that asks for a wait is left alone for it."""
        failed = replace(self, failures=self.failures + 1, failing_since=self.failing_since or at)
        waits = [one for one in (self.not_before,) if one is not None]
        if was_probe:
            failed = replace(failed, probes=self.probes + 1)
        if failed.is_open(policy) and (was_probe or not self.is_open(policy)):
            waits.append(policy.probe_at(failed.probes, at, jitter))
        if retry_after:
            waits.append(at + policy.capped(retry_after))
        return replace(failed, not_before=max(waits, default=None))

    def is_given_up(self, policy: Policy, active_since: datetime, now: datetime) -> bool:
        """N-15: whether the endpoint has failed for so long, without any success, that it is
        suspended. Time before the subscription became active does not count."""
        if self.failing_since is None or not self.is_open(policy):
            return False
        return now - max(self.failing_since, active_since) >= policy.suspended_after


HEALTHY = Health()


def webhook_id_of(event_id: UUID, subscription_id: UUID) -> str:
    """The id of a delivery, the same at every attempt and replay: receivers know it by that."""
    return str(derived_id(event_id, subscription_id))


# Codes, numbers and dates: a text somebody wrote does not pass.
_CODE = re.compile(r"[\w@.:/-]{1,80}", re.ASCII)
_FIELDS = ("problem_no", "kind", "state", "due_on", "village_code")


def body_of(
    event_type: str,
    at: datetime,
    *,
    event_id: UUID | None = None,
    problem_id: UUID | None = None,
    position: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> str:
    """The body of a delivery: what happened to which matter, and where to read about it (N-12).

    Thin on purpose: no texts, no names; the same at every attempt.
    """
    facts = {name: (data or {}).get(name) for name in _FIELDS}
    said = {
        "event_id": event_id and str(event_id),
        "problem_id": problem_id and str(problem_id),
        **{
            name: value if isinstance(value, str) and _CODE.fullmatch(value) else None
            for name, value in facts.items()
        },
        "link": f"/api/v1/problems/{problem_id}" if problem_id else None,
        "position": position,
    }
    return json.dumps(
        {"type": event_type, "timestamp": at.isoformat(), "data": said}, separators=(",", ":")
    )
