"""Reminders go out on their day: once, coalesced, and never at night."""

import pytest

from shared.events.notify import ReminderSent
from tests.notify.conftest import FOUND, LEAD, Notify, Story


async def test_a_reminder_is_sent_on_its_day_and_the_next_one_armed(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.queue().drain()
    assert (await notify.run_reminders("2086-03-25T08:59:59+08:00"))["figures"] == {"problems": 0}
    assert (await notify.run_reminders("2086-03-25T09:00:00+08:00"))["figures"] == {"problems": 1}
    (message,) = await notify.queue().drain()
    assert message["event_type"] == "notify.reminder.sent.v1"
    assert message["payload"]["purpose"] == "REMINDER"
    assert "距整改期限还有7天" in message["payload"]["text"]
    assert (await notify.planned(story.problem_id))[0] == ("2086-03-25", "PRE_DUE", "SENT")
    await notify.run_reminders("2086-03-25T09:00:00+08:00")
    assert await notify.queue().drain() == []
    await notify.run_reminders("2086-03-29T09:00:00+08:00")
    (message,) = await notify.queue().drain()
    assert "还有3天" in message["payload"]["text"]
    sent = await notify.app.events(ReminderSent)
    assert [event.organisation for event in sent if isinstance(event, ReminderSent)] == [LEAD] * 2


async def test_a_reminder_of_a_day_off_is_sent_on_the_workday_before_it(notify: Notify) -> None:
    story = Story()  # 31 March 2086 is a Sunday, 29 March a Friday
    await notify.hear(story.tell())
    await notify.queue().drain()
    ahead = [item for item in await notify.reminders(story.problem_id) if item["at"] is not None]
    assert [(item["on"], item["at"]) for item in ahead] == [
        ("2086-03-25", "2086-03-25T01:00:00Z"),
        ("2086-03-29", "2086-03-29T01:00:00Z"),
        ("2086-03-31", "2086-03-29T01:00:00Z"),
        ("2086-04-01", "2086-04-01T01:00:00Z"),
    ]
    await notify.run_reminders("2086-03-25T09:00:00+08:00")
    await notify.queue().drain()
    await notify.run_reminders("2086-03-29T09:00:00+08:00")
    # Two days of the rhythm fall on one instant: one message, and it counts from the day it came.
    (message,) = await notify.queue().drain()
    assert "还有3天" in message["payload"]["text"]
    states = [state for _, _, state in await notify.planned(story.problem_id)]
    assert states[:4] == ["SENT", "SENT", "SENT", "PLANNED"]
    await notify.run_reminders("2086-03-31T09:00:00+08:00")
    assert await notify.queue().drain() == []
    *_, sent = await notify.app.events(ReminderSent)
    assert isinstance(sent, ReminderSent)
    assert [one.remind_on.isoformat() for one in sent.absorbed] == ["2086-03-29"]


async def test_an_urgent_problem_is_reminded_of_on_a_sunday(notify: Notify) -> None:
    story = Story(severity="PROMINENT")
    await notify.hear(story.tell())
    await notify.run_reminders("2086-03-29T09:00:00+08:00")
    await notify.queue().drain()
    await notify.run_reminders("2086-03-31T09:00:00+08:00")
    (message,) = await notify.queue().drain()
    assert "还有1天" in message["payload"]["text"]


@pytest.mark.parametrize("hour", [6, 22])
async def test_nobody_is_reminded_at_night(notify: Notify, hour: int) -> None:
    answer = await notify.app.client.put(
        "/api/v1/config/511132/reminder_hour",
        json={"value": hour, "effective_from": "2086-01-01"},
        headers=notify.app.headers("POV@511132", "poverty_office"),
    )
    assert answer.status_code == 422


async def test_reminders_missed_while_nothing_ran_come_as_one_message(notify: Notify) -> None:
    stories = [Story() for _ in range(5)]
    await notify.hear(*(story.tell() for story in stories))
    await notify.queue().drain()
    result = await notify.run_reminders("2086-04-01T12:00:00+08:00")  # B2
    assert result["figures"] == {"problems": 5}
    messages = await notify.queue().drain()
    assert sorted(item["problem_id"] for item in messages) == sorted(
        str(story.problem_id) for story in stories
    )
    assert {item["payload"]["reminder"] for item in messages} == {"DUE"}
    assert all("今天到期" in item["payload"]["text"] for item in messages)
    for story in stories:
        assert [state for _, _, state in await notify.planned(story.problem_id)] == [
            *["SENT"] * 4,
            *["PLANNED"] * 3,
        ]


async def test_a_reminder_not_handed_out_is_recalled_by_the_submission(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.queue().drain()
    await notify.run_reminders("2086-03-25T09:00:00+08:00")
    await notify.hear(story.submit("2086-03-26T10:00:00+08:00"))
    assert await notify.queue().drain() == []


async def test_simulated_problems_are_reminded_of_by_the_job_only(notify: Notify) -> None:
    story = Story(due_on=FOUND.date().replace(year=2019))
    at = "2019-01-01T10:00:00+08:00"
    await notify.hear(story.tell(at=at, simulated=True))
    await notify.queue().drain()
    assert await notify.app.runtime.scheduler.tick() == 0
    assert (await notify.run_reminders("2019-02-27T09:00:00+08:00"))["figures"] == {"problems": 1}
    (message,) = await notify.queue().drain()
    assert message["payload"]["reminder"] == "PRE_DUE"


async def test_due_reminders_fire_by_real_time(notify: Notify) -> None:
    story = Story(due_on=FOUND.date().replace(year=2019))
    await notify.hear(story.tell(at="2019-01-01T10:00:00+08:00"))
    fired = await notify.app.runtime.scheduler.tick()
    assert fired <= 1  # the scheduler of the service may have been faster
    messages = await notify.queue().drain()
    assert [item["payload"]["purpose"] for item in messages] == ["DISPATCH", "REMINDER"]


async def test_a_thousand_reminders_at_one_instant_are_each_sent_once(notify: Notify) -> None:
    stories = [Story() for _ in range(1000)]
    await notify.react([story.tell() for story in stories])
    result = await notify.run_reminders("2086-03-25T09:00:00+08:00")
    assert result["figures"] == {"problems": 1000}
    async with notify.app.database.statement() as connection:
        sent = await connection.fetchval("SELECT count(*) FROM messages WHERE purpose = 'REMINDER'")
    assert sent == 1000
