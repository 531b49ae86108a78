"""What every adapter does, and how an answer over HTTP is read."""

import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import httpx
import structlog

from services.notify.sendings.domain import SENT, Outcome, Parcel, Reason, Saying, Verdict
from shared.http import Answer, exchange
from shared.messaging.failures import describe

_log = structlog.get_logger(__name__)

_SECONDS = 15.0
_ANSWER_BYTES = 16_384
# With a telephone number's digits in a row it might be the one that was written to.
_CODE = re.compile(r"(?!.*\d{11})[A-Za-z0-9_.-]{1,64}")
_LONGEST_WAIT_SECONDS = 3600.0


class ChannelAdapter(Protocol):
    """One service. `gap_seconds` lie between two requests to the same contact."""

    gap_seconds: float

    def parcels(self, sayings: Sequence[Saying]) -> list[Parcel]:
        """The sayings as the requests that carry them."""

    async def send(self, address: Mapping[str, str], parcel: Parcel) -> Outcome:
        """Make one request; whatever goes wrong is an outcome, and names no address."""


async def send_through(
    adapter: ChannelAdapter, address: Mapping[str, str], parcel: Parcel, *, seconds: float
) -> Outcome:
    """Make one request that ends in `seconds`; what the adapter has not foreseen is an outcome too,
    to be tried again like any other: it must not undo what went out before it."""
    try:
        async with asyncio.timeout(seconds):
            return await adapter.send(address, parcel)
    except TimeoutError:
        return Outcome(Verdict.TEMPORARY, "TIMEOUT")
    except Exception as error:  # noqa: BLE001 - a provider may answer anything
        _log.warning("channel_failed", error=describe(error))
        return Outcome(Verdict.TEMPORARY, "UNFORESEEN")


async def post(client: httpx.AsyncClient, url: str, **request: Any) -> Any:
    """The JSON a provider answers to a POST, or the `Outcome` where it did not."""
    return await ask(client, "POST", url, **request)


async def ask(client: httpx.AsyncClient, method: str, url: str, **request: Any) -> Any:
    """As `post`, by another method. Exceptions are dropped: they quote the URL with its key."""
    try:
        answer = await exchange(
            client,
            client.build_request(method, url, **request),
            seconds=client.timeout.read or _SECONDS,
            limit=_ANSWER_BYTES,
        )
    except httpx.TimeoutException:
        return Outcome(Verdict.TEMPORARY, "TIMEOUT")
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return Outcome(Verdict.TEMPORARY, "UNREACHABLE")
    return _read(answer)


def judged(
    answer: Any,
    field: str,
    *,
    limited: Collection[int] = (),
    temporary: Collection[int] = (),
    wait_seconds: float = 60.0,
) -> Outcome:
    """What a robot's answer means by the code in its `field`: 0 is good."""
    if isinstance(answer, Outcome):
        return answer
    code = answer.get(field) if isinstance(answer, Mapping) else None
    if code == 0:
        return SENT
    if code in limited:
        return Outcome(Verdict.LIMITED, str(code), wait_seconds)
    if code in temporary:
        return Outcome(Verdict.TEMPORARY, str(code))
    return Outcome(Verdict.REFUSED, plain_code(code))


def plain_code(code: object) -> str:
    """A provider's code as it may be kept; what does not look like one is `UNKNOWN`."""
    text = str(code)
    return text if _CODE.fullmatch(text) else "UNKNOWN"


def signature(key: str, message: str) -> str:
    """HMAC-SHA256 in base64."""
    return base64.b64encode(hmac.digest(key.encode(), message.encode(), hashlib.sha256)).decode()


class Unavailable:
    """A service that cannot be used here, for a reason that is kept with each sending."""

    gap_seconds = 0.0

    def __init__(self, reason: Reason) -> None:
        self._reason = reason

    def parcels(self, sayings: Sequence[Saying]) -> list[Parcel]:
        """All of them at once."""
        places = tuple(range(len(sayings)))
        return [Parcel(sayings[0], "", places, places)]

    async def send(self, address: Mapping[str, str], parcel: Parcel) -> Outcome:
        """Nothing is asked."""
        return Outcome(Verdict.IMPOSSIBLE, self._reason)


def _read(answer: Answer) -> Any:
    code = f"HTTP_{answer.status}"
    if answer.status == 429:
        return Outcome(Verdict.LIMITED, code, _wait(answer))
    if answer.status >= 500:
        return Outcome(Verdict.TEMPORARY, code)
    if not 200 <= answer.status < 300:
        return Outcome(Verdict.REFUSED, code)
    try:
        return json.loads(answer.excerpt)
    except ValueError:
        return Outcome(Verdict.TEMPORARY, "ANSWER_UNREADABLE")


def _wait(answer: Answer) -> float:
    seconds = answer.headers.get("retry-after", "")
    if not (seconds.isascii() and seconds.isdigit()):
        return 60.0
    # Not at once: whoever says 0 would be asked without end.
    return min(max(float(seconds), 1.0), _LONGEST_WAIT_SECONDS)
