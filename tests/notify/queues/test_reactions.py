"""What the events of problems leave in the queues."""

import pytest

from shared.events.inspection import (
    ProblemAccepted,
    ProblemLogged,
    ProblemSourceAdded,
    ProblemSubmitted,
    ProblemWithdrawn,
)
from tests.notify.conftest import LEAD, TOWNSHIP, Notify, Story

LATER = "2086-03-05T10:00:00+08:00"


def purposes(items: list[dict[str, object]]) -> list[str]:
    """Why the messages were sent."""
    return [str(item["payload"]["purpose"]) for item in items]  # type: ignore[index]


async def test_a_historic_problem_logged_and_closed_is_told_to_nobody(notify: Notify) -> None:
    story = Story(state="LOGGED")
    logged = story.tell(ProblemLogged, found_on=story.facts["due_on"], source="IMPORT")
    await notify.hear(logged, story.close(LATER))
    for org in (LEAD, "FIN@511132", TOWNSHIP):
        assert await notify.queue(org).pull() == []
    assert await notify.reminders(story.problem_id) == []


async def test_an_event_delivered_twice_is_told_once(notify: Notify) -> None:
    story = Story()
    dispatched = story.tell()
    await notify.hear(dispatched)
    await notify.hear(dispatched)
    await notify.react([dispatched])  # even past the inbox
    assert len(await notify.queue().drain()) == 1


async def test_a_department_code_without_a_county_is_completed(notify: Notify) -> None:
    await notify.hear(Story(lead_dept="HOUS", co_depts=["FIN"]).tell())
    assert len(await notify.queue(LEAD).pull()) == 1
    assert len(await notify.queue("FIN@511132").pull()) == 1


async def test_a_withdrawn_problem_is_taken_back_from_who_had_not_got_it(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    (pulled,) = await notify.queue(TOWNSHIP).pull()
    await notify.hear(story.tell(ProblemWithdrawn, LATER, state="WITHDRAWN"))
    assert await notify.queue(LEAD).pull() == []
    assert await notify.queue("FIN@511132").pull() == []
    assert await notify.queue(TOWNSHIP).pull() == []  # still out under its lease
    await notify.queue(TOWNSHIP).ack(pulled)
    (notice,) = await notify.queue(TOWNSHIP).pull()
    assert notice["payload"]["purpose"] == "WITHDRAWAL"
    assert "已撤销" in notice["payload"]["text"]


async def test_who_has_acknowledged_a_problem_hears_of_its_closing(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.queue().drain()
    await notify.hear(story.close(LATER))
    (notice,) = await notify.queue().drain()
    assert (notice["event_type"], notice["payload"]["purpose"]) == (
        "inspection.problem.closed.v1",
        "CLOSED",
    )
    assert await notify.queue("FIN@511132").pull() == []


async def test_a_rerouted_problem_moves_from_queue_to_queue(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.hear(story.tell(at=LATER, lead_dept="WATER@511132"))
    (old,) = await notify.queue(LEAD).drain()
    assert old["payload"]["purpose"] == "WITHDRAWAL"
    assert "改由水利部门牵头" in old["payload"]["text"]
    (new,) = await notify.queue("WATER@511132").drain()
    assert new["payload"]["purpose"] == "DISPATCH"
    assert new["payload"]["required_plan_fields"]
    await notify.hear(story.close("2086-03-06T10:00:00+08:00"))
    assert await notify.queue(LEAD).drain() == []  # no longer theirs
    assert purposes(await notify.queue("WATER@511132").drain()) == ["CLOSED"]


async def test_another_source_is_told_to_the_lead_for_information(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.hear(story.tell(ProblemSourceAdded, LATER, source="VISIT"))
    dispatch, added = await notify.queue().drain()
    assert (dispatch["payload"]["purpose"], added["payload"]["purpose"]) == (
        "DISPATCH",
        "SOURCE_ADDED",
    )
    assert added["payload"]["information"] is True


async def test_the_departments_own_steps_are_not_told_to_it(notify: Notify) -> None:
    story = Story()
    await notify.hear(
        story.tell(),
        story.tell(ProblemAccepted, LATER, state="ACCEPTED"),
        story.tell(ProblemSubmitted, LATER, state="SUBMITTED"),
    )
    assert purposes(await notify.queue().drain()) == ["DISPATCH"]


async def test_an_older_event_does_not_change_what_is_known(notify: Notify) -> None:
    story = Story()
    dispatched, moved = story.tell(), story.move()
    await notify.react([moved])
    await notify.react([dispatched])
    async with notify.app.database.statement() as connection:
        row = await connection.fetchrow("SELECT due_on, version FROM problems")
    assert row is not None
    assert (row["due_on"], row["version"]) == (story.facts["due_on"], 2)


@pytest.mark.parametrize("size", [1, 7])
async def test_replaying_the_topic_into_an_empty_database_rebuilds_the_queues(
    notify: Notify, size: int
) -> None:
    events = []
    for number in range(12):
        story = Story(severity="PROMINENT" if number % 4 == 0 else "GENERAL")
        events.append(story.tell())
        if number % 2:
            events.append(story.move())
        if number % 3 == 0:
            events.append(story.tell(at=LATER, lead_dept="WATER@511132"))
        if number % 5 == 0:
            events.append(story.close("2086-04-20T10:00:00+08:00"))
    await notify.hear(*events)
    before = await contents(notify)
    async with notify.app.database.driver_transaction() as connection:
        await connection.execute(
            "TRUNCATE problems, happenings, messages, reminders, timer, inbox, inbox_cursor, outbox"
        )
    for start in range(0, len(events), size):
        await notify.hear(*events[start : start + size])
    assert await contents(notify) == before


async def contents(notify: Notify) -> list[list[tuple[object, ...]]]:
    """What the queues and the reminders hold, positions as order only."""
    async with notify.app.database.statement() as connection:
        messages = await connection.fetch(
            """
            SELECT m.message_id, org, problem_id, purpose, priority, state, event_type, data::text,
                   rank() OVER (PARTITION BY org, problem_id ORDER BY position)
              FROM messages m JOIN happenings USING (event_id) ORDER BY 1
            """
        )
        reminders = await connection.fetch("SELECT * FROM reminders ORDER BY 1, 2, 3, 4")
        timers = await connection.fetch(
            "SELECT subject_id, due_at FROM timer WHERE state = 'armed' ORDER BY 1"
        )
    return [[tuple(row) for row in rows] for rows in (messages, reminders, timers)]
