"""GET /bulletins/{id}/receipts: who has taken a bulletin over."""

from datetime import datetime
from uuid import UUID

import httpx
import pytest

from shared.events.inspection import BulletinPublished
from shared.ids import new_id
from shared.testing import received
from tests.notify.alerts.conftest import event_of
from tests.notify.conftest import TOWNSHIP, Notify

AT = datetime.fromisoformat("2086-09-08T10:00:00+08:00")


async def published(notify: Notify, **changed: object) -> UUID:
    """The id of a bulletin that has just come in."""
    event = event_of(BulletinPublished, **changed)
    await notify.hear(received(event, at=AT))
    assert isinstance(event, BulletinPublished)
    return event.bulletin_id


async def receipts(
    notify: Notify, bulletin_id: UUID, org: str = "POV@511132", role: str = "poverty_office"
) -> httpx.Response:
    """The answer to the question who has taken it over."""
    return await notify.app.client.get(
        f"/api/v1/bulletins/{bulletin_id}/receipts", headers=notify.app.headers(org, role)
    )


async def states(notify: Notify, bulletin_id: UUID) -> dict[str, tuple[str, bool]]:
    """The state of each receipt, and whether it says when it was settled."""
    answer = await receipts(notify, bulletin_id, "LG@511132", "leading_group")
    assert answer.status_code == 200, answer.text
    return {
        item["organisation"]: (item["state"], item["settled_at"] is not None)
        for item in answer.json()["items"]
    }


async def test_receipts_follow_what_becomes_of_the_messages(notify: Notify) -> None:
    bulletin_id = await published(notify)
    assert await states(notify, bulletin_id) == {
        "HOUS@511132": ("QUEUED", False),
        "LEADERS@511132": ("QUEUED", False),
        TOWNSHIP: ("QUEUED", False),
    }
    township = notify.queue(TOWNSHIP, "township_reviewer")
    (item,) = await township.pull()
    assert (await states(notify, bulletin_id))[TOWNSHIP] == ("LEASED", False)
    await township.ack(item)
    assert await states(notify, bulletin_id) == {
        "HOUS@511132": ("QUEUED", False),
        "LEADERS@511132": ("QUEUED", False),
        TOWNSHIP: ("ACKED", True),
    }


async def test_a_bulletin_that_was_fetched_and_left_counts_as_waiting(notify: Notify) -> None:
    bulletin_id = await published(notify)
    await notify.queue(TOWNSHIP, "township_reviewer").pull("2020-01-01T10:00:00+08:00")
    assert (await states(notify, bulletin_id))[TOWNSHIP] == ("QUEUED", False)


@pytest.mark.parametrize(
    ("org", "role", "status"),
    [
        ("POV@511132", "poverty_office", 200),
        ("POV@5111", "poverty_office", 200),
        ("POV@511133", "poverty_office", 404),
        ("LG@511133", "leading_group", 404),
        ("POV@511132201", "poverty_office", 404),
        (TOWNSHIP, "township_reviewer", 403),
        ("HOUS@511132", "dept_head", 403),
    ],
)
async def test_receipts_are_for_the_offices_of_the_county_or_above(
    notify: Notify, org: str, role: str, status: int
) -> None:
    bulletin_id = await published(notify)
    assert (await receipts(notify, bulletin_id, org, role)).status_code == status


async def test_a_bulletin_nobody_has_heard_of_is_not_found(notify: Notify) -> None:
    answer = await receipts(notify, new_id())
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
