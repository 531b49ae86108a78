"""The loops of notify outlive whatever its database does: one that ends takes the process with it.

Its chores are done by a loop that outlives everything (tests/shared/web/test_chores.py).
"""

import asyncio
from dataclasses import replace
from typing import NoReturn

import asyncpg
import pytest

from services.notify.slices import CHORES
from services.notify.streams import tails
from services.notify.webhooks import sending
from shared.chores import Chore
from shared.database import Database
from tests.faults.stage import until
from tests.notify.conftest import Notify

LOOPS = {
    "watch_streams": (tails.watch_streams, tails, "RECONNECT_SECONDS"),
    "send_webhooks": (sending.send_webhooks, sending, "RECONNECT_SECONDS"),
}


class TroubledDatabase(Database):
    """One that never gives a connection, each time for another reason."""

    def __init__(self) -> None:
        super().__init__("postgresql://nowhere", service="notify")
        self.troubles: list[Exception] = [
            OSError(),
            TimeoutError(),
            RuntimeError("the database is not open"),
            asyncpg.ConnectionDoesNotExistError(),
            asyncpg.InterfaceError("pool is closed"),
            asyncpg.InternalClientError("got result for unknown protocol state 3"),
        ]

    async def connect(self) -> NoReturn:
        self._trouble()

    def reading(self) -> NoReturn:
        self._trouble()

    def statement(self, *, records_events: bool = False) -> NoReturn:
        self._trouble()

    def _trouble(self) -> NoReturn:
        raise self.troubles.pop() if self.troubles else OSError


@pytest.mark.parametrize("name", LOOPS)
async def test_no_trouble_with_the_database_ends_a_loop(
    notify: Notify, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    loop, module, seconds = LOOPS[name]
    monkeypatch.setattr(module, seconds, 0.01)
    database, running = TroubledDatabase(), notify.app.runtime
    stop = asyncio.Event()
    task = asyncio.ensure_future(loop(replace(running, database=database), stop))

    async def all_met() -> bool:
        return not database.troubles or task.done()

    await until(all_met, 10, "every trouble is met")
    assert not task.done(), "the process would end"
    stop.set()
    await asyncio.wait_for(task, 5)


@pytest.mark.parametrize("chore", CHORES, ids=lambda chore: chore.name)
async def test_every_chore_can_be_done_where_there_is_nothing_to_do(
    notify: Notify, chore: Chore
) -> None:
    await chore.do(notify.app.runtime)
    await chore.do(notify.app.runtime)
