"""The events of broadcasts: heard again they change nothing, on an empty store they restore it."""

from typing import Any

import pytest

from services.notify.broadcasts.domain import MOVES, Action, State, next_state
from shared.errors import IllegalMove
from shared.events.base import Received, decode
from shared.events.notify import BroadcastIssued
from shared.testing import recorded_envelopes
from tests.notify.broadcasts.conftest import LETTER, Office
from tests.notify.conftest import LEAD, TOWNSHIP


async def test_own_events_heard_again_change_nothing(office: Office) -> None:
    letter = await office.issue()
    await office.remind("2086-03-10T09:00:00+08:00")
    await office.call("POST", f"/{letter['broadcast_id']}/withdraw", json={"reason": "x"})
    before = await _state_of(office)
    await _hear_again(office)
    assert await _state_of(office) == before


async def test_letters_are_rebuilt_from_their_own_events(office: Office) -> None:
    kept, withdrawn = await office.issue(), await office.issue(title="作废")
    await office.remind("2086-03-10T09:00:00+08:00")
    await office.call("POST", f"/{withdrawn['broadcast_id']}/withdraw", json={"reason": "x"})
    before = await _state_of(office)
    async with office.notify.app.database.driver_transaction() as driver:
        await driver.execute("TRUNCATE broadcasts, messages, happenings, timer, inbox")
    await _hear_again(office)
    assert await _state_of(office) == before
    assert (await office.call("GET", f"/{kept['broadcast_id']}")).json()["title"] == LETTER["title"]


async def test_the_next_event_after_a_rebuild_follows_the_last(office: Office) -> None:
    letter = await office.issue()
    async with office.notify.app.database.driver_transaction() as driver:
        await driver.execute("TRUNCATE broadcasts, messages, happenings, timer, inbox")
    await _hear_again(office)
    await office.call("POST", f"/{letter['broadcast_id']}/withdraw", json={"reason": "x"})
    envelopes = await recorded_envelopes(office.notify.app.database)
    assert [envelope.sequence for envelope in envelopes] == [1, 2]


async def test_the_events_name_no_person(office: Office) -> None:
    await office.issue()
    (event,) = await office.notify.app.events(BroadcastIssued)
    assert isinstance(event, BroadcastIssued)
    assert event.organisations == [LEAD, TOWNSHIP]
    assert "wang" not in event.model_dump_json()


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("action", Action)
def test_every_move_of_a_letter_is_decided(state: State, action: Action) -> None:
    if (state, action) in MOVES:
        assert next_state(state, action) is MOVES[state, action]
    else:
        with pytest.raises(IllegalMove):
            next_state(state, action)


async def _state_of(office: Office) -> dict[str, list[tuple[Any, ...]]]:
    """What a rebuild must give back: letters, messages, armed timers."""
    statements = {
        "broadcasts": "SELECT * FROM broadcasts ORDER BY 1",
        "messages": "SELECT message_id, event_id, org, purpose, role, priority, state FROM messages"
        " ORDER BY 1",
        "happenings": "SELECT event_id, event_type, at, data::text FROM happenings ORDER BY 1",
        "timers": "SELECT subject_id, kind, due_at FROM timer WHERE state = 'armed' ORDER BY 1",
    }
    async with office.notify.app.database.reading() as session:
        driver = await session.driver()
        return {
            name: [tuple(row.values()) for row in await driver.fetch(statement)]
            for name, statement in statements.items()
        }


async def _hear_again(office: Office) -> None:
    """Everything that was published comes back from the broker."""
    for envelope in await recorded_envelopes(office.notify.app.database):
        await office.notify.hear(Received(decode(envelope), envelope))
