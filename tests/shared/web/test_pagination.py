"""Pages follow each other without gap or repetition, and foreign cursors are refused by name."""

import base64
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any
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


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        *((int, 1 << 63), (int, -(1 << 63)), (str, "\ud800"), (str, "\0"), (str, 1)),
        *((Decimal, "NaN"), (Decimal, "-Infinity"), (Decimal, "1e999999")),
        (datetime, "0001-01-01T00:00:00+14:00"),
        (datetime, "9999-12-31T23:59:59-14:00"),
        (datetime, "2019-09-16T10:00:00"),  # without a zone
    ],
)
def test_a_cursor_that_the_database_could_not_hold_is_refused(kind: type, part: Any) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps([part]).encode()).decode().rstrip("=")
    with pytest.raises(Invalid) as refusal:
        PageRequest(cursor, 10).key(kind)
    assert [error.code for error in refusal.value.errors] == ["CURSOR_INVALID"]


def test_a_cursor_of_another_list_is_refused() -> None:
    other = PageRequest(None, 1).page([(1,), (2,)], lambda row: row, lambda row: row).next_cursor
    with pytest.raises(Invalid):
        PageRequest(other, 1).key(date, UUID)
    assert PageRequest(other, 1).key(int) == (1,)


def test_ids_are_time_ordered() -> None:
    ids = [new_id() for _ in range(3)]
    assert all(value.version == 7 for value in ids)
