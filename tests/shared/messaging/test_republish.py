"""What was sent can be sent again, nothing pending is ever purged, and differences have names."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared import clock
from shared.database import CHUNK_ROWS, Connection, Database
from shared.ids import new_id
from shared.messaging.outbox import prepare, record_many
from shared.messaging.reconciliation import Difference, Window, differences, first_id_at
from shared.messaging.republish import Purged, purge, release, republish
from tests.shared.messaging.parcels import ParcelMoved

NOW = datetime(2026, 5, 1, tzinfo=UTC)


async def _published(connection: Connection, number: int, days_ago: float) -> list[UUID]:
    """So many events that were sent so many days before NOW."""
    rows = [prepare(ParcelMoved(parcel_id=new_id(), place="x"), 1) for _ in range(number)]
    await record_many(connection, rows)
    ids = [row.event_id for row in rows]
    await connection.execute(
        "UPDATE outbox SET published_at = $1 WHERE event_id = ANY($2)",
        NOW - timedelta(days=days_ago),
        ids,
    )
    return ids


async def _pending(connection: Connection) -> int:
    count: int = await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")
    return count


async def test_republishing_queues_everything_sent_since_an_instant(connection: Connection) -> None:
    await _published(connection, 30, days_ago=10)
    await _published(connection, CHUNK_ROWS + 7, days_ago=2)
    assert await republish(connection, NOW - timedelta(days=3)) == CHUNK_ROWS + 7
    assert await _pending(connection) == CHUNK_ROWS + 7
    assert await republish(connection, NOW - timedelta(days=30), ["letters.letter"]) == 0
    assert await republish(connection, NOW - timedelta(days=30), ["parcels.parcel"]) == 30


async def test_only_what_was_sent_long_ago_is_purged(connection: Connection) -> None:
    await _published(connection, CHUNK_ROWS + 3, days_ago=31)
    kept = await _published(connection, 5, days_ago=29)
    old_but_pending = prepare(ParcelMoved(parcel_id=new_id(), place="x"), 1)
    await record_many(connection, [old_but_pending])
    await connection.execute(
        "UPDATE outbox SET created_at = '2020-01-01' WHERE published_at IS NULL"
    )
    assert await purge(connection, NOW) == Purged(outbox=CHUNK_ROWS + 3, inbox=0)
    left = await connection.fetch("SELECT event_id FROM outbox ORDER BY id")
    assert [row["event_id"] for row in left] == [*kept, old_but_pending.event_id]


async def test_the_inbox_forgets_after_ninety_days(connection: Connection) -> None:
    old, new = NOW - timedelta(days=91), NOW - timedelta(days=89)
    rows = [
        ("a", "old", first_id_at(old), old),
        ("b", "old but republished", first_id_at(old), new),
        ("a", "new", first_id_at(new), new),
    ]
    await connection.executemany("INSERT INTO inbox VALUES ($1, $3, $2, 0, 0, $4)", rows)
    assert await purge(connection, NOW) == Purged(outbox=0, inbox=1)
    left = await connection.fetch("SELECT topic FROM inbox ORDER BY topic")
    assert [row["topic"] for row in left] == ["new", "old but republished"]


async def test_reconciliation_names_what_either_side_is_missing(
    database: Database, connection: Connection
) -> None:
    start = clock.now() - timedelta(seconds=1)
    ids = await _published(connection, 100, days_ago=0)
    await connection.execute(
        "INSERT INTO inbox (consumer, event_id, topic, part, off)"
        " SELECT 'mirror', event_id, topic, 0, id FROM outbox"
    )
    window = Window(start, clock.now() + timedelta(seconds=1), ["parcels.parcel", "parcels.depot"])
    assert await differences(connection, connection, "mirror", window) == []
    await connection.execute("DELETE FROM inbox WHERE event_id = $1", ids[20])
    await connection.execute("DELETE FROM outbox WHERE event_id = $1", ids[70])
    assert await differences(connection, connection, "mirror", window) == [
        Difference("parcels.parcel", not_received=[ids[20]], not_sent=[ids[70]])
    ]
    yesterday = Window(start - timedelta(days=1), start, window.topics)
    assert await differences(connection, connection, "mirror", yesterday) == []


async def _operate(*arguments: str) -> tuple[int | None, dict[str, object]]:
    """Exit status and answer of the operator's command line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shared.messaging", *arguments, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    return process.returncode, json.loads(output)


async def test_the_operator_republishes_and_reconciles_from_the_command_line(
    database_url: str, connection: Connection
) -> None:
    ids = await _published(connection, 3, days_ago=0)
    since, until = (NOW - timedelta(days=1)).isoformat(), clock.now().isoformat()
    window = ("--since", "2026-01-01T00:00:00+08:00", "--until", until, "--topic", "parcels.parcel")
    status, answer = await _operate(
        "reconcile", database_url, database_url, "--consumer", "mirror", *window
    )
    named = {"topic": "parcels.parcel", "not_received": sorted(map(str, ids)), "not_sent": []}
    assert (status, answer) == (1, {"differences": [named]})
    assert await _operate("republish", database_url, "--since", since) == (0, {"queued": 3})
    assert await _pending(connection) == 3


async def test_released_rows_are_pending_again(connection: Connection) -> None:
    await _published(connection, 2, days_ago=0)
    await connection.execute(
        "UPDATE outbox SET published_at = NULL, parked_at = now(), park_reason = 'too large'"
    )
    assert await release(connection) == 2
    pending = "SELECT count(*) FROM outbox WHERE published_at IS NULL AND parked_at IS NULL"
    assert await connection.fetchval(pending) == 2
