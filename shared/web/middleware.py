"""The outermost layers of every service, in plain ASGI: size limit, ids, clock, metrics, log.

Plain ASGI because BaseHTTPMiddleware moves the request into another task, which leaks pooled
connections on cancellation and loses context variables.
"""

import time
from datetime import UTC, datetime
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import clock
from shared.errors import DomainError
from shared.ids import new_id
from shared.settings import ServiceSettings
from shared.telemetry import caused_by
from shared.web.problem_details import answer_to

_log = structlog.get_logger(__name__)

REQUESTS = Counter("http_requests_total", "Requests answered", ["operation", "status"])
SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time until the answer was complete",
    ["operation"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_COUNTED_BY_ROUTE = "bangfu.body_counted_by_route"
_UNLOGGED = frozenset({"/healthz", "/readyz", "/metrics"})


class BodyTooLarge(DomainError):
    """The request body is too large."""

    status = 413
    code = "BODY_TOO_LARGE"
    zh = "请求内容超过允许的大小。"
    en = "The request body is larger than allowed."


class SimulationClockOff(DomainError):
    """The simulation clock is switched off."""

    status = 400
    code = "SIMULATION_CLOCK_OFF"
    zh = "模拟时钟未启用，不能使用 X-Now。"
    en = "The simulation clock is off; X-Now is refused."


class SimulatedTimeInvalid(DomainError):
    """X-Now must be an RFC 3339 instant."""

    status = 400
    code = "X_NOW_INVALID"
    zh = "X-Now 须为带时区的 RFC 3339 时间。"
    en = "X-Now must be an RFC 3339 instant with a zone."


def count_body_in_route(request: Request) -> None:
    """Lift the general size limit for a route that streams its body and has a limit of its own.
    Called before the first byte is read."""
    request.scope[_COUNTED_BY_ROUTE] = True


class Edge:
    """Wraps the application: limits the body, sets correlation id and clock, measures and logs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; only HTTP is touched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        correlation = headers.get("x-request-id", "")
        if not 0 < len(correlation) <= 64 or not correlation.isascii():
            correlation = str(new_id())
        started = time.perf_counter()
        status = 500

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", correlation.encode()),
                ]
            await send(message)

        with caused_by(correlation):
            try:
                await self._limited(scope, receive, send_marked, headers)
            finally:
                _measure(scope, status, time.perf_counter() - started)

    async def _limited(self, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        settings: ServiceSettings = scope["app"].state.runtime.settings
        limit = settings.request_body_limit_bytes
        announced = int(headers.get("content-length") or 0)
        received, is_answering = 0, False

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                # Not before the first read: only then is the route known.
                if max(announced, received) > limit and _COUNTED_BY_ROUTE not in scope:
                    raise BodyTooLarge
            return message

        async def send_noted(message: Message) -> None:
            nonlocal is_answering
            is_answering = True
            await send(message)

        try:
            with clock.simulate(_simulated_now(headers, settings.simulation_clock)):
                await self._app(scope, receive_counted, send_noted)
        except Exception as error:
            if is_answering:
                raise
            await answer_to(Request(scope), error)(scope, receive, send)


def _simulated_now(headers: Headers, simulation_clock: bool) -> datetime | None:
    value = headers.get("x-now")
    if value is None:
        return None
    if not simulation_clock:
        raise SimulationClockOff
    try:
        instant = datetime.fromisoformat(value)
        instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise SimulatedTimeInvalid from None
    if instant.tzinfo is None:
        raise SimulatedTimeInvalid
    return instant


def _measure(scope: Scope, status: int, seconds: float) -> None:
    if scope["path"] in _UNLOGGED:
        return
    matched: Any = scope.get("route")
    operation = getattr(matched, "name", "none")  # not the path: it holds ids and has no bound
    REQUESTS.labels(operation, str(status)).inc()
    SECONDS.labels(operation).observe(seconds)
    if status >= 500:
        _log.error("request", operation=operation, status=status)
    else:
        _log.debug("request", operation=operation, status=status)
