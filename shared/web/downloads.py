"""`format=csv|xlsx` of a list or statistic: the table as a file to keep."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import IO, Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Query, Request
from fastapi.responses import StreamingResponse

from shared.spreadsheets import CSV_TYPE, XLSX_TYPE, Column, Rows, write_csv, write_xlsx
from shared.web.dependencies import runtime_of

_CHUNK_BYTES = 1 << 16
# Each reads all of its table on one connection of the pool that every other request needs too.
FILES_AT_ONCE = 2


class Format(StrEnum):
    """How a list or statistic is answered."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


async def _chosen(
    request: Request,
    chosen: Annotated[
        Format, Query(alias="format", description="json；csv、xlsx 为整份文件，不分页")
    ] = Format.JSON,
) -> AsyncIterator[Format]:
    if chosen is Format.JSON:
        yield chosen
        return
    turns: asyncio.Semaphore = runtime_of(request).extras.setdefault(
        "files", asyncio.Semaphore(FILES_AT_ONCE)
    )
    async with turns:
        yield chosen


# The turn is over when the file is complete: a slow reader delays nobody.
ChosenFormat = Annotated[Format, Depends(_chosen, scope="function")]
"""The format asked for; of one process only so many requests for a file run at a time."""

# For `responses=` of a route that also answers with files.
FILE_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"content": {CSV_TYPE: {}, XLSX_TYPE: {}}}}


async def download(
    chosen: Format, name: str, columns: Sequence[Column], rows: Rows
) -> StreamingResponse:
    """The file `name` (without an ending), complete before its first byte leaves: whatever `rows`
    holds open, a database connection above all, is free again by then."""
    if chosen is Format.XLSX:
        file, media_type = await write_xlsx(columns, rows, name), XLSX_TYPE
    else:
        file, media_type = await write_csv(columns, rows), CSV_TYPE
    size = file.seek(0, 2)
    file.seek(0)
    return StreamingResponse(
        _chunks(file),
        media_type=media_type,
        headers={
            "Content-Length": str(size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(f'{name}.{chosen}')}",
        },
    )


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk
