"""Files for people: typed columns, nothing read as a formula, memory that does not grow."""

import csv
import io
import os
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import spreadsheets
from shared.spreadsheets import Cell, Column, Kind, csv_stream, write_csv, write_xlsx

COLUMNS = [
    Column("编号", Kind.TEXT, 26),
    Column("数量", Kind.INTEGER),
    Column("平均天数", Kind.DECIMAL),
    Column("日期", Kind.DATE, 11),
    Column("完成率", Kind.PERCENT),
]
ROW: list[Cell] = ["511132201205900", 5873, Decimal("3.5"), date(2019, 9, 16), Decimal("94.26")]
EMPTY: list[Cell] = [None] * 5


async def cursor(rows: int) -> AsyncIterator[Sequence[Cell]]:
    """So many rows, one after the other."""
    for number in range(rows):
        yield [f"P-{number}", number, Decimal(number) / 2, date(2019, 9, 16), Decimal(50)]


async def lines_of(rows: Any, columns: Sequence[Column] = COLUMNS) -> list[list[str]]:
    """What a CSV reader finds."""
    text = b"".join([chunk async for chunk in csv_stream(columns, rows)])
    return list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline="")))


async def workbook_of(rows: Any, columns: Sequence[Column] = COLUMNS) -> Any:
    """What a spreadsheet reader finds."""
    with await write_xlsx(columns, rows, "清单") as file:
        return openpyxl.load_workbook(io.BytesIO(file.read()))


async def test_csv_begins_with_the_mark_by_which_excel_knows_its_encoding() -> None:
    with await write_csv(COLUMNS, [ROW]) as file:
        assert (
            file.read()
            == (
                "\ufeff编号,数量,平均天数,日期,完成率\r\n"
                "511132201205900,5873,3.5,2019-09-16,94.26%\r\n"
            ).encode()
        )


async def test_a_workbook_has_ids_as_text_dates_as_dates_and_numbers_as_numbers() -> None:
    sheet = (await workbook_of([ROW, EMPTY]))["清单"]
    assert [cell.value for cell in sheet[1]] == [column.title for column in COLUMNS]
    assert [cell.value for cell in sheet[2]] == [
        "511132201205900",
        5873,
        3.5,
        datetime(2019, 9, 16),  # noqa: DTZ001 - a spreadsheet knows no zones
        0.9426,
    ]
    assert [cell.number_format for cell in sheet[2]] == ["@", "0", "0.00", "yyyy-mm-dd", "0.00%"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:E3"
    assert sheet.column_dimensions["A"].width == pytest.approx(26, abs=1)


async def test_empty_cells_stay_empty() -> None:
    assert (await lines_of([EMPTY]))[1] == ["", "", "", "", ""]
    sheet = (await workbook_of([EMPTY])).active
    assert sheet["A2"].value is None


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1", "＝1+1", "＠SUM(A1)", "=cmd|' /C'!A0"]
)
async def test_text_is_never_taken_for_a_formula(text: str) -> None:
    columns = [Column("说明")]
    assert (await lines_of([[text]], columns))[1] == [f"'{text}"]
    cell = (await workbook_of([[text]], columns)).active["A2"]
    assert (cell.value.replace("_x0009_", "\t"), cell.data_type) == (text, "s")


async def test_a_title_is_never_taken_for_a_formula() -> None:
    assert await lines_of([], [Column("=1+1")]) == [["'=1+1"]]


async def test_a_negative_number_is_no_formula() -> None:
    assert (await lines_of([[-3]], [Column("差额", Kind.INTEGER)]))[1] == ["-3"]


async def test_links_stay_text() -> None:
    sheet = (await workbook_of([["https://example.org/1"]], [Column("出处")])).active
    assert sheet["A2"].value == "https://example.org/1"
    assert sheet["A2"].hyperlink is None


FORMULA = tuple("=+-@＝＋－＠\n")
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"))


@given(st.lists(TEXTS.filter(lambda text: not text.startswith(FORMULA)), max_size=5))
async def test_any_text_comes_back_from_csv_unchanged(texts: list[str]) -> None:
    rows = [[text, 1] for text in texts]
    found = await lines_of(rows, [Column("说明"), Column("数量", Kind.INTEGER)])
    assert found[1:] == [[text, "1"] for text in texts]


async def test_rows_past_the_limit_of_a_sheet_go_on_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spreadsheets, "SHEET_ROWS", 1_500)
    book = await workbook_of(cursor(3_100))
    assert [(sheet.title, sheet.max_row) for sheet in book] == [
        ("清单", 1_501),
        ("清单2", 1_501),
        ("清单3", 101),
    ]
    assert book["清单3"]["A1"].value == "编号"
    assert book["清单3"].auto_filter.ref == "A1:E101"


async def test_text_too_long_for_a_cell_is_cut() -> None:
    sheet = (await workbook_of([["长" * 40_000]], [Column("说明")])).active
    assert len(sheet["A2"].value) == 32_767


async def test_many_rows_take_no_more_memory_than_few() -> None:
    async def peak(rows: int) -> int:
        tracemalloc.start()
        for write in (write_csv, write_xlsx):
            (await write(COLUMNS, cursor(rows))).close()
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    assert await peak(20_000) < await peak(5_000) + 4_000_000


async def test_a_failing_source_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> AsyncIterator[Sequence[Cell]]:
        yield ROW
        raise OSError

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for write in (write_csv, write_xlsx):
        with pytest.raises(OSError):
            await write(COLUMNS, broken())
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - no waiting for so few
