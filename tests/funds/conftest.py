"""A running funds service, and the callers who speak to it."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import httpx
import pytest

from services.funds.main import SERVICE
from shared.runtime import Runtime
from shared.testing import RunningApp
from tests.conftest import Start

_keys = count(1)


class Funds:
    """The service as a person of an organisation sees it."""

    def __init__(self, app: RunningApp) -> None:
        self.app = app

    async def post(
        self,
        path: str,
        body: dict[str, Any],
        *,
        org: str = "FINOFF@511132",
        roles: tuple[str, ...] = ("finance",),
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """POST with an Idempotency-Key of its own."""
        return await self.app.client.post(
            f"/api/v1{path}",
            json=body,
            headers={
                **self.app.headers(org, *roles),
                "Idempotency-Key": f"key-{next(_keys)}",
                **(headers or {}),
            },
        )

    async def get(
        self,
        path: str,
        query: Mapping[str, str | int] | None = None,
        *,
        org: str = "FINOFF@511132",
        roles: tuple[str, ...] = ("finance",),
    ) -> httpx.Response:
        """GET with a query."""
        return await self.app.client.get(
            f"/api/v1{path}", params=query, headers=self.app.headers(org, *roles)
        )

    async def allocation(self, **changes: Any) -> dict[str, Any]:
        """An allocation just received, as answered."""
        body = {
            "region_code": "511132",
            "year": 2019,
            "source": "CENTRAL",
            "task": "CONSOLIDATE",
            "amount": "1000000.00",
            "doc_no": f"川财农〔2019〕{next(_keys)}号",
            "received_on": "2019-03-05",
            **changes,
        }
        answer = await self.post("/allocations", body, org="FINOFF@51")
        assert answer.status_code == 201, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def published_allocation(self, on: str = "2019-03-11", **changes: Any) -> dict[str, Any]:
        """An allocation made public on a day, as answered."""
        allocation = await self.allocation(**changes)
        answer = await self.post(
            f"/allocations/{allocation['id']}/publish",
            {"channel": "WEBSITE", "on": on},
            org="FINOFF@51",
        )
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def statement(
        self, region_code: str, available: str, paid: str, as_of: str = "2019-09-07"
    ) -> httpx.Response:
        """The answer to a treasury statement for 2019."""
        return await self.post(
            "/treasury-statements",
            {
                "region_code": region_code,
                "year": 2019,
                "as_of": as_of,
                "available": available,
                "paid": paid,
            },
            org="FINOFF@51",
        )


@pytest.fixture
async def funds(start: Start, leshan: list[tuple[str, str, int]]) -> Funds:
    """funds on a database of its own that knows one city: the whole country takes longer."""

    async def prepare(runtime: Runtime) -> None:
        async with runtime.database.driver_transaction() as driver:
            await driver.copy_records_to_table(
                "regions", records=leshan, columns=("code", "name", "version")
            )

    return Funds(await start(replace(SERVICE, prepare=prepare)))
