"""Reminders follow the problem: planned, cancelled, planned anew."""

import pytest

from shared.events.inspection import ProblemLogged, ProblemWithdrawn
from tests.notify.conftest import FOUND, LEAD, Notify, Story

AHEAD = [
    ("2086-03-25", "PRE_DUE"),
    ("2086-03-29", "PRE_DUE"),
    ("2086-03-31", "PRE_DUE"),
    ("2086-04-01", "DUE"),
]
ESCALATIONS = [("2086-04-02", "OVERDUE"), ("2086-04-08", "OVERDUE"), ("2086-04-16", "OVERDUE")]


async def test_a_dispatched_problem_has_its_reminders_planned(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    assert await notify.planned(story.problem_id) == [
        (*day, "PLANNED") for day in AHEAD + ESCALATIONS
    ]
    reminders = await notify.reminders(story.problem_id)
    assert [item["to"] for item in reminders] == [*[LEAD] * 5, "POV@511132", "LG@511132"]
    assert [item["role"] for item in reminders][-3:] == [
        "dept_head",
        "poverty_office",
        "leading_group",
    ]


async def test_an_immediate_problem_counts_its_dispatch_as_a_reminder(notify: Notify) -> None:
    story = Story(tier="IMMEDIATE", due_on=FOUND.date().replace(day=3))
    await notify.hear(story.tell())
    planned = await notify.planned(story.problem_id)
    assert planned[:2] == [("2086-03-02", "PRE_DUE", "SENT"), ("2086-03-03", "DUE", "PLANNED")]
    assert len(await notify.queue().drain()) == 1


async def test_a_systemic_problem_without_a_deadline_has_no_reminders(notify: Notify) -> None:
    story = Story(scope="SYSTEMIC", due_on=None)
    await notify.hear(story.tell())
    assert await notify.planned(story.problem_id) == []


async def test_a_moved_deadline_cancels_and_plans_anew(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.hear(story.move(7, "2086-03-26T10:00:00+08:00"))
    planned = await notify.planned(story.problem_id)
    assert [day for day, kind, state in planned if state == "PLANNED" and kind != "OVERDUE"] == [
        "2086-04-01",
        "2086-04-05",
        "2086-04-07",
        "2086-04-08",
    ]
    old = [
        item for item in await notify.reminders(story.problem_id) if item["due_on"] < "2086-04-08"
    ]
    assert [item["state"] for item in old] == ["SENT", *["CANCELLED"] * 6]
    await notify.queue().drain()
    await notify.run_reminders("2086-03-31T12:00:00+08:00")
    assert await notify.queue().drain() == []
    await notify.run_reminders("2086-04-01T12:00:00+08:00")
    assert len(await notify.queue().drain()) == 1


@pytest.mark.parametrize("end", ["close", "withdraw"])
async def test_there_is_no_reminder_after_the_end(notify: Notify, end: str) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.queue().drain()
    at = "2086-03-20T10:00:00+08:00"
    ending = (
        story.close(at) if end == "close" else story.tell(ProblemWithdrawn, at, state="WITHDRAWN")
    )
    await notify.hear(ending)
    await notify.queue().drain()
    assert (await notify.run_reminders("2086-06-01T09:00:00+08:00"))["figures"] == {"problems": 0}
    assert await notify.queue().drain() == []
    assert {state for _, _, state in await notify.planned(story.problem_id)} == {"CANCELLED"}


async def test_a_rerouted_problem_reminds_the_new_department(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.hear(story.tell(at="2086-03-05T10:00:00+08:00", lead_dept="WATER@511132"))
    reminders = await notify.reminders(story.problem_id, "WATER@511132")
    assert {item["to"] for item in reminders if item["kind"] != "OVERDUE"} == {"WATER@511132"}
    await notify.queue().drain()
    await notify.queue("WATER@511132").drain()
    await notify.run_reminders("2086-03-25T09:00:00+08:00")
    assert await notify.queue().drain() == []
    assert len(await notify.queue("WATER@511132").drain()) == 1


async def test_submission_stops_reminders_and_a_return_resumes_them(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.run_reminders("2086-03-25T09:00:00+08:00")
    await notify.hear(story.submit("2086-03-26T10:00:00+08:00"))
    await notify.queue().drain()
    await notify.run_reminders("2086-03-30T09:00:00+08:00")
    assert await notify.queue().drain() == []
    back = story.sent_back("2086-03-30T10:00:00+08:00")
    await notify.hear(back)
    await notify.hear(back)  # delivered again
    await notify.react([back])  # even past the inbox
    assert await notify.planned(story.problem_id) == [
        ("2086-03-25", "PRE_DUE", "SENT"),
        ("2086-03-29", "PRE_DUE", "CANCELLED"),
        ("2086-03-31", "PRE_DUE", "PLANNED"),
        ("2086-04-01", "DUE", "PLANNED"),
        *((*day, "PLANNED") for day in ESCALATIONS),
    ]


async def test_a_reopened_problem_is_reminded_of_anew_as_far_as_its_deadline_is_ahead(
    notify: Notify,
) -> None:
    story = Story()
    await notify.hear(story.tell(), story.submit("2086-03-10T10:00:00+08:00"))
    await notify.hear(story.close("2086-03-20T10:00:00+08:00"))
    assert {state for _, _, state in await notify.planned(story.problem_id)} == {"CANCELLED"}
    again = story.reopen("2086-03-30T10:00:00+08:00")
    expected = [
        ("2086-03-25", "PRE_DUE", "CANCELLED"),
        ("2086-03-29", "PRE_DUE", "CANCELLED"),
        ("2086-03-31", "PRE_DUE", "PLANNED"),
        ("2086-04-01", "DUE", "PLANNED"),
        *((*day, "PLANNED") for day in ESCALATIONS),
    ]
    for _ in range(2):
        await notify.hear(again)
        await notify.react([again])
        assert await notify.planned(story.problem_id) == expected
    await notify.queue().drain()
    await notify.run_reminders("2086-03-31T09:00:00+08:00")
    assert len(await notify.queue().drain()) == 1


async def test_history_taken_over_as_closed_is_reminded_of_once_it_is_reopened(
    notify: Notify,
) -> None:
    story = Story(state="LOGGED")
    logged = story.tell(ProblemLogged, found_on=story.facts["due_on"], source="AUDIT")
    await notify.hear(logged, story.close("2086-03-03T10:00:00+08:00"))
    await notify.hear(story.reopen("2086-03-05T10:00:00+08:00"))
    planned = await notify.planned(story.problem_id)
    assert planned == [(*day, "PLANNED") for day in AHEAD + ESCALATIONS]


async def test_a_reopened_problem_with_a_new_deadline_follows_that_one_alone(
    notify: Notify,
) -> None:
    story = Story()
    await notify.hear(story.tell(), story.close("2086-05-01T10:00:00+08:00"))
    at = "2086-05-02T10:00:00+08:00"
    await notify.hear(story.reopen(at), story.move(60, at))
    live = [row for row in await notify.planned(story.problem_id) if row[2] == "PLANNED"]
    assert [day for day, _, _ in live] == [
        *("2086-05-24", "2086-05-28", "2086-05-30", "2086-05-31"),
        *("2086-06-01", "2086-06-07", "2086-06-15"),
    ]


@pytest.mark.parametrize("late", ["sent_back", "reopen"])
async def test_an_event_that_comes_late_plans_nothing_for_what_has_ended(
    notify: Notify, late: str
) -> None:
    story = Story()
    dispatched = story.tell()
    overtaken = getattr(story, late)("2086-03-10T10:00:00+08:00")
    closed = story.close("2086-03-20T10:00:00+08:00")
    await notify.hear(dispatched)
    await notify.react([closed])
    await notify.react([overtaken])
    assert {state for _, _, state in await notify.planned(story.problem_id)} == {"CANCELLED"}


async def test_what_is_disputed_is_reminded_of_all_the_same(notify: Notify) -> None:
    """I-11: the clock runs on, until the ruling for the department that has it now."""
    story = Story()
    await notify.hear(story.tell(), story.dispute("2086-03-03T10:00:00+08:00"))
    assert len([row for row in await notify.planned(story.problem_id) if row[2] == "PLANNED"]) == 7
    ruled = story.reroute("2086-03-26T10:00:00+08:00")
    for _ in range(2):
        await notify.hear(ruled)
        await notify.react([ruled])
    reminders = await notify.reminders(story.problem_id, "WATER@511132")
    assert (
        [(item["on"], item["to"], item["state"]) for item in reminders]
        == [
            ("2086-03-25", LEAD, "SENT"),  # fell due while it was theirs
            *((day, "WATER@511132", "PLANNED") for day, _ in [*AHEAD[1:], ESCALATIONS[0]]),
            ("2086-04-08", "POV@511132", "PLANNED"),
            ("2086-04-16", "LG@511132", "PLANNED"),
        ]
    )


async def test_what_fell_due_before_the_end_counts_as_sent_whenever_the_timers_ran(
    notify: Notify,
) -> None:
    punctual, replayed = Story(), Story()
    await notify.hear(punctual.tell(), replayed.tell())
    # One lived through it, the other is rebuilt from its events after all of it.
    async with notify.app.database.statement() as connection:
        await connection.execute(
            "UPDATE timer SET state = 'cancelled' WHERE subject_id = $1", replayed.problem_id
        )
    await notify.run_reminders("2086-03-25T09:00:00+08:00")
    at = "2086-03-26T10:00:00+08:00"
    await notify.hear(punctual.close(at), replayed.close(at))
    plans = [await notify.planned(story.problem_id) for story in (punctual, replayed)]
    assert plans[0] == plans[1]
    assert plans[0][0] == ("2086-03-25", "PRE_DUE", "SENT")
    assert {item["payload"]["purpose"] for item in await notify.queue().drain()} == {"CLOSED"}
