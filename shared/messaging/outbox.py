"""Recording events in the transaction that makes them true; the relay sends them afterwards."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol
from uuid import UUID

from shared import clock, telemetry
from shared.database import Connection, Session
from shared.errors import DomainError
from shared.events.base import Event, data_of
from shared.ids import new_id

PAYLOAD_LIMIT_BYTES = 262_144


_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


class EventTooLarge(DomainError):
    """What happened is too large to be told to other services."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "EVENT_TOO_LARGE"
    zh: ClassVar[str] = "提交的内容过大，无法同步给其他系统（上限 {limit_bytes} 字节）。"
    en: ClassVar[str] = (
        "The content is too large to be passed to other systems (at most {limit_bytes} bytes)."
    )


class Sequenced(Protocol):
    """A mapped row that counts its events: 0 when new, and locked before it is changed."""

    event_sequence: int


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One row as inserted; the fields are the columns, in the order of `OUTBOX_COLUMNS`."""

    event_id: UUID
    topic: str
    msg_key: str
    aggregate_type: str
    aggregate_id: str
    aggregate_seq: int
    event_type: str
    schema_version: int
    payload: str
    headers: str


OUTBOX_COLUMNS = tuple(field.name for field in fields(OutboxRow))

_UNNEST_TYPES = (
    *("uuid[]", "text[]", "text[]", "text[]", "text[]"),
    *("bigint[]", "text[]", "smallint[]", "text[]", "text[]"),
)


def insert_unnest_sql(first: int = 1) -> str:
    """An INSERT of any number of rows whose ten array parameters start at `$first`.

    To be used alone or inside a larger data-modifying statement. There, rows of aggregates that
    already exist must be joined with the RETURNING of the statement's own UPDATE of them: an id
    may only be drawn after the aggregate's row is locked.
    """
    arrays = ", ".join(f"${first + place}::{kind}" for place, kind in enumerate(_UNNEST_TYPES))
    columns = ", ".join(OUTBOX_COLUMNS)
    values = columns.replace("payload, headers", "payload::jsonb, headers::jsonb")
    return f"INSERT INTO outbox ({columns}) SELECT {values} FROM unnest({arrays}) AS o({columns})"


INSERT_UNNEST_SQL = insert_unnest_sql()


def columns_of(rows: Sequence[OutboxRow]) -> list[list[Any]]:
    """The ten array parameters of `insert_unnest_sql`."""
    return [[getattr(row, column) for row in rows] for column in OUTBOX_COLUMNS]


async def record(session: Session, row: Sequenced, event: Event) -> UUID:
    """Record that `event` happened to `row`, in the session's transaction; answers the event's id.

    The row is new or was loaded FOR UPDATE; its `event_sequence` becomes the event's sequence.
    Raises `EventTooLarge`, and `RuntimeError` for an event another service publishes.
    """
    if event.publisher() != session.info["service"]:
        raise RuntimeError(f"{session.info['service']} must not publish {event.wire_type}")
    session.add(row)
    row.event_sequence += 1
    # The flush takes the row's lock; only then may the outbox id be drawn (order per aggregate).
    await session.flush()
    prepared = prepare(event, row.event_sequence)
    await record_many(await session.driver(), [prepared])
    session.events_recorded()
    return prepared.event_id


async def record_many(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Insert rows in their order; each aggregate concerned is new or locked in this transaction."""
    await connection.execute(INSERT_UNNEST_SQL, *columns_of(rows))


def prepare(event: Event, sequence: int) -> OutboxRow:
    """The outbox row of `event` as the `sequence`-th of its subject, caused by the running context.

    Raises `EventTooLarge`.
    """
    payload = data_of(event)
    _refuse_large(payload)
    topic = event.topic()
    return OutboxRow(
        event_id=new_id(),
        topic=topic,
        msg_key=event.partition_key,
        aggregate_type=topic,
        aggregate_id=event.subject,
        aggregate_seq=sequence,
        event_type=event.wire_type,
        schema_version=event.schema_version(),
        payload=payload,
        headers=_encode(_headers(event)),
    )


def _headers(event: Event) -> dict[str, str]:
    headers = {
        "source": f"/{event.publisher()}",
        "time": clock.now().isoformat(),
        "correlationid": telemetry.correlation_id(),
        "causationid": telemetry.causation_id(),
        "regioncode": event.region,
        "simulated": "true" if clock.is_simulated() else None,
        **telemetry.trace_headers(),
    }
    return {name: value for name, value in headers.items() if value is not None}


def _refuse_large(payload: str) -> None:
    # PostgreSQL's text of jsonb has a blank after each colon and comma: at most twice as long. With
    # four bytes per character, a payload of an eighth of the limit needs no exact measurement.
    if len(payload) * 4 <= PAYLOAD_LIMIT_BYTES // 2:
        return
    if len(json.dumps(json.loads(payload), ensure_ascii=False).encode()) > PAYLOAD_LIMIT_BYTES:
        raise EventTooLarge(limit_bytes=PAYLOAD_LIMIT_BYTES)
