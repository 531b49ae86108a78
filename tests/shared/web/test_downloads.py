"""Tables as files over HTTP: complete before they leave, named in Chinese."""

import asyncio
import io
from collections.abc import AsyncIterator
from types import SimpleNamespace

import httpx
import openpyxl
import pytest
from fastapi import FastAPI

from shared.spreadsheets import Column, Kind
from shared.web.downloads import FILES_AT_ONCE, ChosenFormat, Format, download

COLUMNS = [Column("编号"), Column("数量", Kind.INTEGER)]


@pytest.mark.parametrize("chosen", [Format.CSV, Format.XLSX])
async def test_a_file_is_complete_before_its_first_byte_leaves(chosen: Format) -> None:
    ended = False

    async def rows() -> AsyncIterator[list[str | int]]:
        nonlocal ended
        yield ["P-1", 1]
        ended = True

    response = await download(chosen, "问题清单", COLUMNS, rows())
    assert ended
    content = b"".join(
        [chunk async for chunk in response.body_iterator if isinstance(chunk, bytes)]
    )
    assert int(response.headers["content-length"]) == len(content)
    assert response.headers["content-disposition"] == (
        "attachment; filename*=UTF-8''%E9%97%AE%E9%A2%98%E6%B8%85%E5%8D%95." + chosen
    )
    if chosen is Format.CSV:
        assert content.decode("utf-8-sig").splitlines() == ["编号,数量", "P-1,1"]
    else:
        book = openpyxl.load_workbook(io.BytesIO(content))
        assert list(book["问题清单"].values) == [("编号", "数量"), ("P-1", 1)]


async def test_more_requests_for_files_than_may_run_at_once_wait_and_others_do_not() -> None:
    app, running, finish = FastAPI(), asyncio.Semaphore(0), asyncio.Event()
    app.state.runtime = SimpleNamespace(extras={})
    started = 0

    @app.get("/")
    async def read(chosen: ChosenFormat) -> str:
        nonlocal started
        if chosen is not Format.JSON:
            started += 1
            running.release()
            await finish.wait()
        return chosen

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://files") as client:
        files = [
            asyncio.create_task(client.get("/", params={"format": "csv"}))
            for _ in range(FILES_AT_ONCE + 2)
        ]
        for _ in range(FILES_AT_ONCE):
            await running.acquire()
        assert (await client.get("/")).json() == "json"
        assert started == FILES_AT_ONCE
        finish.set()
        assert [(await file).status_code for file in files] == [200] * len(files)
