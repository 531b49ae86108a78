"""A running notify service, the problems it hears of, and the organisations that ask it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.notify.keys import keep_keys
from services.notify.main import SERVICE
from services.notify.reminders.reactions import on_problem_event
from shared.events.base import Envelope, Received, data_of
from shared.events.inspection import (
    AccountabilityOpened,
    ProblemClosed,
    ProblemDispatched,
    ProblemDisputed,
    ProblemDueChanged,
    ProblemEvent,
    ProblemFalseRectification,
    ProblemObject,
    ProblemOverdue,
    ProblemReopened,
    ProblemRerouted,
    ProblemReturned,
    ProblemSubmitted,
)
from shared.ids import new_id
from shared.messaging.inbox import Delivery, Inbox
from shared.privacy import load_key_ring
from shared.runtime import Runtime
from shared.testing import RunningApp, received
from tests.conftest import Start

VILLAGE = "511132201205"
LEAD = "HOUS@511132"
TOWNSHIP = "TOWN@511132201"
# Far ahead, so that no timer falls due by real time while a test runs.
FOUND = datetime.fromisoformat("2086-03-02T10:00:00+08:00")

_numbers = count(1)


class Story:
    """What inspection publishes of one problem, event after event."""

    def __init__(self, **facts: Any) -> None:
        self.problem_id = new_id()
        self.sequence = 0
        self.facts: dict[str, Any] = {
            "problem_id": self.problem_id,
            "problem_no": f"511132-2086-{next(_numbers):06d}",
            "campaign_id": None,
            "kind": "HOUSING_UNSAFE",
            "tier": "GENERAL",
            "scope": "INDIVIDUAL",
            "severity": "GENERAL",
            "cohort": "EXITED",
            "object": ProblemObject(type="VILLAGE", ref=VILLAGE),
            "village_code": VILLAGE,
            "lead_dept": LEAD,
            "co_depts": ["FIN@511132"],
            "due_on": date(2086, 4, 1),
            "state": "DISPATCHED",
            **facts,
        }

    def tell(
        self,
        event_class: type[ProblemEvent] = ProblemDispatched,
        at: str | datetime = FOUND,
        *,
        simulated: bool = False,
        **facts: Any,
    ) -> Received[Any]:
        """The next event of the problem; `facts` hold from then on."""
        own = {name: facts.pop(name) for name in list(facts) if name not in self.facts}
        self.facts |= facts
        self.sequence += 1
        event = event_class(**self.facts, **own)
        envelope = Envelope(
            id=new_id(),
            source="/inspection",
            type=event.wire_type,
            subject=event.subject,
            time=at if isinstance(at, datetime) else datetime.fromisoformat(at),
            sequence=self.sequence,
            partition_key=event.partition_key,
            data=data_of(event).encode(),
            region=event.region,
            simulated=simulated,
        )
        return Received(event, envelope)

    def overdue(self, level: int, at: str) -> Received[Any]:
        """The deadline has passed, for the `level`-th time."""
        return self.tell(ProblemOverdue, at, level=level, passed_at=datetime.fromisoformat(at))

    def move(self, days: int = 7, at: str = "2086-03-03T10:00:00+08:00") -> Received[Any]:
        """The deadline moves."""
        previous: date = self.facts["due_on"]
        due_on = previous + timedelta(days=days)
        return self.tell(ProblemDueChanged, at, due_on=due_on, previous_due_on=previous)

    def dispute(self, at: str) -> Received[Any]:
        """The lead department proposes the water department."""
        return self.tell(
            ProblemDisputed, at, state="DISPUTED", proposed_dept="WATER", clause="三定方案"
        )

    def reroute(self, at: str) -> Received[Any]:
        """The poverty office follows the proposal."""
        return self.tell(
            ProblemRerouted,
            at,
            state="DISPATCHED",
            lead_dept="WATER@511132",
            previous_dept="HOUS",
        )

    def submit(self, at: str) -> Received[Any]:
        """The executing unit reports it done."""
        return self.tell(ProblemSubmitted, at, state="SUBMITTED")

    def sent_back(self, at: str) -> Received[Any]:
        """A level found it not done."""
        return self.tell(ProblemReturned, at, state="RECTIFYING", level=1)

    def found_false(self, at: str) -> Received[Any]:
        """The report was untrue."""
        return self.tell(ProblemFalseRectification, at)

    def reopen(self, at: str) -> Received[Any]:
        """The defect is back after closing."""
        return self.tell(ProblemReopened, at, state="RECTIFYING", recurrence=1)

    def close(self, at: str) -> Received[Any]:
        """All levels found it gone."""
        closed_on = datetime.fromisoformat(at).date()
        return self.tell(ProblemClosed, at, state="CLOSED", closed_on=closed_on)


def case_of(story: Story, at: str, cause: str = "FALSE_RECTIFICATION") -> Received[Any]:
    """A case of accountability about the problem of `story` is opened."""
    event = AccountabilityOpened(
        case_id=new_id(),
        cause=cause,
        proposal="DISCIPLINE",
        village_code=story.facts["village_code"],
        campaign_id=None,
        kind=story.facts["kind"],
        problem_ids=[story.problem_id],
        organisations=[TOWNSHIP],
    )
    return received(event, at=datetime.fromisoformat(at))


class Queue:
    """One organisation's view of its queue."""

    def __init__(self, app: RunningApp, org: str, role: str) -> None:
        self.app = app
        self.org = org
        self.headers = app.headers(org, role)

    async def answer(self, now: str | None = None, **body: Any) -> httpx.Response:
        """The answer to a pull."""
        simulated = {"X-Now": now} if now else {}
        return await self.app.client.post(
            f"/api/v1/queues/{self.org}/pull", json=body, headers=self.headers | simulated
        )

    async def pull(self, now: str | None = None, **body: Any) -> list[dict[str, Any]]:
        """The messages handed out."""
        answer = await self.answer(now, **body)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def ack(self, message: dict[str, Any] | str) -> httpx.Response:
        """The answer to an acknowledgement."""
        message_id = message if isinstance(message, str) else message["message_id"]
        return await self.app.client.post(
            f"/api/v1/queues/{self.org}/messages/{message_id}/ack", headers=self.headers
        )

    async def drain(self) -> list[dict[str, Any]]:
        """Pull and acknowledge until nothing is left; what came, in order."""
        drained: list[dict[str, Any]] = []
        while items := await self.pull(max=100):
            for item in items:
                assert (await self.ack(item)).status_code == 204
            drained += items
        return drained

    async def stats(self, now: str | None = None) -> dict[str, int]:
        """The figures of the queue."""
        simulated = {"X-Now": now} if now else {}
        answer = await self.app.client.get(
            f"/api/v1/queues/{self.org}/stats", headers=self.headers | simulated
        )
        assert answer.status_code == 200, answer.text
        figures: dict[str, int] = answer.json()
        return figures


class Notify:
    """The service as departments, operators and the broker see it."""

    def __init__(self, app: RunningApp) -> None:
        self.app = app

    async def hear(self, *events: Received[Any]) -> None:
        """Events come in from the broker, as one batch, through inbox and reactions."""
        assert SERVICE.subscriptions
        inbox = Inbox(SERVICE.name, SERVICE.subscriptions)
        offset = next(_numbers) * 10_000
        deliveries = [
            Delivery(one.envelope.topic, 0, offset + place, one.envelope)
            for place, one in enumerate(events)
        ]
        async with self.app.database.transaction() as session:
            plan, _filled = await inbox.receive(session, deliveries)
        assert not plan.parked

    async def react(self, events: Sequence[Received[Any]]) -> None:
        """Events of one class reach the reaction alone."""
        async with self.app.database.transaction() as session:
            await on_problem_event(session, events)

    def queue(self, org: str = LEAD, role: str = "dept_handler") -> Queue:
        """The queue of an organisation."""
        return Queue(self.app, org, role)

    async def reminders(
        self, problem_id: UUID, org: str = LEAD, role: str = "dept_handler"
    ) -> list[dict[str, Any]]:
        """The reminders of a problem as an organisation sees them."""
        answer = await self.app.client.get(
            "/api/v1/reminders",
            params={"problem_id": str(problem_id)},
            headers=self.app.headers(org, role),
        )
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def planned(self, problem_id: UUID) -> list[tuple[str, str, str]]:
        """Day, kind and state of a problem's reminders."""
        items = await self.reminders(problem_id)
        return [(item["on"], item["kind"], item["state"]) for item in items]

    async def run_reminders(self, as_of: str) -> dict[str, Any]:
        """The answer to the job."""
        answer = await self.ops("POST", "/run", {"job": "reminders", "as_of": as_of})
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    async def ops(
        self, method: str, path: str, body: dict[str, Any] | None = None, org: str = "OPS@51"
    ) -> httpx.Response:
        """The answer to an operator's call."""
        return await self.app.client.request(
            method, f"/api/v1/ops{path}", json=body, headers=self.app.headers(org, "ops")
        )


NewNotify = Callable[..., Awaitable[Notify]]


@pytest.fixture
def new_notify(start: Start, leshan: list[tuple[str, str, int]], field_key_file: Path) -> NewNotify:
    """Start notify on a database of its own that knows one city: the whole country takes longer.

    Settings of the test's own may be given.
    """

    async def prepare(runtime: Runtime) -> None:
        keep_keys(runtime.database, load_key_ring(field_key_file))
        async with runtime.database.driver_transaction() as driver:
            await driver.copy_records_to_table(
                "regions", records=leshan, columns=("code", "name", "version")
            )

    async def begin(**settings: Any) -> Notify:
        service = replace(SERVICE, prepare=prepare)
        return Notify(await start(service, field_key_file=field_key_file, **settings))

    return begin


@pytest.fixture
async def notify(new_notify: NewNotify) -> Notify:
    """A running notify."""
    return await new_notify()
