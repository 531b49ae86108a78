"""Who sees which reminders."""

from typing import Any

import pytest

from tests.notify.conftest import LEAD, Notify, Story

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
