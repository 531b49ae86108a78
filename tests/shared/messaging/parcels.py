"""A toy publisher: parcels that move, and depots of which only the newest state counts."""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from aiokafka.structs import ConsumerRecord
from sqlalchemy import MetaData
from sqlmodel import Field, SQLModel

from shared import clock
from shared.database import Connection, Session
from shared.events.base import Envelope, Event, Received, data_of
from shared.ids import new_id


class ParcelMoved(Event):
    """A parcel is now at `place`."""

    wire_type: ClassVar[str] = "parcels.parcel.moved.v1"
    subject_field: ClassVar[str] = "parcel_id"
    region_field: ClassVar[str | None] = "place"

    parcel_id: UUID
    place: str


class ParcelLost(Event):
    """A parcel is gone."""

    wire_type: ClassVar[str] = "parcels.parcel.lost.v1"
    subject_field: ClassVar[str] = "parcel_id"

    parcel_id: UUID


class DepotSeen(Event):
    """The state of a depot; the newest replaces the older."""

    wire_type: ClassVar[str] = "parcels.depot.seen.v1"
    subject_field: ClassVar[str] = "depot"
    latest_wins: ClassVar[bool] = True

    depot: str
    place: str


class LetterSent(Event):
    """An event of somebody else."""

    wire_type: ClassVar[str] = "letters.letter.sent.v1"
    subject_field: ClassVar[str] = "letter_id"

    letter_id: UUID


class Parcel(SQLModel, table=True):
    """A parcel that counts its events."""

    __tablename__ = "parcel"
    metadata = MetaData()

    parcel_id: UUID = Field(primary_key=True)
    place: str = ""
    event_sequence: int = 0
    fires: int = 0


def enclosed(event: Event, sequence: int, **attributes: object) -> Envelope:
    """The envelope of `event` as the `sequence`-th of its subject."""
    known = {
        "id": new_id(),
        "source": "/parcels",
        "type": event.wire_type,
        "subject": event.subject,
        "time": clock.now(),
        "sequence": sequence,
        "partition_key": event.partition_key,
        "data": data_of(event).encode(),
    }
    return Envelope(**{**known, **attributes})  # type: ignore[arg-type]


def moved(parcel_id: UUID, sequence: int, place: str = "", **attributes: object) -> Envelope:
    """The envelope of a move; the place defaults to the sequence."""
    event = ParcelMoved(parcel_id=parcel_id, place=place or str(sequence))
    return enclosed(event, sequence, **attributes)


def kafka_record(
    value: bytes, headers: list[tuple[str, bytes]], topic: str, offset: int
) -> ConsumerRecord:
    """A record as aiokafka hands it over."""
    return ConsumerRecord(
        topic=topic, partition=0, offset=offset, timestamp=0, timestamp_type=0, key=b"k",
        value=value, checksum=None, serialized_key_size=1, serialized_value_size=len(value),
        headers=headers,
    )  # fmt: skip


def delivered(*envelopes: Envelope) -> list[ConsumerRecord]:
    """The records of one partition that carry these envelopes."""
    return [
        kafka_record(envelope.data, envelope.headers(), envelope.topic, offset)
        for offset, envelope in enumerate(envelopes)
    ]


async def note(session: Session, events: Sequence[Received[ParcelMoved]]) -> None:
    """The reaction that writes one effect per move; a second one of the same is an error."""
    connection = await session.driver()
    await connection.executemany(
        "INSERT INTO effect (subject, sequence, place) VALUES ($1, $2, $3)",
        [(e.envelope.subject, e.envelope.sequence, e.event.place) for e in events],
    )


async def effects(connection: Connection, subject: object = None) -> list[int]:
    """The sequences applied (to one subject, or to all), in the order of their application."""
    rows = await connection.fetch(
        "SELECT sequence FROM effect WHERE $1::text IS NULL OR subject = $1 ORDER BY id",
        None if subject is None else str(subject),
    )
    return [row["sequence"] for row in rows]


async def parked(connection: Connection) -> list[tuple[str, int | None]]:
    """The kinds and sequences of what is set aside and open, by sequence."""
    rows = await connection.fetch(
        "SELECT kind, aggregate_seq FROM inbox_parked WHERE resolved_at IS NULL"
        " ORDER BY aggregate_seq, kind"
    )
    return [(row["kind"], row["aggregate_seq"]) for row in rows]
