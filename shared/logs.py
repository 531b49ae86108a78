"""Structured logs as JSON lines, with anything that looks personal blacked out."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from shared.privacy import without_identifiers


def redact(text: str) -> str:
    """`text` with resident ids, account numbers and mobile numbers replaced by `[redacted]`."""
    return without_identifiers(text, "[redacted]")


def _redact_value(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redact_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redact_value(inner) for inner in value]
    return value


def _redact_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The last step before rendering, so that libraries' messages and tracebacks pass it too."""
    return {key: _redact_value(value) for key, value in event.items()}


def configure_logs(service: str, level: str = "INFO") -> None:
    """Send every record, the libraries' too, to standard output."""

    def name_service(
        _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    shared_steps: list[Any] = [
        name_service,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared_steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        # What is below the level is dropped before it is built.
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared_steps,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redact_event,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for talkative in ("aiokafka", "httpx"):  # httpx would write whole URLs
        logging.getLogger(talkative).setLevel(logging.WARNING)
