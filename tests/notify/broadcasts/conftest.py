"""Offices and persons that write to each other."""

from typing import Any

import httpx
import pytest

from services.notify.contacts.tables import Contact
from shared import clock
from shared.ids import new_id
from tests.notify.conftest import LEAD, TOWNSHIP, Notify

OFFICE = "POV@511132"
NEIGHBOUR = "POV@511133"
LETTER: dict[str, Any] = {
    "region_code": "511132",
    "roles": ["helper"],
    "title": "致全县结对帮扶责任人的一封信",
    "text": "请于本月内入户走访，核实住房和饮水安全情况。",
    "read_by": "2086-03-09",
}
ISSUED_AT = "2086-03-02T10:00:00+08:00"


def contact(org: str, person: str | None, *roles: str, **facts: Any) -> Contact:
    """A contact of the book; its address does not matter here."""
    return Contact(
        **{
            "org": org,
            "person": person,
            "roles": list(roles),
            "label": f"责任人{person}",
            "channel": "DRY_RUN",
            "address_sealed": "",
            "address_shown": "",
            "created_at": clock.now(),
            **facts,
        }
    )


class Office:
    """Persons and offices that write to each other."""

    def __init__(self, notify: Notify) -> None:
        self.notify = notify

    async def know(self, *contacts: Contact) -> None:
        """Put contacts into the book."""
        async with self.notify.app.database.transaction() as session:
            session.add_all(contacts)

    async def call(
        self,
        method: str,
        path: str = "",
        *,
        org: str = OFFICE,
        role: str = "poverty_office",
        person: str = "office",
        **more: Any,
    ) -> httpx.Response:
        """The answer to a call below /broadcasts."""
        headers = self.notify.app.headers(org, role, person=person)
        headers |= more.pop("headers", {})
        return await self.notify.app.client.request(
            method, f"/api/v1/broadcasts{path}", headers=headers, **more
        )

    async def issue(self, **changed: Any) -> dict[str, Any]:
        """Send the letter; the answer."""
        answer = await self.call(
            "POST",
            json=LETTER | changed,
            headers={"X-Now": ISSUED_AT, "Idempotency-Key": str(new_id())},
        )
        assert answer.status_code == 201, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def read(self, letter: dict[str, Any], org: str, person: str) -> httpx.Response:
        """The answer to a helper's receipt."""
        return await self.call(
            "POST", f"/{letter['broadcast_id']}/read", org=org, role="helper", person=person
        )

    async def receipts(self, letter: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
        """The receipts as the issuer sees them."""
        answer = await self.call("GET", f"/{letter['broadcast_id']}/receipts", params=params)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def remind(self, as_of: str) -> None:
        """Run the job."""
        body = {"job": "broadcasts", "as_of": as_of}
        answer = await self.notify.ops("POST", "/run", body)
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def office(notify: Notify) -> Office:
    """An office whose book knows two helpers of a department and one of a township."""
    office = Office(notify)
    await office.know(
        contact(LEAD, "wang", "helper"),
        contact(LEAD, "wang", "helper", channel="SMS"),
        contact(LEAD, "li", "helper", "dept_handler"),
        contact(TOWNSHIP, "a·ga", "helper"),
        contact(LEAD, None, "helper"),
        contact(LEAD, "head", "dept_head"),
        contact(LEAD, "gone", "helper", state="REMOVED"),
        contact("HOUS@511133", "neighbour", "helper"),
        contact("HOUS@5111", "above", "helper"),
    )
    return office
