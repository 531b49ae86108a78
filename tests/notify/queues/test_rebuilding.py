"""A queue rebuilt from the topics: what was done with stays done with, whatever comes first."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from services.notify.queues.commands.handing import bury_failed
from shared import clock
from shared.database import Database
from shared.events.base import Received, decode
from shared.testing import recorded_envelopes
from tests.notify.conftest import LEAD, TOWNSHIP, NewNotify, Notify, Story
from tests.notify.queues.stores import IN_ORDER, LEASES_ASIDE

QUEUES = (LEAD, TOWNSHIP, "FIN@511132", "WATER@511132")


async def state_of(database: Database) -> list[Any]:
    """Every message, and their order by problem and organisation."""
    async with database.reading() as session:
        return [
            *(await session.execute(text(LEASES_ASIDE))).all(),
            *(await session.execute(text(IN_ORDER))).all(),
        ]


async def live(notify: Notify, dice: random.Random, stories: Sequence[Story]) -> list[Any]:
    """Some weeks of events, pulls, acknowledgements, failures and replays; the events heard."""
    heard: list[Received[Any]] = []
    steps = {story.problem_id: _life_of(story) for story in stories}
    while steps:
        problem_id = dice.choice(list(steps))
        event = next(steps[problem_id], None)
        if event is None:
            del steps[problem_id]
            continue
        await notify.hear(event)
        heard.append(event)
        # People work at the time at which things happen.
        await _work(notify, dice, event.envelope.time + timedelta(minutes=1))
    return heard


def _life_of(story: Story) -> Any:
    at = iter(f"2086-03-{day:02d}T10:00:00+08:00" for day in range(2, 31))
    yield story.tell(at=next(at))
    yield story.move(at=next(at))
    yield story.dispute(next(at))
    yield story.reroute(next(at))
    yield story.submit(next(at))
    yield story.sent_back(next(at))
    if story.sequence % 2 == int(story.facts["problem_no"][-1]) % 2:
        yield story.submit(next(at))
        yield story.close(next(at))


async def _work(notify: Notify, dice: random.Random, now: datetime) -> None:
    for org in QUEUES:
        queue = notify.queue(org)
        for item in await queue.pull(now.isoformat(), max=dice.randint(1, 3)):
            if dice.random() < 0.5:
                path = f"/api/v1/queues/{org}/messages/{item['message_id']}/ack"
                answer = await post(notify, path, queue.headers, now)
                assert answer.status_code == 204
    if dice.random() < 0.4:
        async with notify.app.database.statement() as connection:
            await connection.execute(
                "UPDATE messages SET final_delivery = true, leased_until = $1"
                " WHERE state = 'LEASED' AND message_id IN"
                " (SELECT message_id FROM messages WHERE state = 'LEASED' LIMIT 2)",
                now,
            )
        with clock.simulate(now):
            async with notify.app.database.transaction() as session:
                for org in QUEUES:
                    await bury_failed(session, now, org)
    if dice.random() < 0.3:
        letters = (await notify.ops("GET", "/dead-letters")).json()["items"]
        for letter in letters[:1]:
            path = f"/api/v1/ops/dead-letters/{letter['id']}/replay"
            answer = await post(notify, path, notify.app.headers("OPS@51", "ops"), now)
            assert answer.status_code == 200, answer.text


async def post(notify: Notify, path: str, headers: dict[str, str], now: datetime) -> httpx.Response:
    """The answer to a call at a simulated time."""
    return await notify.app.client.post(path, headers=headers | {"X-Now": now.isoformat()})


async def own_events(notify: Notify) -> list[Received[Any]]:
    """What notify itself has published, in its order."""
    envelopes = await recorded_envelopes(notify.app.database)
    return [Received(decode(envelope), envelope) for envelope in envelopes]


@pytest.mark.parametrize("seed", range(4))
async def test_a_rebuilt_queue_equals_the_one_before(
    notify: Notify, new_notify: NewNotify, seed: int
) -> None:
    dice = random.Random(seed)
    heard = await live(notify, dice, [Story() for _ in range(4)])
    before = await state_of(notify.app.database)
    states = {row[8] for row in before if len(row) > 3}
    assert states >= {"QUEUED", "ACKED", "CANCELLED"}

    rebuilt = await new_notify()
    for event in await own_events(notify):
        await rebuilt.hear(event)
    dice.shuffle(order := sorted({one.event.problem_id for one in heard}))
    for problem_id in order:  # another order than before, but that of each problem
        await rebuilt.hear(*(one for one in heard if one.event.problem_id == problem_id))
    assert await state_of(rebuilt.app.database) == before


async def test_control_without_its_own_events_a_rebuilt_queue_hands_out_again_what_was_done(
    notify: Notify, new_notify: NewNotify
) -> None:
    heard = await live(notify, random.Random(1), [Story() for _ in range(4)])
    rebuilt = await new_notify()
    await rebuilt.hear(*heard)
    with pytest.raises(AssertionError):
        assert await state_of(rebuilt.app.database) == await state_of(notify.app.database)


async def test_hearing_its_own_events_changes_nothing_in_normal_life(notify: Notify) -> None:
    await live(notify, random.Random(2), [Story() for _ in range(3)])
    before = await state_of(notify.app.database)
    for event in await own_events(notify):
        await notify.hear(event)
    assert await state_of(notify.app.database) == before


async def die(notify: Notify, now: str) -> dict[str, Any]:
    """Nobody acknowledges the first message of the lead department; it is dead."""
    (message,) = await notify.queue().pull(now, max=1)
    async with notify.app.database.transaction() as session:
        await session.execute(text("UPDATE messages SET final_delivery = state = 'LEASED'"))
        await bury_failed(session, datetime(2087, 1, 1, tzinfo=UTC), LEAD)
    return message


async def replay(notify: Notify, message: dict[str, Any], **headers: str) -> None:
    """An operator puts a dead message back."""
    answer = await notify.app.client.post(
        f"/api/v1/ops/dead-letters/{message['message_id']}/replay",
        headers=notify.app.headers("OPS@51", "ops") | headers,
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("closed_first", [True, False])
async def test_a_replayed_message_is_recalled_by_later_events_alone_whatever_the_clocks_say(
    notify: Notify, new_notify: NewNotify, closed_first: bool
) -> None:
    story = Story()
    dispatched, closed = story.tell(), story.close("2086-03-05T10:00:00+08:00")
    await notify.hear(dispatched)
    message = await die(notify, "2086-03-02T12:00:00+08:00")
    if closed_first:
        await notify.hear(closed)
        await replay(notify, message)  # by a clock that is far behind
    else:
        await replay(notify, message, **{"X-Now": "2086-03-05T10:00:00+08:00"})
        await notify.hear(closed)
    rebuilt = await new_notify()
    await rebuilt.hear(*await own_events(notify))
    await rebuilt.hear(dispatched, closed)
    for one in (notify, rebuilt):
        told = [item["payload"]["purpose"] for item in await one.queue().drain()]
        assert told == (["DISPATCH", "CLOSED"] if closed_first else ["CLOSED"])


async def test_what_became_of_messages_yet_to_come_is_no_dead_letter_yet(
    notify: Notify, new_notify: NewNotify
) -> None:
    dispatched = Story().tell()
    await notify.hear(dispatched)
    message = await die(notify, "2086-03-02T12:00:00+08:00")
    rebuilt = await new_notify()
    await rebuilt.hear(*await own_events(notify))
    assert (await rebuilt.ops("GET", "/dead-letters")).json()["items"] == []
    path = f"/dead-letters/{message['message_id']}/replay"
    assert (await rebuilt.ops("POST", path)).status_code == 404
    await rebuilt.hear(dispatched)
    (letter,) = (await rebuilt.ops("GET", "/dead-letters")).json()["items"]
    assert letter["purpose"] == "DISPATCH"
