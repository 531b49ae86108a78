"""Persons who read their inbox."""

from typing import Any

import httpx

from services.notify.contacts.tables import Contact
from shared import clock
from tests.notify.conftest import LEAD, Notify

OFFICE = "POV@511132"


class Person:
    """Somebody who reads his inbox."""

    def __init__(
        self,
        notify: Notify,
        person: str = "wang",
        org: str = LEAD,
        role: str = "dept_handler",
    ) -> None:
        self.notify, self.org = notify, org
        self.headers = notify.app.headers(org, role, person=person)

    async def call(self, method: str, path: str = "", **more: Any) -> httpx.Response:
        """The answer to a call below /inbox."""
        return await self.notify.app.client.request(
            method, f"/api/v1/inbox{path}", headers=self.headers, **more
        )

    async def items(self, **params: Any) -> list[dict[str, Any]]:
        """What stands in the inbox."""
        answer = await self.call("GET", params=params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def titles(self, **params: Any) -> list[str]:
        """The titles of what stands in the inbox."""
        return [item["title"] for item in await self.items(**params)]

    async def unread(self) -> dict[str, Any]:
        """The figures."""
        answer = await self.call("GET", "/unread-count")
        assert answer.status_code == 200, answer.text
        figures: dict[str, Any] = answer.json()
        return figures

    async def read(self, item: dict[str, Any]) -> int:
        """Mark a message as read; the status."""
        return (await self.call("POST", f"/{item['message_id']}/read")).status_code

    async def read_all(self, **body: Any) -> int:
        """Mark everything as read; how many."""
        answer = await self.call("POST", "/read-all", json=body)
        assert answer.status_code == 200, answer.text
        marked: int = answer.json()["marked"]
        return marked


async def broadcast(notify: Notify, *persons: str) -> str:
    """A letter to helpers of an organisation; its id."""
    facts: dict[str, Any] = {"org": LEAD, "roles": ["helper"], "channel": "DRY_RUN"}
    facts |= {"address_sealed": "", "address_shown": "", "created_at": clock.now()}
    async with notify.app.database.transaction() as session:
        session.add_all(Contact(person=person, label=person, **facts) for person in persons)
    answer = await notify.app.client.post(
        "/api/v1/broadcasts",
        json={
            "region_code": "511132",
            "roles": ["helper"],
            "title": "一封信",
            "text": "请入户走访。",
            "read_within_days": 7,
        },
        headers=notify.app.headers(OFFICE, "poverty_office"),
    )
    assert answer.status_code == 201, answer.text
    letter: str = answer.json()["broadcast_id"]
    return letter


async def execute(notify: Notify, statement: str, *values: Any) -> None:
    """Run a statement on the service's database."""
    async with notify.app.database.driver_transaction() as driver:
        await driver.execute(statement, *values)
