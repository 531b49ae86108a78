"""A fresh service knows the regions."""

from pathlib import Path
from typing import Any

from sqlalchemy import text

from services.notify.main import SERVICE, prepare
from tests.conftest import Start


async def test_a_fresh_service_knows_every_region_and_a_second_start_adds_none(
    start: Start, field_key_file: Path
) -> None:
    app = await start(SERVICE, field_key_file=field_key_file)

    async def known() -> Any:
        async with app.database.reading() as session:
            return await session.scalar(text("SELECT count(*) FROM regions"))

    before = await known()
    assert before > 40_000
    await prepare(app.runtime)
    assert await known() == before
