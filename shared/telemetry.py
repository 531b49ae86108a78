"""What ties one cause to its effects: correlation ids, W3C trace context, OTLP."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import propagate, trace
from opentelemetry.context import attach, detach
from opentelemetry.trace import SpanKind

_correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
_causation_id: ContextVar[str | None] = ContextVar("causation_id", default=None)


def correlation_id() -> str | None:
    """The id shared by everything that follows from one request."""
    return _correlation_id.get()


def causation_id() -> str | None:
    """The id of the event being reacted to, None inside a request."""
    return _causation_id.get()


@contextmanager
def caused_by(correlation: str | None, causation: str | None = None) -> Iterator[None]:
    """Everything recorded inside the block carries these two ids."""
    tokens = _correlation_id.set(correlation), _causation_id.set(causation)
    try:
        yield
    finally:
        _correlation_id.reset(tokens[0])
        _causation_id.reset(tokens[1])


def trace_headers() -> dict[str, str]:
    """The W3C trace context of the running span, empty where nothing is traced."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier


@contextmanager
def continued_trace(headers: Mapping[str, str], name: str, kind: SpanKind) -> Iterator[None]:
    """A span `name` whose parent is the trace context in `headers`."""
    context = propagate.extract(dict(headers))
    token = attach(context)
    try:
        with trace.get_tracer("bangfu").start_as_current_span(name, context=context, kind=kind):
            yield
    finally:
        detach(token)


def export_traces(service: str, endpoint: str) -> None:
    """Send this process's spans to an OTLP/HTTP collector at `endpoint`."""
    # Imported here because the exporter costs memory that a stack without a collector need not pay.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": f"bangfu-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
    AsyncPGInstrumentor().instrument()  # type: ignore[no-untyped-call]
