"""What no stream outlives: the token it was opened with, and its end, whatever its client does."""

import json

import pytest
from prometheus_client import REGISTRY

from deploy.embedded.issuer import TokenIssuer
from services.notify.streams import response
from services.notify.streams.tails import tails_of
from tests.notify.conftest import LEAD
from tests.notify.streams.conftest import Streams
from tests.notify.streams.listener import Event
from tests.notify.streams.recording import problem
from tests.shared.messaging.loops import until

LIFETIME_SECONDS = 4
MUCH = 32_000  # bytes that wait in the server, but not so many that it waits to write more
LONG_AGO = "2020-01-01T08:00:00+08:00"


def told(events: list[Event]) -> tuple[str, object]:
    """The type and data of the last event."""
    return events[-1].type, json.loads(events[-1].data)


def figure(name: str) -> float:
    """What /metrics tells."""
    return REGISTRY.get_sample_value(name) or 0


# -- The token -------------------------------------------------------------------------------------


@pytest.mark.parametrize("x_now", ["", LONG_AGO])
async def test_a_stream_ends_with_the_token_it_was_opened_with(
    streams: Streams, issuer: TokenIssuer, x_now: str
) -> None:
    subscription = await streams.subscribe()
    token = issuer.mint("tester", LEAD, ["dept_handler"], LIFETIME_SECONDS)
    asked = {"authorization": f"Bearer {token}", "x_now": x_now}
    # Whoever comes second has a token that was verified before.
    listeners = [await streams.listen(subscription, **asked) for _ in range(2)]
    await streams.record(subscription)
    for listener in listeners:
        assert told(await listener.ended()) == ("end", {"reason": "TOKEN_EXPIRED"})
        assert [event.id for event in listener.events] == ["1", "1"]
        assert not listener.broken
    refused = await streams.refusal(subscription, Authorization=f"Bearer {token}")
    assert refused == (401, "UNAUTHENTICATED")


async def test_a_stream_ends_before_its_token_when_its_time_is_up(
    streams: Streams, issuer: TokenIssuer
) -> None:
    await streams.configure("stream_seconds", 1)
    token = issuer.mint("tester", LEAD, ["dept_handler"], 60)
    listener = await streams.listen(await streams.subscribe(), authorization=f"Bearer {token}")
    assert told(await listener.ended()) == ("end", {"reason": "EXPIRED"})


# -- A client that never reads ---------------------------------------------------------------------


@pytest.fixture
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(response, "GRACE_SECONDS", 0.2)


@pytest.mark.usefixtures("_short_grace")
async def test_a_client_that_never_reads_is_cut_off_once_its_stream_is_over(
    streams: Streams,
) -> None:
    await streams.configure("stream_seconds", 3)
    subscription, before = await streams.subscribe(), figure("bangfu_streams_open")
    await streams.record(subscription, 20, **problem(problem_no="9" * 50_000))
    silent = await streams.ask(subscription, query="?from=start")
    (connection,) = streams.connections
    transport, flow = connection.transport, connection.flow

    async def full() -> bool:
        return flow.write_paused

    async def given_back() -> bool:
        return figure("bangfu_streams_open") == before and not streams.connections

    await until(full)
    assert figure("bangfu_streams_open") == before + 1
    await until(given_back)
    assert not tails_of(streams.notify.app.runtime).followed
    assert transport.get_write_buffer_size() == 0
    assert not streams.server.server_state.tasks
    await silent.read().ended()
    assert silent.broken


@pytest.mark.usefixtures("_short_grace")
async def test_a_connection_whose_last_bytes_nobody_takes_is_cut_off_as_well(
    streams: Streams,
) -> None:
    subscription = await streams.subscribe()
    silent = await streams.ask(subscription)
    (connection,) = streams.connections
    before, recorded = figure("bangfu_stream_events_total"), 0

    async def sent() -> bool:
        return figure("bangfu_stream_events_total") >= before + recorded

    while connection.transport.get_write_buffer_size() < MUCH:  # the sockets take no more
        await streams.record(subscription, **problem(problem_no="9" * 4_000))
        recorded += 1
        await until(sent)
    assert not connection.flow.write_paused  # so that the stream can say why it ends, and ends
    await streams.become(subscription, "SUSPENDED")

    async def closed() -> bool:
        return not streams.connections

    await until(closed)
    await silent.read().ended()
    assert silent.broken
