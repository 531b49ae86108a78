"""Reminders follow the deadline: planned, sent once, coalesced, cancelled, escalated."""

from typing import Any

import pytest

from shared.events.inspection import ProblemLogged, ProblemWithdrawn
from shared.events.notify import ReminderSent
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


async def test_a_reminder_not_handed_out_is_recalled_by_the_submission(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.queue().drain()
    await notify.run_reminders("2086-03-25T09:00:00+08:00")
    await notify.hear(story.submit("2086-03-26T10:00:00+08:00"))
    assert await notify.queue().drain() == []


async def test_each_level_of_being_overdue_is_told_once_to_who_is_next_in_line(
    notify: Notify,
) -> None:
    story = Story()
    await notify.hear(story.tell())
    await notify.queue().drain()
    await notify.hear(
        story.overdue(1, "2086-04-02T00:00:00+08:00"),
        story.overdue(2, "2086-04-08T00:00:00+08:00"),
        story.overdue(3, "2086-04-16T00:00:00+08:00"),
    )
    head, office, group = [
        (await notify.queue(org).drain())[-1] for org in (LEAD, "POV@511132", "LG@511132")
    ]
    assert head["payload"]["to_role"] == "dept_head"
    assert [item["payload"]["level"] for item in (head, office, group)] == [1, 2, 3]
    assert "请扶贫部门督办" in office["payload"]["text"]
    assert "住建部门牵头的" in group["payload"]["text"]
    assert await escalation_states(notify, story) == ["SENT"] * 3


async def test_after_a_return_only_the_levels_not_yet_told_follow(notify: Notify) -> None:
    story = Story()
    await notify.hear(story.tell(), story.overdue(1, "2086-04-02T00:00:00+08:00"))
    await notify.hear(story.submit("2086-04-03T10:00:00+08:00"))
    assert await escalation_states(notify, story) == ["SENT", "CANCELLED", "CANCELLED"]
    await notify.hear(story.sent_back("2086-04-09T10:00:00+08:00"))
    assert await escalation_states(notify, story) == ["SENT", "PLANNED", "PLANNED"]
    await notify.queue().drain()
    await notify.hear(story.overdue(1, "2086-04-09T10:00:00+08:00"))
    await notify.hear(story.overdue(2, "2086-04-09T10:00:00+08:00"))
    assert await notify.queue().drain() == []
    assert len(await notify.queue("POV@511132").drain()) == 1


async def test_what_is_returned_after_its_deadline_is_overdue_at_once_and_told_once(
    notify: Notify,
) -> None:
    story = Story()
    await notify.hear(story.tell(), story.submit("2086-03-31T10:00:00+08:00"))
    at = "2086-04-20T10:00:00+08:00"
    back, overdue = story.sent_back(at), story.overdue(1, at)
    await notify.queue().drain()
    for _ in range(2):
        await notify.hear(back, overdue)
        await notify.react([back])
        await notify.react([overdue])
    assert await escalation_states(notify, story) == ["SENT", "PLANNED", "PLANNED"]
    told = [item["payload"]["purpose"] for item in await notify.queue().drain()]
    assert told == ["RETURNED", "OVERDUE"]
    # Nothing before the deadline is planned any more.
    before = [row for row in await notify.planned(story.problem_id) if row[1] != "OVERDUE"]
    assert {state for _, _, state in before} <= {"SENT", "CANCELLED"}
    assert (await notify.run_reminders("2086-06-01T09:00:00+08:00"))["figures"] == {"problems": 0}


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


async def test_that_corruption_is_overdue_is_told_to_discipline_alone(notify: Notify) -> None:
    story = Story(kind="CORRUPTION_WASTE", lead_dept="DISC@511132", co_depts=[])
    await notify.hear(story.tell())
    days = ("2086-04-02", "2086-04-08", "2086-04-16")
    await notify.hear(
        *(story.overdue(level, f"{day}T00:00:00+08:00") for level, day in enumerate(days, 1))
    )
    assert len(await notify.queue("DISC@511132", "discipline").drain()) == 4
    assert await notify.queue("POV@511132", "poverty_office").drain() == []
    assert await notify.queue("LG@511132", "leading_group").drain() == []


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


async def escalation_states(notify: Notify, story: Story) -> list[str]:
    """The states of a problem's escalations by their day."""
    planned = await notify.planned(story.problem_id)
    return [state for _, kind, state in planned if kind == "OVERDUE"]


SEEN: list[tuple[dict[str, Any], str, str, bool]] = [
    ({}, LEAD, "dept_handler", True),
    ({}, "FIN@511132", "dept_handler", True),
    ({}, "TOWN@511132201", "township_reviewer", True),
    ({}, "POV@511132", "poverty_office", True),
    ({}, "OPS@51", "ops", True),
    ({}, "EDU@511132", "dept_handler", False),
    ({}, "HOUS@511133", "dept_handler", False),
    ({}, "TOWN@511132202", "township_reviewer", False),
    ({}, "POV@511133", "poverty_office", False),
    ({"kind": "STYLE", "lead_dept": "POV@511132"}, "POV@511132", "poverty_office", True),
    ({"kind": "STYLE", "lead_dept": "POV@511132"}, "TOWN@511132201", "township_reviewer", False),
    ({"kind": "STYLE", "lead_dept": "POV@511132"}, "LG@511132", "leading_group", True),
    ({"kind": "STYLE", "lead_dept": "POV@511132"}, "FIN@511132", "dept_handler", False),
    ({"kind": "CORRUPTION_WASTE", "lead_dept": "DISC@511132"}, "POV@511132", "inspector", False),
    ({"kind": "CORRUPTION_WASTE", "lead_dept": "DISC@511132"}, "LG@511132", "leading_group", False),
    ({"kind": "CORRUPTION_WASTE", "lead_dept": "DISC@511132"}, "DISC@511132", "discipline", True),
    ({"kind": "CORRUPTION_WASTE", "lead_dept": "DISC@511132"}, "GOV@511132", "county_gov", False),
]


@pytest.mark.parametrize(("facts", "org", "role", "seen"), SEEN)
async def test_reminders_are_seen_by_whom_the_problem_concerns(
    notify: Notify, facts: dict[str, Any], org: str, role: str, seen: bool
) -> None:
    story = Story(**facts)
    await notify.hear(story.tell())
    assert bool(await notify.reminders(story.problem_id, org, role)) is seen
