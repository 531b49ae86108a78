"""A publisher and a consumer of the suite's own: tallies are counted up, with one effect each."""

import asyncio
import random
from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Field

from shared.database import Connection, Database, Session
from shared.events.base import Event, Received
from shared.ids import new_id
from shared.messaging import outbox
from shared.messaging.schema import MESSAGING_DDL
from shared.tables import SQLModel, service_registry
from tests.faults.auditor import Fact

PUBLISHER = "toys"
TOPIC = "toys.tally"

# `effect` has no unique key on purpose: an event applied twice must show.
TOYS_DDL = f"""{MESSAGING_DDL}
CREATE TABLE tally (id uuid PRIMARY KEY, event_sequence int NOT NULL DEFAULT 0);
CREATE TABLE effect (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id uuid NOT NULL, tally_id uuid NOT NULL, number int NOT NULL
);
"""


class Counted(Event):
    """A tally was counted up."""

    wire_type: ClassVar[str] = "toys.tally.counted.v1"
    subject_field: ClassVar[str] = "tally_id"

    tally_id: UUID
    number: int
    filling: str = ""


class ToyTable(SQLModel, registry=service_registry()):
    """Base of the toys' tables."""


class Tally(ToyTable, table=True):
    """An aggregate: all it knows is how often it was counted."""

    id: UUID = Field(primary_key=True)
    event_sequence: int = 0


def new_group() -> str:
    """The name of a consumer no earlier test has used."""
    return f"reader-{new_id()}"


class RolledBack(Exception):
    """The writer changed its mind."""


async def new_tallies(database: Database, number: int) -> list[UUID]:
    """So many tallies at zero."""
    ids = [new_id() for _ in range(number)]
    async with database.driver_transaction() as connection:
        await connection.execute("INSERT INTO tally (id) SELECT unnest($1::uuid[])", ids)
    return ids


async def count_up(session: Session, tally_id: UUID, filling: str = "") -> Fact:
    """Count a tally up in the session's transaction, as a command of a service would."""
    rows = await session.execute(select(Tally).where(Tally.id == tally_id).with_for_update())  # type: ignore[arg-type]
    tally = rows.scalar_one()
    number = tally.event_sequence + 1
    event = Counted(tally_id=tally_id, number=number, filling=filling)
    event_id = await outbox.record(session, tally, event)
    return Fact(str(event_id), str(tally_id), number)


async def count_in_bulk(database: Database, tallies: Sequence[UUID], rounds: int) -> list[Fact]:
    """Count every tally up `rounds` times in one transaction, round after round."""
    facts, rows = [], []
    async with database.driver_transaction() as connection:
        locked = await connection.fetch(
            "SELECT id, event_sequence FROM tally WHERE id = ANY($1) ORDER BY id FOR UPDATE",
            tallies,
        )
        for step in range(1, rounds + 1):
            for tally_id, before in locked:
                event = Counted(tally_id=tally_id, number=before + step)
                row = outbox.prepare(event, before + step)
                rows.append(row)
                facts.append(Fact(str(row.event_id), str(tally_id), before + step))
        await connection.execute(
            "UPDATE tally SET event_sequence = event_sequence + $2 WHERE id = ANY($1)",
            tallies,
            rounds,
        )
        await outbox.record_many(connection, rows)
    return facts


async def write(
    database: Database,
    tallies: Sequence[UUID],
    number: int,
    dice: random.Random,
    *,
    hold_seconds: float = 0.0,
    rollback_share: float = 0.0,
) -> list[Fact]:
    """One writer: `number` transactions, each open for up to `hold_seconds`; what committed."""
    facts = []
    for _ in range(number):
        try:
            async with database.transaction() as session:
                fact = await count_up(session, dice.choice(tallies))
                await asyncio.sleep(dice.uniform(0, hold_seconds))
                if dice.random() < rollback_share:
                    raise RolledBack
        except RolledBack:
            continue
        facts.append(fact)
    return facts


async def write_together(
    database: Database,
    tallies: Sequence[UUID],
    number: int,
    seed: int,
    *,
    writers: int,
    hold_seconds: float = 0.0,
    rollback_share: float = 0.0,
) -> list[Fact]:
    """Several writers at once, `number` transactions in all; what committed."""
    share = -(-number // writers)
    written = await asyncio.gather(
        *(
            write(
                database,
                tallies,
                share,
                random.Random(seed + writer),
                hold_seconds=hold_seconds,
                rollback_share=rollback_share,
            )
            for writer in range(writers)
        )
    )
    return [fact for facts in written for fact in facts]


async def apply(session: Session, received: Sequence[Received[Counted]]) -> None:
    """The reaction: one row of `effect` per event."""
    connection = await session.driver()
    await connection.executemany(
        "INSERT INTO effect (event_id, tally_id, number) VALUES ($1, $2, $3)",
        [(item.envelope.id, item.event.tally_id, item.event.number) for item in received],
    )


async def effects(connection: Connection) -> list[Fact]:
    """What the consumer has done, in its order."""
    rows = await connection.fetch("SELECT event_id, tally_id, number FROM effect ORDER BY position")
    return [Fact(str(event_id), str(tally_id), number) for event_id, tally_id, number in rows]
