"""Each level of being overdue is told once, to whom it concerns."""

from tests.notify.conftest import LEAD, Notify, Story


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


async def escalation_states(notify: Notify, story: Story) -> list[str]:
    """The states of a problem's escalations by their day."""
    planned = await notify.planned(story.problem_id)
    return [state for _, kind, state in planned if kind == "OVERDUE"]
