"""What every service does to its database beside its calls."""

from shared.housekeeping import CHANGED_ROWS, keep_statistics
from shared.testing import RunningApp

_GROW = """
INSERT INTO inbox_cursor (consumer, aggregate_type, aggregate_id, last_seq, last_event_id)
SELECT 'toy', 'parcel', n::text, 1, gen_random_uuid() FROM generate_series($1::int, $2::int) AS n
"""
_COUNTED = "SELECT reltuples::int FROM pg_class WHERE relname = 'inbox_cursor'"


async def grow(toy: RunningApp, first: int, last: int) -> None:
    """Add rows, and let the server know at once that it has them."""
    async with toy.database.driver_transaction() as connection:
        await connection.execute(_GROW, first, last)
        await connection.execute("SELECT pg_stat_force_next_flush()")


async def test_a_table_is_counted_again_once_it_has_doubled_and_not_before(
    toy: RunningApp,
) -> None:
    assert await keep_statistics(toy.runtime) == []
    await grow(toy, 1, CHANGED_ROWS - 1)
    assert await keep_statistics(toy.runtime) == []
    await grow(toy, CHANGED_ROWS, 3 * CHANGED_ROWS)
    assert await keep_statistics(toy.runtime) == ["inbox_cursor"]
    async with toy.database.statement() as connection:
        assert await connection.fetchval(_COUNTED) == 3 * CHANGED_ROWS
    await grow(toy, 3 * CHANGED_ROWS + 1, 4 * CHANGED_ROWS)
    assert await keep_statistics(toy.runtime) == []
    await grow(toy, 4 * CHANGED_ROWS + 1, 6 * CHANGED_ROWS)
    assert await keep_statistics(toy.runtime) == ["inbox_cursor"]
