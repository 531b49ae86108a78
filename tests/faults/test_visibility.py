"""A2: events that commit in another order than their ids are all published, and no others."""

import pytest

from deploy.embedded.broker import EmbeddedBroker
from shared.database import Database
from shared.messaging.relay import Relay
from tests.faults.auditor import AuditFailure, Fact, examine
from tests.faults.broken import IdCursorRelay
from tests.faults.conftest import NewToys
from tests.faults.counts import count
from tests.faults.stage import kafka, log_of, running, until_quiet
from tests.faults.toys import PUBLISHER, count_up, new_tallies, write_together

WRITERS = 20
EVENTS = count(1_000, 16_000)


async def relayed_while_written(
    database: Database, broker: EmbeddedBroker, relay: Relay, seed: int, events: int
) -> tuple[list[Fact], list[Fact]]:
    """What 20 writers committed beside a running relay, and what stands in the broker's log.

    One transaction, whose event has the lowest id, commits after all others.
    """
    slow, *tallies = await new_tallies(database, 201)
    async with running(relay.run):
        async with database.transaction() as session:
            last = await count_up(session, slow)
            committed = await write_together(
                database,
                tallies,
                events,
                seed,
                writers=WRITERS,
                hold_seconds=0.010,
                rollback_share=0.05,
            )
        await until_quiet(database)
    return [*committed, last], await log_of(broker.bootstrap)


async def test_events_committed_out_of_order_are_all_published(
    new_toys: NewToys, broker: EmbeddedBroker, seed: int
) -> None:
    database = await new_toys(pool_size=WRITERS + 1)
    relay = Relay(database, PUBLISHER, kafka(broker.bootstrap))
    committed, log = await relayed_while_written(database, broker, relay, seed, EVENTS)
    assert len(committed) > EVENTS * 0.9
    examine(committed, log).require_exactly_once()


async def test_control_a_relay_with_an_id_cursor_loses_events(
    new_toys: NewToys, broker: EmbeddedBroker, seed: int
) -> None:
    database = await new_toys(pool_size=WRITERS + 1)
    relay = IdCursorRelay(database, PUBLISHER, kafka(broker.bootstrap))
    committed, log = await relayed_while_written(database, broker, relay, seed, 1_000)
    with pytest.raises(AuditFailure, match="lost"):
        examine(committed, log).require_exactly_once()
