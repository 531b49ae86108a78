"""What inspection tells funds of a problem that no policy pays for."""

from collections.abc import Awaitable, Callable
from datetime import date
from itertools import count
from typing import Any

import pytest

from services.funds.subscriptions import SUBSCRIPTIONS
from shared.events.base import Received
from shared.events.inspection import (
    ProblemClosed,
    ProblemEvent,
    ProblemNoPolicyFound,
    ProblemObject,
    ProblemReopened,
    ProblemRerouted,
    ProblemWithdrawn,
)
from shared.ids import new_id
from shared.testing import received
from tests.funds.conftest import Funds

VILLAGE = "511132201205"
_numbers = count(1)


class Need:
    """A problem as inspection tells of it, event after event."""

    def __init__(self, **facts: Any) -> None:
        self.problem_id = str(new_id())
        self.sequence = 3
        self.facts: dict[str, Any] = {
            "problem_id": self.problem_id,
            "problem_no": f"511132-2019-{next(_numbers):06d}",
            "campaign_id": None,
            "kind": "WATER_UNSAFE",
            "tier": "GENERAL",
            "scope": "INDIVIDUAL",
            "severity": "GENERAL",
            "cohort": "EXITED",
            "object": ProblemObject(type="VILLAGE", ref=VILLAGE),
            "village_code": VILLAGE,
            "lead_dept": "WATER",
            "due_on": date(2019, 9, 30),
            "state": "RECTIFYING",
            **facts,
        }

    def _tell(self, event_class: type[ProblemEvent], **own: Any) -> Received[Any]:
        self.sequence += 1
        return received(event_class(**self.facts, **own), sequence=self.sequence)

    def found(self, need: str = "后山引水渠", amount: str | None = "12000.00") -> Received[Any]:
        """No policy pays for it."""
        return self._tell(ProblemNoPolicyFound, need=need, amount=amount)

    def closed(self) -> Received[Any]:
        """It is gone."""
        self.facts["state"] = "CLOSED"
        return self._tell(ProblemClosed, closed_on=date(2019, 9, 1))

    def withdrawn(self) -> Received[Any]:
        """It was none."""
        self.facts["state"] = "WITHDRAWN"
        return self._tell(ProblemWithdrawn)

    def reopened(self) -> Received[Any]:
        """It is back."""
        self.facts["state"] = "RECTIFYING"
        return self._tell(ProblemReopened, recurrence=1)

    def rerouted(self, department: str) -> Received[Any]:
        """Another department leads it."""
        before, self.facts["lead_dept"] = self.facts["lead_dept"], department
        return self._tell(ProblemRerouted, previous_dept=before)


Hear = Callable[..., Awaitable[None]]


@pytest.fixture
def hear(funds: Funds) -> Hear:
    """Let funds hear of events, one after the other."""

    async def heard(*events: Received[Any]) -> None:
        for one in events:
            async with funds.app.database.transaction() as session:
                await SUBSCRIPTIONS[type(one.event)](session, [one])

    return heard


async def gaps(funds: Funds, **query: str | int) -> list[dict[str, Any]]:
    """The needs finance sees."""
    answer = await funds.get("/policy-gaps", query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items
