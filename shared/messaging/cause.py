"""Who caused what, while a reaction runs: correlation, causation, trace and simulated time."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from opentelemetry import propagate, trace
from opentelemetry.trace import Link, SpanKind

from shared import clock, telemetry
from shared.events.base import Envelope


def caused_by_event(envelope: Envelope) -> AbstractContextManager[None]:
    """What is recorded inside the block names this event as its cause.

    A reaction to a batch that records events of its own opens one such block per event; for a
    batch of one, the consumer has opened it already.
    """
    return telemetry.caused_by(envelope.correlation_id, str(envelope.id))


@contextmanager
def reacting_to(envelopes: Sequence[Envelope]) -> Iterator[None]:
    """The context of one reaction: the events' time if simulated, their cause, a CONSUMER span.

    One event's trace is continued; the span of a batch is linked to the traces of all its events.
    """
    first = envelopes[0]
    name = f"{first.type} process"
    with ExitStack() as stack:
        stack.enter_context(clock.simulate(first.time if first.simulated else None))
        if len(envelopes) == 1:
            stack.enter_context(caused_by_event(first))
            stack.enter_context(
                telemetry.continued_trace(first.trace or {}, name, SpanKind.CONSUMER)
            )
        else:
            stack.enter_context(telemetry.caused_by(None))
            links = [_link(envelope) for envelope in envelopes if envelope.trace]
            stack.enter_context(
                trace.get_tracer("bangfu").start_as_current_span(
                    name, kind=SpanKind.CONSUMER, links=links
                )
            )
        yield


def _link(envelope: Envelope) -> Link:
    context = propagate.extract(dict(envelope.trace or {}))
    return Link(trace.get_current_span(context).get_span_context())
