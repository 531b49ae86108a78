"""What households knows of problems follows inspection and never goes back."""

from datetime import date
from typing import Any
from uuid import UUID

from services.households.mirror.reactions import on_problem_events
from services.households.subscriptions import SUBSCRIPTIONS
from shared.events.base import Received, event_types
from shared.events.inspection import (
    ProblemClosed,
    ProblemDispatched,
    ProblemEvent,
    ProblemObject,
    ProblemReopened,
    ProblemReturned,
    ProblemSubmitted,
    ProblemWithdrawn,
)
from shared.ids import new_id
from shared.testing import received
from tests.households.conftest import VILLAGE, Households


def problem(
    kind: type[ProblemEvent], household: str, state: str, problem_id: UUID, **more: Any
) -> ProblemEvent:
    """Something that happened to a problem of a household."""
    return kind(
        problem_id=problem_id,
        problem_no="DPC-2019-000001",
        campaign_id=None,
        kind="HOUSING_UNSAFE",
        tier="GENERAL",
        scope="HOUSEHOLD",
        severity="PROMINENT",
        cohort="EXITED",
        object=ProblemObject(type="HOUSEHOLD", ref=household),
        village_code=VILLAGE,
        lead_dept="HOUS@511132",
        due_on=None,
        state=state,
        **more,
    )


async def tell(households: Households, *events: tuple[ProblemEvent, int]) -> None:
    """Deliver a batch."""
    batch = [
        Received(event, received(event, sequence=sequence).envelope) for event, sequence in events
    ]
    async with households.app.database.transaction() as session:
        await on_problem_events(session, batch)


async def open_problems(households: Households, view: dict[str, Any]) -> int:
    """The count in the household's record."""
    answer = await households.call("GET", f"/households/{view['id']}")
    count: int = answer.json()["open_problems"]
    return count


async def test_open_problems_are_counted_until_closed_or_withdrawn(
    households: Households,
) -> None:
    view, other = await households.register(), await households.register()
    one, two, three = new_id(), new_id(), new_id()
    await tell(
        households,
        (problem(ProblemDispatched, view["id"], "DISPATCHED", one), 2),
        (problem(ProblemDispatched, view["id"], "DISPATCHED", two), 2),
        (problem(ProblemDispatched, other["id"], "DISPATCHED", three), 2),
    )
    assert await open_problems(households, view) == 2
    assert await open_problems(households, other) == 1
    closed = problem(ProblemClosed, view["id"], "CLOSED", one, closed_on=date(2019, 9, 16))
    withdrawn = problem(ProblemWithdrawn, other["id"], "WITHDRAWN", three)
    await tell(households, (closed, 9), (withdrawn, 3))
    assert await open_problems(households, view) == 1
    assert await open_problems(households, other) == 0


async def test_a_problem_counts_until_it_is_closed_and_again_once_it_is_reopened(
    households: Households,
) -> None:
    view = await households.register()
    one = new_id()

    def told(kind: type[ProblemEvent], state: str, **more: Any) -> ProblemEvent:
        return problem(kind, view["id"], state, one, **more)

    life = [
        (told(ProblemDispatched, "DISPATCHED"), 1),
        (told(ProblemSubmitted, "SUBMITTED"), 1),  # reported, not yet believed
        (told(ProblemReturned, "RECTIFYING", level=2), 1),
        (told(ProblemSubmitted, "SUBMITTED"), 1),
        (told(ProblemClosed, "CLOSED", closed_on=date(2019, 9, 16)), 0),
        (told(ProblemReopened, "RECTIFYING", recurrence=1), 1),
        (told(ProblemClosed, "CLOSED", closed_on=date(2019, 10, 16)), 0),
        (told(ProblemReopened, "RECTIFYING", recurrence=2), 1),
        (told(ProblemWithdrawn, "WITHDRAWN"), 0),
    ]
    for sequence, (event, count) in enumerate(life, start=1):
        await tell(households, (event, sequence))
        assert await open_problems(households, view) == count, event.wire_type
    for sequence, (event, _) in enumerate(life, start=1):  # all of it once more
        await tell(households, (event, sequence))
        assert await open_problems(households, view) == 0


async def test_what_is_delivered_again_or_late_changes_nothing(households: Households) -> None:
    view = await households.register()
    one = new_id()
    dispatched = problem(ProblemDispatched, view["id"], "DISPATCHED", one)
    closed = problem(ProblemClosed, view["id"], "CLOSED", one, closed_on=date(2019, 9, 16))
    await tell(households, (dispatched, 2))
    await tell(households, (dispatched, 2))
    assert await open_problems(households, view) == 1
    await tell(households, (closed, 9))
    await tell(households, (dispatched, 2))
    assert await open_problems(households, view) == 0


async def test_a_suspected_problem_does_not_count_yet(households: Households) -> None:
    view = await households.register()
    await tell(households, (problem(ProblemDispatched, view["id"], "SUSPECTED", new_id()), 1))
    assert await open_problems(households, view) == 0


def test_everything_that_happens_to_a_problem_is_listened_to() -> None:
    happening = {kind for kind in event_types().values() if issubclass(kind, ProblemEvent)}
    assert set(SUBSCRIPTIONS) == happening
    assert ProblemClosed in happening
