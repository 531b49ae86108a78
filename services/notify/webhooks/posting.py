"""One attempt: post a body and say what came back."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx
import structlog

from services.notify.webhooks.domain import (
    EXCERPT_CHARACTERS,
    Verdict,
    retry_after_of,
    verdict_of,
)
from shared import clock
from shared.egress import TargetRefused
from shared.http import exchange
from shared.privacy import without_identifiers

_log = structlog.get_logger(__name__)

# In UTF-8 a character has at most four bytes.
_EXCERPT_BYTES = 4 * EXCERPT_CHARACTERS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt: a status and the beginning of the answer, or an error's code."""

    verdict: Verdict
    status: int | None
    error: str | None
    duration_ms: int
    excerpt: str | None = None
    retry_after: timedelta = timedelta(0)


async def post(
    client: httpx.AsyncClient, target: str, headers: Mapping[str, str], body: str, seconds: float
) -> Outcome:
    """Post `body` to `target` and wait at most `seconds` for the answer; raises nothing for what
    the network or the receiver does."""
    began = time.perf_counter()
    try:
        request = client.build_request("POST", target, headers=headers, content=body)
        answer = await exchange(client, request, seconds=seconds, limit=_EXCERPT_BYTES)
        return Outcome(
            verdict_of(answer.status),
            answer.status,
            None,
            _milliseconds_since(began),
            _excerpt_of(answer.excerpt),
            retry_after_of(answer.headers.get("retry-after"), clock.now()),
        )
    except Exception as error:  # noqa: BLE001 - whatever a receiver brings about is its failure
        return Outcome(Verdict.FAILED, None, _code_of(error), _milliseconds_since(began))


def _code_of(error: Exception) -> str:
    if isinstance(error, TargetRefused):
        return "TARGET_REFUSED"
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return "TIMEOUT"
    if isinstance(error, httpx.ConnectError | OSError):
        return "UNREACHABLE"
    if not isinstance(error, httpx.HTTPError):
        _log.error("webhook_attempt_broken", exc_info=error)
    return "PROTOCOL"


def _excerpt_of(body: bytes) -> str:
    """The beginning of an answer as it may be kept: no identifiers, nothing unprintable."""
    # Masked before it is cut: half a number would not be known for one.
    text = without_identifiers(body.decode("utf-8", "replace").replace("\x00", ""), "***")
    return text[:EXCERPT_CHARACTERS]


def _milliseconds_since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
