"""Pages follow each other without gap or repetition, and foreign cursors are refused by name."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid
from shared.ids import new_id
from shared.web.pagination import PageRequest

KEYS = st.lists(st.tuples(st.dates(), st.uuids()), unique=True, max_size=40)


def pages_of(rows: list[tuple[date, UUID]], limit: int) -> list[list[tuple[date, UUID]]]:
    """Every page of `rows`, fetched the way a query would: sorted, after the cursor, one ahead."""
    pages = []
    cursor: str | None = None
    while True:
        request = PageRequest(cursor, limit)
        key = request.key(date, UUID)
        rest = [row for row in sorted(rows) if key is None or row > key]
        page = request.page(rest[: limit + 1], lambda row: row, lambda row: row)
        pages.append(page.items)
        if page.next_cursor is None:
            return pages
        cursor = page.next_cursor


@given(KEYS, st.integers(min_value=1, max_value=7))
def test_the_pages_together_are_the_list(rows: list[tuple[date, UUID]], limit: int) -> None:
    pages = pages_of(rows, limit)
    assert [row for page in pages for row in page] == sorted(rows)
    assert all(len(page) == limit for page in pages[:-1])


@pytest.mark.parametrize(
    "cursor",
    [
        *("!!!!", "aGVsbG8", "e30", "WzEsMl0", "WyJ4Il0", "W251bGwsbnVsbF0", "é", ""),
        "WyIyMDE5LTAxLTAxIiwxXQ",  # a number for an id
    ],
)
def test_a_cursor_that_was_never_handed_out_is_refused_with_its_field(cursor: str) -> None:
    with pytest.raises(Invalid) as refusal:
        PageRequest(cursor, 10).key(date, UUID)
    assert [(e.field, e.code) for e in refusal.value.errors] == [("cursor", "CURSOR_INVALID")]


def test_a_cursor_of_another_list_is_refused() -> None:
    other = PageRequest(None, 1).page([(1,), (2,)], lambda row: row, lambda row: row).next_cursor
    with pytest.raises(Invalid):
        PageRequest(other, 1).key(date, UUID)
    assert PageRequest(other, 1).key(int) == (1,)


def test_ids_are_time_ordered() -> None:
    ids = [new_id() for _ in range(3)]
    assert all(value.version == 7 for value in ids)
