"""Tables as files for people: CSV that Excel opens in Chinese, and .xlsx with typed columns.

Rows come from memory or from a server-side cursor; no more than a batch of them is held at a time,
and formatting runs in a thread. A file is complete before it leaves, so that a slow reader holds a
file and no database connection.
"""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import IO, TypeAlias

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

Cell: TypeAlias = str | int | Decimal | date | None
Row: TypeAlias = Sequence[Cell]
Rows: TypeAlias = Iterable[Row] | AsyncIterable[Row]

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_BATCH_ROWS = 1_000
_MEMORY_BYTES = 1 << 20
# Limits of the format: rows of a sheet below its header, characters of a cell.
SHEET_ROWS = 1_048_575
_CELL_CHARACTERS = 32_767
# A spreadsheet takes a cell that begins with one of these for a formula; where Chinese is typed, in
# their full width too.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


class Kind(StrEnum):
    """What the cells of a column are. Ids, codes and phone numbers are TEXT."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    PERCENT = "percent"  # 94.26 means 94.26 %


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, what its cells are, and its width in characters."""

    title: str
    kind: Kind = Kind.TEXT
    width: int = 12


async def csv_stream(columns: Sequence[Column], rows: Rows) -> AsyncIterator[bytes]:
    """RFC 4180 in UTF-8 with a byte order mark, in chunks; text that looks like a formula is
    preceded by an apostrophe."""
    titles = [_csv_cell(Kind.TEXT, column.title) for column in columns]
    yield _csv_lines([titles]).encode("utf-8-sig")
    async for batch in _batches(rows):
        yield await asyncio.to_thread(_csv_chunk, columns, batch)


async def write_csv(columns: Sequence[Column], rows: Rows) -> IO[bytes]:
    """`csv_stream` as a temporary file, at its beginning; it vanishes when closed."""
    with ExitStack() as unfinished:
        file = unfinished.enter_context(_temporary_file())
        async for chunk in csv_stream(columns, rows):
            await asyncio.to_thread(file.write, chunk)
        file.seek(0)
        unfinished.pop_all()
    return file


async def write_xlsx(columns: Sequence[Column], rows: Rows, sheet: str = "数据") -> IO[bytes]:
    """A workbook as a temporary file, at its beginning; it vanishes when closed.

    Every sheet has a fixed header and a filter; rows past the limit of a sheet go on the next one.
    """
    with ExitStack() as unfinished:
        file = unfinished.enter_context(_temporary_file())
        book = _Book(file, columns, sheet)
        try:
            async for batch in _batches(rows):
                await asyncio.to_thread(book.write, batch)
        finally:
            await asyncio.to_thread(book.close)  # it has temporary files of its own
        file.seek(0)
        unfinished.pop_all()
    return file


def _temporary_file() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(_MEMORY_BYTES)


async def _batches(rows: Rows) -> AsyncIterator[list[Row]]:
    if not isinstance(rows, AsyncIterable):
        listed = iter(rows)
        while batch := list(islice(listed, _BATCH_ROWS)):
            yield batch
        return
    batch = []
    async for row in rows:
        batch.append(row)
        if len(batch) == _BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _csv_chunk(columns: Sequence[Column], rows: Iterable[Row]) -> bytes:
    kinds = [column.kind for column in columns]
    lines = ([_csv_cell(*pair) for pair in zip(kinds, row, strict=True)] for row in rows)
    return _csv_lines(lines).encode()


def _csv_lines(lines: Iterable[Iterable[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue()


def _csv_cell(kind: Kind, value: Cell) -> str:
    if value is None:
        return ""
    if kind is Kind.TEXT:
        text = str(value)
        return f"'{text}" if text.startswith(_FORMULA) else text
    return f"{value}%" if kind is Kind.PERCENT else str(value)


class _Book:
    """A workbook written row by row, at most one row in memory."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column], sheet: str) -> None:
        self._columns = columns
        self._name = sheet
        self._book = xlsxwriter.Workbook(file, {"constant_memory": True})
        self._header = self._book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        self._formats = {
            kind: self._book.add_format({"num_format": code})
            for kind, code in {
                Kind.TEXT: "@",
                Kind.INTEGER: "0",
                Kind.DECIMAL: "0.00",
                Kind.DATE: "yyyy-mm-dd",
                Kind.PERCENT: "0.00%",
            }.items()
        }
        self._sheet = self._add_sheet(1)

    def write(self, rows: Iterable[Row]) -> None:
        """Append rows."""
        for row in rows:
            if self._written == SHEET_ROWS:
                self._end_sheet()
                self._sheet = self._add_sheet(len(self._book.worksheets()) + 1)
            self._written += 1
            for place, (column, value) in enumerate(zip(self._columns, row, strict=True)):
                if value is not None:
                    _write_cell(
                        self._sheet,
                        (self._written, place),
                        column.kind,
                        value,
                        self._formats[column.kind],
                    )

    def close(self) -> None:
        """Complete the file."""
        self._end_sheet()
        self._book.close()

    def _add_sheet(self, number: int) -> Worksheet:
        sheet = self._book.add_worksheet(self._name if number == 1 else f"{self._name}{number}")
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            sheet.set_column(place, place, column.width, self._formats[column.kind])
            sheet.write_string(0, place, column.title, self._header)
        self._written = 0
        return sheet

    def _end_sheet(self) -> None:
        self._sheet.autofilter(0, 0, self._written, len(self._columns) - 1)


def _write_cell(
    sheet: Worksheet, at: tuple[int, int], kind: Kind, value: Cell, shown: Format
) -> None:
    if kind is Kind.DATE:
        sheet.write_datetime(*at, value, shown)
    elif kind is Kind.TEXT:
        sheet.write_string(*at, str(value)[:_CELL_CHARACTERS], shown)
    elif kind is Kind.PERCENT:
        assert isinstance(value, int | Decimal)
        sheet.write_number(*at, value / 100, shown)
    else:
        sheet.write_number(*at, value, shown)
