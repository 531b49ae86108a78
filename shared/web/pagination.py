"""Keyset pages: `{items, next_cursor}`, where a cursor holds the sort key of the last item."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, tuple_

from shared.errors import field_error

ItemT = TypeVar("ItemT")
RowT = TypeVar("RowT")

MAXIMUM_LIMIT = 200

_LARGEST = (1 << 63) - 1


def _whole(part: Any) -> int:
    number = int(part)
    if abs(number) > _LARGEST:
        raise ValueError
    return number


def _text(part: Any) -> str:
    part.encode()  # half of a surrogate pair is no character
    if "\0" in part:
        raise ValueError
    return str(part)


def _instant(part: Any) -> datetime:
    instant = datetime.fromisoformat(part)
    if instant.tzinfo is None:
        raise ValueError
    return instant.astimezone(UTC)


def _number(part: Any) -> Decimal:
    number = Decimal(part)
    if not number.is_finite() or abs(number.adjusted()) > _DIGITS:
        raise ValueError
    return number


_DIGITS = 30

# Each reads nothing that PostgreSQL cannot hold.
_READERS: dict[type, Callable[[Any], Any]] = {
    str: _text,
    int: _whole,
    UUID: UUID,
    date: date.fromisoformat,
    datetime: _instant,
    Decimal: _number,
}


class Page(BaseModel, Generic[ItemT]):
    """One page of a list; `next_cursor` is null on the last one."""

    items: list[ItemT]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """`cursor` and `limit` of a list request."""

    cursor: str | None
    limit: int

    def key(self, *types: type) -> tuple[Any, ...] | None:
        """The sort key after which the page starts, read as `types`; None for the first page.

        Raises `Invalid` with code `CURSOR_INVALID` for a cursor this list did not hand out.
        """
        if self.cursor is None:
            return None
        try:
            padded = self.cursor + "=" * (-len(self.cursor) % 4)
            parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if not isinstance(parts, list) or len(parts) != len(types):
                raise ValueError
            return tuple(_READERS[kind](part) for kind, part in zip(types, parts, strict=True))
        except (ValueError, TypeError, AttributeError, ArithmeticError):
            raise field_error(
                "cursor",
                "CURSOR_INVALID",
                "翻页游标无效，请从第一页重新开始。",
                "This cursor was not handed out by this list.",
            ) from None

    def after(
        self, statement: Select[Any], columns: Sequence[ColumnElement[Any]], *types: type
    ) -> Select[Any]:
        """`statement` ordered by `columns`, starting after the cursor, one row more."""
        key = self.key(*types)
        if key is not None:
            statement = statement.where(tuple_(*columns) > tuple_(*key))
        return statement.order_by(*columns).limit(self.limit + 1)

    def page(
        self,
        rows: Sequence[RowT],
        view: Callable[[RowT], ItemT],
        key_of: Callable[[RowT], tuple[Any, ...]],
    ) -> "Page[ItemT]":
        """The page of `rows` fetched with `limit + 1`."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return Page[Any](
            items=[view(row) for row in shown],
            next_cursor=_encode(key_of(shown[-1])) if more else None,
        )


def _encode(key: tuple[Any, ...]) -> str:
    text = json.dumps(
        [part if isinstance(part, int) else str(_plain(part)) for part in key],
        separators=(",", ":"),
    )
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _plain(part: Any) -> Any:
    return part.isoformat() if isinstance(part, date | datetime) else part


async def _page_request(
    cursor: Annotated[
        str | None, Query(max_length=512, description="上一页的 next_cursor；第一页不填")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAXIMUM_LIMIT, description="一页最多条数")] = 50,
) -> PageRequest:
    return PageRequest(cursor, limit)


PageQuery = Annotated[PageRequest, Depends(_page_request)]
