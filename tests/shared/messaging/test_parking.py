"""What cannot be applied is set aside, holds up its own subject alone, and is later made good."""

import asyncio
import random
from collections.abc import Sequence
from uuid import UUID

import pytest

from shared.database import Connection, Database, Session
from shared.events.base import Event, Received
from shared.ids import new_id
from shared.messaging.consumer import Reaction
from shared.messaging.inbox import Inbox
from shared.messaging.ordering import Aggregate, ParkedKind
from shared.messaging.parking import ParkedEventNotFound, apply_ready, list_open, replay, skip
from tests.shared.messaging.conftest import Deliver
from tests.shared.messaging.parcels import (
    ParcelMoved,
    delivered,
    effects,
    kafka_record,
    moved,
    note,
    parked,
)


def inbox(reaction: Reaction = note) -> Inbox:
    """The inbox of the consumer `mirror`."""
    return Inbox("mirror", {ParcelMoved: reaction})


async def test_a_second_event_of_the_same_number_is_a_conflict(
    deliver: Deliver, connection: Connection
) -> None:
    parcel = new_id()
    await deliver(delivered(moved(parcel, 1), moved(parcel, 1, "elsewhere"), moved(parcel, 2)))
    assert await effects(connection) == [1, 2]
    assert await parked(connection) == [("conflict", 1)]


async def test_an_unknown_version_waits_for_the_release_that_knows_it(
    deliver: Deliver, database: Database, connection: Connection
) -> None:
    parcel = new_id()
    known = moved(parcel, 2)
    unknown = moved(parcel, 1, type="parcels.parcel.weighed.v2")
    await deliver(delivered(unknown, known))
    assert await parked(connection) == [("unknown_version", 1), ("held", 2)]
    assert await apply_ready(database, inbox()) == 0

    class ParcelWeighedV2(Event):
        wire_type = "parcels.parcel.weighed.v2"
        subject_field = "parcel_id"
        parcel_id: UUID

    assert await apply_ready(database, inbox()) == 2
    assert await effects(connection) == [2]
    assert await parked(connection) == []


async def test_unknown_fields_are_ignored_and_wrong_data_is_poison(
    deliver: Deliver, connection: Connection
) -> None:
    parcel, other = new_id(), new_id()
    extra = f'{{"parcel_id": "{parcel}", "place": "x", "weight": 3}}'.encode()
    await deliver(
        delivered(moved(parcel, 1, data=extra), moved(other, 1, data=b'{"parcel_id": 7}'))
    )
    assert await effects(connection, parcel) == [1]
    assert await parked(connection) == [("poison", 1)]
    error = await connection.fetchval("SELECT error FROM inbox_parked")
    assert error == "parcel_id: uuid_type; place: missing"


class Fragile:
    """A reaction that fails for one place until it is mended."""

    def __init__(self, place: str, failures: int = 1_000_000) -> None:
        self.place = place
        self.failures = failures

    async def __call__(self, session: Session, events: Sequence[Received[ParcelMoved]]) -> None:
        await note(session, events)
        if any(received.event.place == self.place for received in events) and self.failures:
            self.failures -= 1
            raise ValueError("no such place: 511132199001019999")


async def test_a_reaction_that_fails_a_few_times_delays_nothing_and_loses_nothing(
    deliver: Deliver, connection: Connection
) -> None:
    parcels = [new_id() for _ in range(100)]
    reaction = Fragile("bad", failures=10)
    places = ["bad" if n == 41 else "good" for n in range(100)]
    events = [moved(parcel, 1, place) for parcel, place in zip(parcels, places, strict=True)]
    await deliver(delivered(*events), {ParcelMoved: reaction})
    assert len(await effects(connection)) == 100
    assert await parked(connection) == []


async def test_poison_is_set_aside_after_five_attempts_and_holds_only_its_own_subject(
    deliver: Deliver, connection: Connection
) -> None:
    parcel, others = new_id(), [new_id() for _ in range(50)]
    reaction = Fragile("bad")
    await deliver(
        delivered(
            moved(parcel, 1),
            moved(parcel, 2, "bad"),
            *(moved(other, 1) for other in others),
            moved(parcel, 3),
        ),
        {ParcelMoved: reaction},
    )
    assert await effects(connection, parcel) == [1]
    assert len(await effects(connection)) == 51
    assert await parked(connection) == [("poison", 2), ("held", 3)]
    row = await connection.fetchrow("SELECT * FROM inbox_parked WHERE kind = 'poison'")
    assert row["attempts"] == 5
    assert "ValueError at" in row["error"]
    assert "511132199001019999" not in row["error"]
    await deliver(delivered(moved(parcel, 4)), {ParcelMoved: reaction})
    assert await parked(connection) == [("poison", 2), ("held", 3), ("held", 4)]


async def _poisoned(deliver: Deliver, parcel: UUID, last: int) -> None:
    events = [moved(parcel, 1, "bad"), *(moved(parcel, n) for n in range(2, last + 1))]
    await deliver(delivered(*events), {ParcelMoved: Fragile("bad")})


async def test_replay_applies_poison_and_what_it_held_once_though_two_clerks_ask(
    deliver: Deliver, database: Database, connection: Connection
) -> None:
    parcel = new_id()
    await _poisoned(deliver, parcel, 40)
    aggregate = Aggregate("parcels.parcel", str(parcel))
    counts = await asyncio.gather(
        replay(database, inbox(), by="clerk-1", aggregates=[aggregate]),
        replay(database, inbox(), by="clerk-2"),
    )
    assert sorted(counts) == [0, 40]
    assert await effects(connection) == list(range(1, 41))
    assert await parked(connection) == []
    assert await replay(database, inbox(), by="clerk-1") == 0
    await deliver(delivered(moved(parcel, 41)))
    assert await effects(connection) == list(range(1, 42))


async def test_replay_stops_at_an_event_that_fails_again(
    deliver: Deliver, database: Database, connection: Connection
) -> None:
    parcel = new_id()
    await _poisoned(deliver, parcel, 4)
    assert await replay(database, inbox(Fragile("3")), by="clerk") == 2
    assert await effects(connection) == [1, 2]
    assert await parked(connection) == [("poison", 3), ("held", 4)]
    attempts = await connection.fetchval("SELECT attempts FROM inbox_parked WHERE kind = 'poison'")
    assert attempts == 5


async def test_skipping_an_event_releases_those_behind_it(
    deliver: Deliver, database: Database, connection: Connection
) -> None:
    parcel = new_id()
    await _poisoned(deliver, parcel, 3)
    poison = (await list_open(connection, "mirror"))[0]
    assert (poison.kind, poison.sequence, poison.attempts) == (ParkedKind.POISON, 1, 5)
    await skip(database, inbox(), poison.event_id, by="clerk")
    assert await effects(connection) == [2, 3]
    assert await parked(connection) == []
    with pytest.raises(ParkedEventNotFound):
        await skip(database, inbox(), poison.event_id, by="clerk")


async def test_a_record_that_is_no_event_is_set_aside_once_and_stops_nothing(
    deliver: Deliver, connection: Connection
) -> None:
    records = [
        kafka_record(b"\x00\xff garbage", [("a", b"\x00")], "parcels.parcel", 0),
        kafka_record(b"{}", moved(new_id(), 1).headers()[3:], "parcels.parcel", 1),
        *delivered(moved(new_id(), 1)),
        *delivered(moved(new_id(), 1, subject="nul\x00")),
        *delivered(moved(new_id(), 2**80)),
        *delivered(moved(new_id(), 1, subject=random.Random(7).randbytes(4000).hex())),
    ]
    await deliver(records)
    await deliver(records)
    assert await effects(connection) == [1]
    assert [kind for kind, _ in await parked(connection)] == ["poison"] * 5
