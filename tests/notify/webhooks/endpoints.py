"""A running notify that may send to this machine, webhooks of its organisations, and events."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from standardwebhooks import Webhook

from services.notify.keys import keep_keys
from services.notify.main import SERVICE
from services.notify.webhooks.sending import Sender, send_webhooks
from shared.ids import new_id
from shared.privacy import load_key_ring
from shared.runtime import Runtime
from shared.testing import RunningApp
from tests.conftest import Start
from tests.faults.receiver import Receiver, Request, receiver
from tests.faults.stage import until

OFFICE = "POV@511132"
COUNTY = "511132"

# Happenings of a problem each (or `each` of them), recorded for one subscription, in order.
_RECORD = """
WITH happened AS (
  INSERT INTO happenings (event_id, event_type, at, data)
  SELECT e, 'inspection.problem.dispatched.v1', now(), $3::json FROM unnest($2::uuid[]) AS e),
counted AS (
  UPDATE subscriptions SET last_position = last_position + cardinality($2::uuid[])
   WHERE subscription_id = $1 RETURNING last_position - cardinality($2::uuid[]) AS first)
INSERT INTO deliveries (subscription_id, position, event_id, problem_id, state, recorded_at,
                        next_at)
SELECT $1, counted.first + n, e, p, 'PENDING', now(), now()
  FROM counted, unnest($2::uuid[], $4::uuid[]) WITH ORDINALITY AS d(e, p, n)
"""
DATA = {
    "problem_no": "511132-2086-000001",
    "kind": "HOUSING_UNSAFE",
    "state": "DISPATCHED",
    "due_on": "2086-04-01",
    "village_code": "511132201205",
    "description": "墙体裂缝",
}


@dataclass
class Endpoint:
    """A webhook and what its receiver knows of it."""

    hooks: "Hooks"
    id: str
    path: str
    secret: str

    @property
    def requests(self) -> Sequence[Request]:
        """The deliveries that came in; the pings are left out."""
        return [
            request
            for request in self.hooks.receiver.to(self.path)
            if b'"notify.subscription.tested.v1"' not in request.body
        ]

    def verified(self, request: Request, secret: str | None = None) -> Any:
        """What a delivery says; raises WebhookVerificationError."""
        return Webhook(secret or self.secret).verify(request.body, dict(request.headers))

    async def record(self, count: int, *, each: int = 1) -> None:
        """Record so many deliveries, `each` of them in a row of the same problem."""
        problems = [new_id() for _ in range(-(-count // each))]
        async with self.hooks.app.database.driver_transaction() as connection:
            await connection.execute(
                _RECORD,
                UUID(self.id),
                [new_id() for _ in range(count)],
                json.dumps(DATA),
                [problems[place // each] for place in range(count)],
            )
            await connection.execute("SELECT pg_notify('feeds', $1)", self.id)

    async def call(
        self, method: str, path: str = "", body: Any = None, **headers: str
    ) -> httpx.Response:
        """The answer to a call of /subscriptions/{id} by its own organisation."""
        return await self.hooks.call(method, f"/subscriptions/{self.id}{path}", body, **headers)

    async def states(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        rows = await self.hooks.fetch(
            "SELECT state, count(*) AS n FROM deliveries WHERE subscription_id = $1 GROUP BY 1",
            UUID(self.id),
        )
        return {row["state"]: row["n"] for row in rows}

    async def state(self) -> tuple[str, str | None]:
        """State and reason of the subscription."""
        view = (await self.call("GET")).json()
        return view["state"], view["reason"]

    async def until_settled(self, seconds: float = 20) -> None:
        """Wait until nothing is pending."""

        async def settled() -> bool:
            return "PENDING" not in await self.states()

        await until(settled, seconds, "everything is settled")


@dataclass
class Hooks:
    """notify, its sender, and one receiver for all endpoints."""

    app: RunningApp
    receiver: Receiver
    org: str = OFFICE
    role: str = "poverty_office"
    endpoints: list[Endpoint] = field(default_factory=list)

    async def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        """The answer to a call by the organisation."""
        return await self.app.client.request(
            method,
            f"/api/v1{path}",
            json=body,
            headers=self.app.headers(self.org, self.role) | headers,
        )

    async def ops(
        self, method: str, path: str, body: Any = None, org: str = "OPS@511132"
    ) -> httpx.Response:
        """The answer to a call by an operator."""
        return await self.app.client.request(
            method, f"/api/v1{path}", json=body, headers=self.app.headers(org, "ops")
        )

    async def subscribe(self, path: str) -> Endpoint:
        """A new webhook to `path`, with a secret, not tested yet."""
        body = {"channel": "WEBHOOK", "target": self.receiver.url(path)}
        made = await self.call("POST", "/subscriptions", body)
        assert made.status_code == 201, made.text
        endpoint = Endpoint(self, made.json()["id"], path, "")
        endpoint.secret = await self.rotate(endpoint)
        self.endpoints.append(endpoint)
        return endpoint

    async def rotate(self, endpoint: Endpoint, **body: Any) -> str:
        """A new secret of an endpoint."""
        answer = await endpoint.call("POST", "/secrets", body)
        assert answer.status_code == 201, answer.text
        secret: str = answer.json()["secret"]
        return secret

    async def open(self, path: str) -> Endpoint:
        """A webhook to `path` that is active."""
        endpoint = await self.subscribe(path)
        tested = await endpoint.call("POST", "/test")
        assert tested.json()["state"] == "ACTIVE", tested.text
        return endpoint

    async def configure(self, **values: Any) -> None:
        """Set configured values of webhooks, named without their prefix."""
        for name, value in values.items():
            answer = await self.app.client.put(
                f"/api/v1/config/51/webhook_{name}",
                json={"value": value, "effective_from": "2020-01-01"},
                headers=self.app.headers("OPS@51", "ops"),
            )
            assert answer.status_code == 200, answer.text

    async def fetch(self, statement: str, *parameters: Any) -> list[Any]:
        """Rows of the database."""
        async with self.app.database.statement() as connection:
            return list(await connection.fetch(statement, *parameters))

    async def warnings(self) -> list[tuple[Any, ...]]:
        """The messages that tell of suspended webhooks: id, event, and whom."""
        rows = await self.fetch(
            "SELECT message_id, event_id, org FROM messages WHERE purpose = 'ENDPOINT_SUSPENDED'"
            " ORDER BY org"
        )
        return [tuple(row) for row in rows]

    @asynccontextmanager
    async def sending(self, kind: type[Sender] = Sender) -> AsyncIterator[Sender]:
        """One more process that sends."""
        stop, sender = asyncio.Event(), kind(self.app.runtime)
        task = asyncio.create_task(sender.run(stop))
        try:
            yield sender
        finally:
            stop.set()
            await asyncio.wait_for(task, 5)


async def notify_with(
    start: Start, key_file: Path, *, networks: str, ports: str, sends: bool = True
) -> RunningApp:
    """A running notify whose webhooks may go there, over plain HTTP too; `sends` by itself."""

    async def prepare(runtime: Runtime) -> None:
        keep_keys(runtime.database, load_key_ring(key_file))

    loops = tuple(loop for loop in SERVICE.loops if sends or loop is not send_webhooks)
    return await start(
        replace(SERVICE, prepare=prepare, loops=loops),
        field_key_file=key_file,
        webhook_networks=networks,
        webhook_ports=ports,
        webhook_plain_http=True,
    )


@asynccontextmanager
async def running_hooks(
    start: Start, key_file: Path, *, sends: bool = True
) -> AsyncIterator[Hooks]:
    """notify on a database of its own, allowed to send to this machine; `sends` by itself."""
    app = await notify_with(start, key_file, networks="127.0.0.0/8", ports="1-65535", sends=sends)
    async with receiver() as listening:
        yield Hooks(app, listening)
