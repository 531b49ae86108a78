"""Subscribers as they make subscriptions, and what was kept for them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.events.base import Envelope
from shared.testing import recorded_envelopes
from tests.notify.conftest import Notify

OFFICE = "POV@511132"
# Before every event of a story, which happen in March.
SUBSCRIBED = "2086-03-01T09:00:00+08:00"
MANDATORY = "SUBSCRIPTION_MANDATORY"


@dataclass(frozen=True)
class Subscriber:
    """An organisation that subscribes, at some instant."""

    notify: Notify
    org: str = OFFICE
    role: str = "poverty_office"

    async def call(
        self, method: str, path: str = "", body: Any = None, at: str = SUBSCRIBED, **headers: str
    ) -> httpx.Response:
        """The answer to a call of /subscriptions."""
        app = self.notify.app
        return await app.client.request(
            method,
            f"/api/v1/subscriptions{path}",
            json=body,
            headers=app.headers(self.org, self.role) | {"X-Now": at} | headers,
        )

    async def subscribe(
        self, channel: str = "QUEUE", at: str = SUBSCRIBED, **filters: Any
    ) -> dict[str, Any]:
        """A new subscription."""
        answer = await self.call("POST", "", {"channel": channel, "filters": filters}, at)
        assert answer.status_code == 201, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def change(
        self, subscription: dict[str, Any], at: str = SUBSCRIBED, **changes: Any
    ) -> dict[str, Any]:
        """The subscription after a change."""
        body = {"version": subscription["version"], **changes}
        answer = await self.call("PATCH", f"/{subscription['id']}", body, at)
        assert answer.status_code == 200, answer.text
        view: dict[str, Any] = answer.json()
        return view

    async def end(self, subscription: dict[str, Any], at: str = SUBSCRIBED) -> None:
        """End a subscription."""
        answer = await self.call("DELETE", f"/{subscription['id']}", at=at)
        assert answer.status_code == 204, answer.text

    async def told(self) -> list[tuple[str, str]]:
        """Purpose and kind of event of what stands in the organisation's queue, taken out of it."""
        items = await self.notify.queue(self.org, self.role).drain()
        return [(item["payload"]["purpose"], item["event_type"].split(".")[2]) for item in items]

    async def copies(self) -> list[Envelope]:
        """What was put on the organisation's topic."""
        topic = f"notify.queue.{self.org.lower().replace('@', '-')}"
        async with self.notify.app.database.statement() as connection:
            rows = await connection.fetch("SELECT event_id FROM outbox WHERE topic = $1", topic)
        ids = {row["event_id"] for row in rows}
        found = await recorded_envelopes(self.notify.app.database)
        return [envelope for envelope in found if envelope.id in ids]


async def kept(notify: Notify, subscription: dict[str, Any]) -> list[tuple[int, UUID, str]]:
    """Position, event and state of what was kept for a subscription."""
    async with notify.app.database.statement() as connection:
        rows = await connection.fetch(
            "SELECT position, event_id, state FROM deliveries WHERE subscription_id = $1"
            " ORDER BY position",
            UUID(subscription["id"]),
        )
    return [tuple(row) for row in rows]


@pytest.fixture
def office(notify: Notify) -> Subscriber:
    """The poverty office of the county."""
    return Subscriber(notify)


@pytest.fixture
def housing(notify: Notify) -> Subscriber:
    """The housing department of the county."""
    return Subscriber(notify, "HOUS@511132", "dept_handler")
