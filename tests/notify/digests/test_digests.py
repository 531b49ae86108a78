"""Digests through events, the job and HTTP: figures, schedule, no duplicates, no foreign eyes."""

import asyncio
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.notify.digests.issuing import CHORES
from services.notify.keys import keep_keys
from services.notify.main import SERVICE
from shared.events.base import Received, decode
from shared.events.notify import DigestIssued
from shared.privacy import load_key_ring
from shared.runtime import Runtime
from shared.testing import recorded_envelopes
from tests.conftest import Start
from tests.notify.conftest import LEAD, TOWNSHIP, NewNotify, Notify, Story

# A Monday; FOUND, when the problems are dispatched, lies in the week before.
MONDAY = "2086-03-04T08:00:00+08:00"
NEXT_MONDAY = "2086-03-11T08:00:00+08:00"
EARLY = "2086-02-20T10:00:00+08:00"


async def run(notify: Notify, as_of: str) -> int:
    """How many digests the job issues at an instant."""
    answer = await notify.ops("POST", "/run", {"job": "digests", "as_of": as_of})
    assert answer.status_code == 200, answer.text
    number: int = answer.json()["figures"]["digests"]
    return number


async def digests(notify: Notify, org: str = LEAD, role: str = "dept_head") -> list[dict[str, Any]]:
    """An organisation's digests as it sees them."""
    answer = await notify.app.client.get("/api/v1/digests", headers=notify.app.headers(org, role))
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def told(notify: Notify, org: str, role: str = "dept_handler") -> list[dict[str, Any]]:
    """The digests in an organisation's queue."""
    items = await notify.queue(org, role).drain()
    return [item for item in items if item["payload"]["purpose"] == "DIGEST"]


def figures(**counted: int) -> dict[str, int]:
    """The figures of a digest."""
    return dict.fromkeys(("open", "due_soon", "overdue", "waiting", "new", "closed"), 0) | counted


def day(text: str) -> date:
    """A deadline."""
    return date.fromisoformat(text)


async def test_every_monday_who_leads_or_watches_problems_is_told_the_figures(
    notify: Notify,
) -> None:
    late, closed, waiting = Story(due_on=day("2086-02-25")), Story(), Story()
    fresh, water = Story(), Story(lead_dept="WATER@511132", due_on=day("2086-03-08"))
    await notify.hear(
        late.tell(at=EARLY),
        closed.tell(at=EARLY),
        waiting.tell(at=EARLY),
        fresh.tell(),
        water.tell(),
        closed.close("2086-03-01T10:00:00+08:00"),
        waiting.submit("2086-03-01T11:00:00+08:00"),
    )
    assert await run(notify, MONDAY) == 5
    (own,) = await digests(notify)
    assert (own["kind"], own["period"]) == ("WEEKLY", "2086-W10")
    assert own["figures"] == figures(open=3, overdue=1, waiting=1, new=1, closed=1)
    assert own["departments"] == {}
    (office,) = await digests(notify, "POV@511132", "poverty_office")
    assert office["figures"] == figures(open=4, due_soon=1, overdue=1, waiting=1, new=2, closed=1)
    assert set(office["departments"]) == {LEAD, "WATER@511132"}
    (message,) = await told(notify, LEAD)
    assert message["payload"]["title"] == "周调度（2月25日至3月3日）"
    assert "未销号问题3个" in message["payload"]["text"]
    assert message["payload"]["figures"]["overdue"] == 1
    assert message["payload"]["link"] == f"/api/v1/digests/{own['id']}"
    assert message["problem_id"] is None
    (message,) = await told(notify, "POV@511132", "poverty_office")
    assert message["payload"]["text"].endswith("逾期：住建部门1个。")
    assert len(await told(notify, TOWNSHIP, "township_reviewer")) == 1
    assert len(await told(notify, "LG@511132", "leading_group")) == 1
    assert await told(notify, "FIN@511132") == []  # takes part, leads nothing


async def test_a_digest_is_issued_once_however_often_it_is_tried(notify: Notify) -> None:
    await notify.hear(Story().tell())
    numbers = await asyncio.gather(*(run(notify, MONDAY) for _ in range(4)))
    assert sum(numbers) == 4  # the department, two offices and the township, each once
    assert await run(notify, "2086-03-06T08:00:00+08:00") == 0
    assert len(await told(notify, LEAD)) == 1
    assert len(await notify.app.events(DigestIssued)) == 4


async def test_nothing_is_issued_before_its_hour_and_only_the_latest_of_what_was_missed(
    notify: Notify,
) -> None:
    await notify.hear(Story().tell(at=EARLY))
    assert await run(notify, "2086-03-04T07:59:59+08:00") == 4  # of the week before
    assert [one["period"] for one in await digests(notify)] == ["2086-W09"]
    assert await run(notify, "2086-03-25T08:00:00+08:00") == 4
    assert [one["period"] for one in await digests(notify)] == ["2086-W13", "2086-W09"]


async def test_a_county_that_had_no_problems_when_it_was_due_has_no_digest(
    notify: Notify,
) -> None:
    await notify.hear(Story().tell(at="2086-03-04T09:00:00+08:00"))
    assert await run(notify, "2086-03-04T10:00:00+08:00") == 0
    assert await run(notify, NEXT_MONDAY) == 4


async def test_day_hour_and_watchers_are_configured_by_county(notify: Notify) -> None:
    headers = notify.app.headers("POV@511132", "poverty_office")
    for key, value in (("digest_weekday", 5), ("digest_hour", 17), ("digest_watchers", ["LG"])):
        answer = await notify.app.client.put(
            f"/api/v1/config/511132/{key}",
            json={"value": value, "effective_from": "2086-01-01"},
            headers=headers,
        )
        assert answer.status_code == 200, answer.text
    foreign = Story(village_code="511133201205", lead_dept="HOUS@511133")
    await notify.hear(Story().tell(), foreign.tell())
    assert await run(notify, MONDAY) == 4  # of the neighbour alone
    assert await digests(notify) == []
    assert await run(notify, "2086-03-08T17:00:00+08:00") == 2
    assert [one["period"] for one in await digests(notify)] == ["2086-W10"]
    assert await digests(notify, "POV@511132", "poverty_office") == []


@pytest.mark.parametrize(
    ("facts", "hearing"),
    [
        ({"kind": "STYLE", "lead_dept": "POV@511132"}, {"POV@511132", "LG@511132"}),
        ({"kind": "CORRUPTION_WASTE", "lead_dept": "DISC@511132"}, {"DISC@511132"}),
    ],
)
async def test_figures_of_style_and_corruption_reach_nobody_else(
    notify: Notify, facts: dict[str, Any], hearing: set[str]
) -> None:
    await notify.hear(Story(**facts, co_depts=[]).tell())
    await run(notify, MONDAY)
    issued = await notify.app.events(DigestIssued)
    assert {one.organisation for one in issued if isinstance(one, DigestIssued)} == hearing


async def test_digests_are_read_by_their_organisation_alone(notify: Notify) -> None:
    await notify.hear(Story().tell())
    await run(notify, MONDAY)
    await run(notify, NEXT_MONDAY)
    newest, oldest = await digests(notify)
    assert (newest["period"], oldest["period"]) == ("2086-W11", "2086-W10")
    for org, role, status in (
        (LEAD, "dept_head", 200),
        ("HOUS@511133", "dept_head", 404),
        ("POV@511132", "poverty_office", 404),
        (LEAD, "helper", 403),
    ):
        answer = await notify.app.client.get(
            f"/api/v1/digests/{newest['id']}", headers=notify.app.headers(org, role)
        )
        assert answer.status_code == status
    assert await digests(notify, "HOUS@511133") == []
    headers = notify.app.headers(LEAD, "dept_head")
    page = await notify.app.client.get("/api/v1/digests?limit=1", headers=headers)
    cursor = page.json()["next_cursor"]
    rest = await notify.app.client.get(f"/api/v1/digests?cursor={cursor}", headers=headers)
    assert [one["id"] for one in rest.json()["items"]] == [oldest["id"]]


async def test_a_rebuilt_store_has_the_digests_that_were_issued(
    notify: Notify, new_notify: NewNotify
) -> None:
    dispatched = Story().tell()
    await notify.hear(dispatched)
    await run(notify, MONDAY)
    await notify.hear(Story().tell(at="2086-03-05T10:00:00+08:00"))
    own = [
        Received(decode(envelope), envelope)
        for envelope in await recorded_envelopes(notify.app.database)
    ]
    await notify.hear(*own)  # in everyday life nothing happens
    assert len(await digests(notify)) == 1
    rebuilt = await new_notify()
    await rebuilt.hear(*own)
    await rebuilt.hear(dispatched)
    assert await run(rebuilt, MONDAY) == 0
    assert await digests(rebuilt) == await digests(notify)
    assert [one["message_id"] for one in await told(rebuilt, LEAD)] == [
        one["message_id"] for one in await told(notify, LEAD)
    ]


async def test_the_chore_issues_what_is_due_by_real_time(
    start: Start, leshan: list[tuple[str, str, int]], field_key_file: Path
) -> None:
    async def prepare(runtime: Runtime) -> None:
        keep_keys(runtime.database, load_key_ring(field_key_file))

    service = replace(SERVICE, prepare=prepare, chores=(), loops=(), timer_kinds=())
    real = Notify(await start(service, field_key_file=field_key_file, simulation_clock=False))
    await real.hear(Story().tell(at="2019-01-01T10:00:00+08:00"))
    stop = asyncio.Event()
    (chore,) = (replace(chore, seconds=0.05) for chore in CHORES)
    loop = asyncio.create_task(chore.run(real.app.runtime, stop))
    for _ in range(400):
        if await digests(real):
            break
        await asyncio.sleep(0.05)
    stop.set()
    await asyncio.wait_for(loop, 2)
    assert len(await digests(real)) == 1
