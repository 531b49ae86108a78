"""An event is recorded in the transaction that makes it true, in order, with its cause."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared import clock, telemetry
from shared.database import Connection, Database
from shared.ids import new_id
from shared.messaging.outbox import (
    PAYLOAD_LIMIT_BYTES,
    EventTooLarge,
    columns_of,
    insert_unnest_sql,
    prepare,
    record,
    record_many,
)
from tests.shared.messaging.parcels import LetterSent, Parcel, ParcelMoved

INSTANT = datetime(2026, 3, 1, 8, tzinfo=UTC)


async def test_events_of_a_subject_are_numbered_in_the_order_they_were_recorded(
    database: Database, connection: Connection
) -> None:
    parcel = Parcel(parcel_id=new_id())
    async with database.transaction() as session:
        first = await record(session, parcel, ParcelMoved(parcel_id=parcel.parcel_id, place="a"))
        await record(session, parcel, ParcelMoved(parcel_id=parcel.parcel_id, place="b"))
    rows = await connection.fetch("SELECT * FROM outbox ORDER BY id")
    assert [row["aggregate_seq"] for row in rows] == [1, 2]
    assert rows[0]["event_id"] == first
    assert await connection.fetchval("SELECT event_sequence FROM parcel") == 2
    assert rows[0]["topic"] == rows[0]["aggregate_type"] == "parcels.parcel"
    assert rows[0]["msg_key"] == rows[0]["aggregate_id"] == str(parcel.parcel_id)
    assert (rows[0]["event_type"], rows[0]["schema_version"]) == ("parcels.parcel.moved.v1", 1)


async def test_an_event_says_what_caused_it_and_when(
    database: Database, connection: Connection
) -> None:
    parcel = Parcel(parcel_id=new_id())
    with clock.simulate(INSTANT), telemetry.caused_by("corr", "cause"):
        async with database.transaction() as session:
            await record(session, parcel, ParcelMoved(parcel_id=parcel.parcel_id, place="511132"))
    headers = json.loads(await connection.fetchval("SELECT headers FROM outbox"))
    assert headers == {
        "source": "/parcels",
        "time": INSTANT.isoformat(),
        "correlationid": "corr",
        "causationid": "cause",
        "regioncode": "511132",
        "simulated": "true",
    }


async def test_the_commit_wakes_the_relay_and_a_rollback_leaves_nothing(
    database: Database, connection: Connection
) -> None:
    parcel = Parcel(parcel_id=new_id())
    event = ParcelMoved(parcel_id=parcel.parcel_id, place="a")
    with suppress(ZeroDivisionError):
        async with database.transaction() as session:
            await record(session, parcel, event)
            raise ZeroDivisionError
    assert not database.events_committed.is_set()
    assert await connection.fetchval("SELECT count(*) FROM outbox") == 0
    async with database.transaction() as session:
        await record(session, Parcel(parcel_id=parcel.parcel_id), event)
    assert database.events_committed.is_set()


async def test_a_service_publishes_only_its_own_events(database: Database) -> None:
    async with database.transaction() as session:
        with pytest.raises(RuntimeError, match="parcels must not publish letters"):
            await record(session, Parcel(parcel_id=new_id()), LetterSent(letter_id=new_id()))


def _event_of_stored_size(size: int) -> ParcelMoved:
    parcel_id = UUID(int=7)
    empty = len(json.dumps({"parcel_id": str(parcel_id), "place": ""}))
    return ParcelMoved(parcel_id=parcel_id, place="x" * (size - empty))


async def test_an_event_of_the_largest_size_is_recorded(
    database: Database, connection: Connection
) -> None:
    async with database.transaction() as session:
        event = _event_of_stored_size(PAYLOAD_LIMIT_BYTES)
        await record(session, Parcel(parcel_id=event.parcel_id), event)
    size = await connection.fetchval("SELECT octet_length(payload::text) FROM outbox")
    assert size == PAYLOAD_LIMIT_BYTES


async def test_a_larger_event_is_refused_before_the_database_must() -> None:
    with pytest.raises(EventTooLarge) as refusal:
        prepare(_event_of_stored_size(PAYLOAD_LIMIT_BYTES + 1), 1)
    assert (refusal.value.status, refusal.value.code) == (422, "EVENT_TOO_LARGE")
    with pytest.raises(EventTooLarge):  # a Chinese character is three bytes
        prepare(ParcelMoved(parcel_id=new_id(), place="村" * 90_000), 1)


async def test_rows_inserted_together_keep_their_order(
    database: Database, connection: Connection
) -> None:
    rows = [prepare(ParcelMoved(parcel_id=new_id(), place=str(n)), 1) for n in range(300)]
    async with database.driver_transaction() as inside:
        await record_many(inside, rows)
    stored = await connection.fetch("SELECT event_id FROM outbox ORDER BY id")
    assert [row["event_id"] for row in stored] == [row.event_id for row in rows]


async def test_the_insert_fits_into_a_larger_statement(connection: Connection) -> None:
    parcel_id = new_id()
    rows = [prepare(ParcelMoved(parcel_id=parcel_id, place="a"), 1)]
    await connection.execute(
        f"WITH o AS ({insert_unnest_sql(2)})"
        " INSERT INTO parcel (parcel_id, event_sequence) VALUES ($1, 1)",
        parcel_id,
        *columns_of(rows),
    )
    assert await connection.fetchval("SELECT aggregate_seq FROM outbox") == 1
