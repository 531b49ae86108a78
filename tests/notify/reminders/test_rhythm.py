"""The rhythm of reminders and escalations as offices set it."""

import pytest

from tests.notify.conftest import Notify, Story


async def test_the_rhythm_is_configurable_by_region_and_date(notify: Notify) -> None:
    headers = notify.app.headers("POV@511132", "poverty_office")
    for key, value, since in (
        ("reminder_days", [10, 0], "2086-01-01"),
        ("reminder_days", [20, 0], "2086-12-01"),
        ("escalation_days", [2, 4, 6], "2086-01-01"),
    ):
        answer = await notify.app.client.put(
            f"/api/v1/config/511132/{key}",
            json={"value": value, "effective_from": since},
            headers=headers,
        )
        assert answer.status_code == 200, answer.text
    story = Story()
    foreign = Story(village_code="511133201205", lead_dept="HOUS@511133")
    await notify.hear(story.tell(), foreign.tell())
    assert [day for day, _, _ in await notify.planned(story.problem_id)] == [
        "2086-03-22",
        "2086-04-01",
        "2086-04-03",
        "2086-04-05",
        "2086-04-07",
    ]
    assert len(await notify.reminders(foreign.problem_id, "HOUS@511133")) == 7


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("reminder_days", [7, 7]),
        ("reminder_days", [-1]),
        ("reminder_days", [10**12]),
        ("escalation_days", [1, 1, 15]),
        ("escalation_days", [7, 1, 15]),
        ("escalation_days", [0, 1, 2]),
        ("escalation_days", [1, 7]),
        ("escalation_days", [1, 7, 10**12]),
    ],
)
async def test_a_rhythm_by_which_nothing_could_be_planned_is_refused(
    notify: Notify, key: str, value: list[int]
) -> None:
    answer = await notify.app.client.put(
        f"/api/v1/config/511132/{key}",
        json={"value": value, "effective_from": "2086-01-01"},
        headers=notify.app.headers("POV@511132", "poverty_office"),
    )
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "DAYS_INVALID")
    story = Story()
    await notify.hear(story.tell())
    assert len(await notify.planned(story.problem_id)) == 7
