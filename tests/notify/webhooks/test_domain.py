"""When deliveries are tried again, when an endpoint is left alone, and what a delivery says."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.webhooks.domain import (
    HEALTHY,
    MOVES,
    DeliveryAction,
    DeliveryState,
    Health,
    Policy,
    Verdict,
    body_of,
    next_state,
    retry_after_of,
    verdict_of,
    webhook_id_of,
)
from services.notify.webhooks.queries import SCHEDULE
from shared.errors import IllegalMove
from shared.ids import new_id

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
NONE = timedelta(0)
DAY = timedelta(days=1)
POLICY = Policy(SCHEDULE.default, 8, 50, 20, 5, DAY)

jitters = st.floats(0, 1)
seconds = st.integers(0, 10**9).map(lambda number: timedelta(seconds=number))


def test_the_schedule_is_that_of_standard_webhooks() -> None:
    hours = 3600.0
    assert list(SCHEDULE.default) == [
        *(0, 5, 300, 1800),
        *(number * hours for number in (2, 5, 10, 14, 20, 24)),
    ]


@given(attempts=st.integers(1, 9), jitter=jitters)
def test_a_retry_comes_within_a_tenth_of_its_delay(attempts: int, jitter: float) -> None:
    delay = POLICY.schedule[attempts]
    found = POLICY.retry_at(attempts, NOW, jitter=jitter, retry_after=NONE)
    assert found is not None
    assert 0.899 * delay <= (found - NOW).total_seconds() <= 1.101 * delay


@given(attempts=st.integers(1, 9), jitter=jitters, retry_after=seconds)
def test_no_retry_comes_before_the_receiver_wants_it_up_to_a_day(
    attempts: int, jitter: float, retry_after: timedelta
) -> None:
    found = POLICY.retry_at(attempts, NOW, jitter=jitter, retry_after=retry_after)
    assert found is not None
    assert found - NOW >= min(retry_after, DAY)
    assert found - NOW <= 1.1 * DAY + timedelta(seconds=1)


@given(attempts=st.integers(10, 100), jitter=jitters, retry_after=seconds)
def test_nothing_comes_after_the_last_attempt(
    attempts: int, jitter: float, retry_after: timedelta
) -> None:
    assert POLICY.retry_at(attempts, NOW, jitter=jitter, retry_after=retry_after) is None


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        (None, 0),
        ("0", 0),
        ("5", 5),
        (" 120 ", 120),
        ("Mon, 02 Mar 2026 02:01:00 GMT", 60),
        ("Mon, 02 Mar 2026 10:01:00 +0800", 60),
        ("Mon, 02 Mar 2026 01:00:00 GMT", 0),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("", 0),
        ("٥", 0),
        ("9" * 400, 0),
        ("0\x1f", 0),
        ("7\x1f", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, wait: int) -> None:
    assert retry_after_of(value, NOW) == timedelta(seconds=wait)


@given(st.text(max_size=60))
def test_no_retry_after_does_any_harm(value: str) -> None:
    assert retry_after_of(value, NOW) >= NONE


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DELIVERED),
        (299, Verdict.DELIVERED),
        *((status, Verdict.FAILED) for status in (None, 102, 301, 302, 400, 401, 404, 429, 500)),
        (410, Verdict.GONE),
    ],
)
def test_only_2xx_is_a_delivery_and_410_is_the_end(status: int | None, verdict: Verdict) -> None:
    assert verdict_of(status) is verdict


def failed(health: Health, at: datetime, *, wait: timedelta = NONE) -> Health:
    """The health after one more failure."""
    return health.after_failure(
        POLICY, at, was_probe=health.is_open(POLICY), jitter=0.5, retry_after=wait
    )


def test_the_circuit_opens_with_the_fifth_failure_and_probes_by_the_schedule() -> None:
    health = HEALTHY
    for _ in range(4):
        health = failed(health, NOW)
        assert not health.is_open(POLICY)
        assert not health.must_wait(NOW)
    at, waits = NOW, []
    for _ in range(12):
        health = failed(health, at)
        assert health.is_open(POLICY)
        assert health.not_before is not None
        waits.append((health.not_before - at).total_seconds())
        at = health.not_before
    assert waits == [*POLICY.schedule[1:], *[86400.0] * 3]


def test_what_was_under_way_when_the_circuit_opened_is_no_probe() -> None:
    health = HEALTHY
    for _ in range(5):
        health = failed(health, NOW)
    late = health.after_failure(POLICY, NOW, was_probe=False, jitter=0.5, retry_after=NONE)
    assert (late.failures, late.probes, late.not_before) == (6, 0, health.not_before)


def test_a_receiver_that_asks_for_a_wait_is_left_alone_for_it() -> None:
    health = failed(HEALTHY, NOW, wait=timedelta(minutes=7))
    assert health.not_before == NOW + timedelta(minutes=7)
    assert health.must_wait(NOW + timedelta(minutes=6))
    assert not health.must_wait(NOW + timedelta(minutes=7))


@pytest.mark.parametrize("period", [DAY, 5 * DAY])
def test_an_endpoint_is_given_up_after_a_period_without_any_success(period: timedelta) -> None:
    policy = Policy(SCHEDULE.default, 8, 50, 20, 5, period)
    health, second = Health(5, NOW), timedelta(seconds=1)
    assert not health.is_given_up(policy, NOW - 9 * DAY, NOW + period - second)
    assert health.is_given_up(policy, NOW - 9 * DAY, NOW + period)
    # Resumed or reinstated since: it gets the whole period again.
    assert not health.is_given_up(policy, NOW + second, NOW + period)


attempts_of_a_week = st.lists(
    st.tuples(st.integers(1, 8 * 3600), st.booleans()), min_size=1, max_size=60
)


@given(attempts_of_a_week)
def test_who_succeeds_now_and_then_is_never_given_up(history: list[tuple[int, bool]]) -> None:
    health, at, last_success = HEALTHY, NOW, NOW
    for gap, succeeds in history:
        at += timedelta(seconds=gap)
        if succeeds:
            health, last_success = HEALTHY, at
        else:
            health = failed(health, at)
        if health.is_given_up(POLICY, NOW, at):
            assert at - last_success >= DAY
        if succeeds:
            assert health == HEALTHY


@pytest.mark.parametrize("state", list(DeliveryState))
@pytest.mark.parametrize("action", list(DeliveryAction))
def test_a_delivery_moves_only_as_the_table_says(
    state: DeliveryState, action: DeliveryAction
) -> None:
    if (state, action) in MOVES:
        assert next_state(state, action) is MOVES[state, action]
    else:
        with pytest.raises(IllegalMove):
            next_state(state, action)


def test_a_delivery_is_known_by_its_event_and_subscription() -> None:
    event, first, second = new_id(), new_id(), new_id()
    assert webhook_id_of(event, first) == webhook_id_of(event, first)
    assert webhook_id_of(event, first) != webhook_id_of(event, second)
    assert "." not in webhook_id_of(event, first)


facts = st.dictionaries(
    st.sampled_from(["problem_no", "kind", "state", "due_on", "village_code", "description"]),
    st.one_of(st.none(), st.integers(), st.text(max_size=300), st.just("张三的房屋有裂缝")),
)


@given(facts)
def test_a_delivery_says_codes_and_where_to_read_and_nothing_else(data: dict[str, Any]) -> None:
    problem_id = new_id()
    body = body_of("t.v1", NOW, event_id=new_id(), problem_id=problem_id, position=7, data=data)
    assert len(body.encode()) < 20_000
    said = json.loads(body)
    assert said["data"].pop("link") == f"/api/v1/problems/{problem_id}"
    assert said["data"].keys() == {
        *("event_id", "problem_id", "problem_no", "kind", "state", "due_on", "village_code"),
        "position",
    }
    texts = [value for value in said["data"].values() if isinstance(value, str)]
    assert all(re.fullmatch(r"[A-Za-z0-9_@.:/-]{1,80}", text) for text in texts)
