"""A lost store is rebuilt from the topics: notify's own first, then those of the problems.

Whatever happened in which order, and whenever the timers ran, reminders and the messages in every
queue are what they were.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.events.base import Received, decode
from shared.events.notify import ReminderSent
from shared.testing import recorded_envelopes
from tests.notify.conftest import FOUND, LEAD, NewNotify, Notify, Story

_REMINDERS = "SELECT * FROM reminders ORDER BY problem_id, due_on, kind, remind_on"
_MESSAGES = """
SELECT m.problem_id, m.org, m.message_id, m.event_id, m.purpose, m.information, m.priority, m.role,
       m.state, h.event_type, h.at, h.data::jsonb AS data
  FROM messages m JOIN happenings h USING (event_id)
 ORDER BY m.problem_id, m.org, m.position
"""
_SENT = """
SELECT event_id, payload FROM outbox WHERE event_type = $1 ORDER BY event_id
"""


async def contents(notify: Notify) -> list[list[dict[str, Any]]]:
    """The reminders, the messages in the order of each queue and problem, the reminders' events."""
    async with notify.app.database.statement() as connection:
        found = [
            await connection.fetch(_REMINDERS),
            await connection.fetch(_MESSAGES),
            await connection.fetch(_SENT, ReminderSent.wire_type),
        ]
    return [[dict(row) for row in rows] for rows in found]


async def own_events(notify: Notify) -> list[Received[Any]]:
    """What notify has published itself."""
    envelopes = await recorded_envelopes(notify.app.database)
    return [Received(decode(envelope), envelope) for envelope in envelopes]


class History:
    """A history drawn at random: problems, what becomes of them, and when the timers run."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.at = FOUND
        self.events: list[list[Received[Any]]] = []
        self.stories: list[tuple[Story, list[Received[Any]]]] = []

    def begin(self) -> Received[Any]:
        """One more problem."""
        story = Story(
            tier=self.random.choice(["GENERAL", "GENERAL", "COMPLEX", "IMMEDIATE"]),
            severity=self.random.choice(["GENERAL", "PROMINENT"]),
            due_on=(self.at + timedelta(days=self.random.randint(0, 25))).date(),
        )
        self.stories.append((story, []))
        return self._keep(story, story.tell(at=self.at))

    def go_on(self) -> Received[Any]:
        """Something happens to one of the problems; notify may hear of it late."""
        story, events = self.random.choice(self.stories)
        last = events[-1].envelope.time
        at = max(self.at - timedelta(minutes=self.random.choice([0, 0, 0, 90, 600])), last)
        return self._keep(story, self._next(story, at.isoformat()))

    def _next(self, story: Story, at: str) -> Received[Any]:
        state = story.facts["state"]
        if state == "CLOSED":
            return story.reopen(at)
        if state == "SUBMITTED":
            return self.random.choice([story.sent_back, story.close])(at)
        if self.random.random() < 0.3:
            return story.submit(at)
        happenings: list[Callable[[], Received[Any]]] = [
            lambda: story.move(self.random.randint(-5, 12), at),
            lambda: story.reroute(at),
            lambda: story.found_false(at),
            lambda: story.overdue(self.random.randint(1, 3), at),
            lambda: story.tell(at=at, tier=self.random.choice(["GENERAL", "IMMEDIATE"])),
        ]
        return self.random.choice(happenings)()

    def _keep(self, story: Story, event: Received[Any]) -> Received[Any]:
        next(events for one, events in self.stories if one is story).append(event)
        return event

    def pass_time(self) -> datetime:
        """Some hours or days later."""
        self.at += timedelta(hours=self.random.choice([1, 5, 11, 24, 40, 100]))
        return self.at

    def told_anew(self) -> list[Received[Any]]:
        """All events, those of each problem in their order, otherwise mixed anew."""
        left = [list(events) for _, events in self.stories]
        mixed = []
        while left := [events for events in left if events]:
            mixed.append(self.random.choice(left).pop(0))
        return mixed


@pytest.mark.parametrize("seed", range(5))
async def test_a_rebuilt_store_has_the_reminders_and_messages_it_had(
    notify: Notify, new_notify: NewNotify, seed: int
) -> None:
    history = History(seed)
    for _ in range(5):
        await notify.hear(history.begin())
    for _ in range(40):
        history.pass_time()
        if history.random.random() < 0.45:
            await notify.run_reminders(history.at.isoformat())
        else:
            await notify.hear(history.go_on())
    rebuilt = await new_notify()
    await rebuilt.hear(*await own_events(notify))
    events = history.told_anew()
    while events:
        number = history.random.randint(1, 12)
        await rebuilt.hear(*events[:number])
        events = events[number:]
    before, after = await contents(notify), await contents(rebuilt)
    assert len([row for row in before[1] if row["purpose"] == "REMINDER"]) > 3
    assert after == before
    end = (history.at + timedelta(days=60)).isoformat()
    await notify.run_reminders(end)
    await rebuilt.run_reminders(end)
    assert await contents(rebuilt) == await contents(notify)


async def test_a_reminder_heard_of_again_changes_nothing(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.run_reminders("2086-03-29T12:00:00+08:00")
    before = await contents(notify)
    await notify.hear(*await own_events(notify))
    assert await contents(notify) == before


async def test_what_a_reminder_made_needless_stays_unsaid_in_a_rebuilt_store(
    notify: Notify, new_notify: NewNotify
) -> None:
    story = Story()
    dispatched = story.tell()
    await notify.hear(dispatched)
    await notify.run_reminders("2086-04-01T12:00:00+08:00")
    rebuilt = await new_notify()
    await rebuilt.hear(*await own_events(notify))
    await rebuilt.hear(dispatched)
    told = [item["payload"].get("reminder") for item in await rebuilt.queue(LEAD).pull()]
    assert told == [None, "DUE"]
    assert [state for _, _, state in await rebuilt.planned(story.problem_id)][:4] == ["SENT"] * 4


async def test_what_a_restored_backup_did_not_know_as_sent_is_told_as_it_was(
    notify: Notify, new_notify: NewNotify
) -> None:
    story = Story()
    dispatched, submitted = story.tell(), story.submit("2086-04-02T10:00:00+08:00")
    await notify.hear(dispatched)
    restored = await new_notify()
    await restored.hear(dispatched)  # the backup
    for day in ("2086-03-25", "2086-03-29", "2086-04-01"):
        await notify.run_reminders(f"{day}T12:00:00+08:00")
    await notify.hear(submitted)
    await restored.hear(*await own_events(notify))
    await restored.run_reminders("2086-05-01T12:00:00+08:00")
    await restored.hear(submitted)
    assert await contents(restored) == await contents(notify)
