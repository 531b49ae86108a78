"""Work of which nobody reports progress: reminded every 7 days, listed after 14 (I-34)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.inspection.problems.queries import lock_problems
from services.inspection.work.commands.stalls import watch_progress
from shared import clock
from shared.events.inspection import ProblemStalled
from tests.inspection.conftest import Inspection, finding
from tests.inspection.work.conftest import (
    DONE,
    HOUS,
    PLAN,
    PROGRESS,
    TOWN,
    VILLAGE,
    move,
    set_value,
    started,
)

# Work began on 16 September 2019; the seventh day after it ends here.
SEVENTH = datetime(2019, 9, 23, 15, 59, 59, tzinfo=UTC)


async def scan(inspection: Inspection, at: datetime) -> int:
    """Run the job for an instant; how many timers fired."""
    return await inspection.fired("stalled_scan", at)


async def told(inspection: Inspection) -> list[int]:
    """The days of silence told so far, in order."""
    events = await inspection.app.events(ProblemStalled)
    return [event.days for event in events if isinstance(event, ProblemStalled)]


async def test_silence_is_told_at_the_end_of_the_seventh_day_and_every_seven_days(
    inspection: Inspection,
) -> None:
    await started(inspection)
    assert await scan(inspection, SEVENTH - timedelta(microseconds=1)) == 0
    assert await scan(inspection, SEVENTH) == 1
    assert await scan(inspection, SEVENTH) == 0
    assert await scan(inspection, SEVENTH + timedelta(days=6)) == 0
    assert await scan(inspection, SEVENTH + timedelta(days=7)) == 1
    assert await told(inspection) == [7, 14]


async def test_a_report_of_progress_begins_the_count_anew(inspection: Inspection) -> None:
    problem_id = await started(inspection)
    inspection.now = "2019-09-20T10:00:00+08:00"
    await move(inspection, problem_id, "progress", PROGRESS)
    assert await scan(inspection, SEVENTH) == 0
    assert await scan(inspection, SEVENTH + timedelta(days=4)) == 1
    assert await told(inspection) == [7]


async def test_what_is_reported_done_or_withdrawn_is_not_told(inspection: Inspection) -> None:
    done, withdrawn = await started(inspection), await started(inspection)
    await move(inspection, done, "submit", DONE, **VILLAGE)
    await inspection.post(f"/problems/{withdrawn}/withdraw", {"reason": "登记有误"})
    await scan(inspection, SEVENTH + timedelta(days=100))
    assert await told(inspection) == []
    assert await scan(inspection, SEVENTH + timedelta(days=200)) == 0


async def test_after_an_outage_silence_is_told_once_and_counted_on(
    inspection: Inspection,
) -> None:
    await started(inspection)
    assert await scan(inspection, SEVENTH + timedelta(days=30, hours=3)) == 1
    assert await told(inspection) == [37]
    assert await scan(inspection, SEVENTH + timedelta(days=35)) == 1
    assert await told(inspection) == [37, 42]


async def test_a_problem_that_comes_back_into_work_is_watched_anew(
    inspection: Inspection,
) -> None:
    problem_id = await started(inspection)
    await move(inspection, problem_id, "submit", DONE, **VILLAGE)
    returned = datetime(2019, 9, 20, 2, 0, tzinfo=UTC)
    await inspection.fetch(
        "UPDATE problems SET state = 'RECTIFYING', state_since = $2 WHERE id = $1",
        *(problem_id, returned),
    )
    with clock.simulate(returned):
        async with inspection.runtime.database.transaction() as session:
            await watch_progress(session, await lock_problems(session, [problem_id]))  # type: ignore[list-item]
    assert await scan(inspection, SEVENTH) == 0
    assert await scan(inspection, SEVENTH + timedelta(days=4)) == 1


async def test_a_timer_that_is_early_tells_nothing_and_counts_on(inspection: Inspection) -> None:
    problem_id = await started(inspection)
    await inspection.fetch(
        "UPDATE problems SET progressed_on = '2019-09-22' WHERE id = $1", problem_id
    )
    assert await scan(inspection, SEVENTH) == 1
    assert await told(inspection) == []
    assert await scan(inspection, SEVENTH + timedelta(days=6)) == 1
    assert await told(inspection) == [7]


async def test_a_county_may_remind_sooner(inspection: Inspection) -> None:
    await set_value(inspection, "stalled_days", 3)
    await started(inspection)
    assert await scan(inspection, SEVENTH - timedelta(days=4)) == 1
    assert await told(inspection) == [3]


async def test_a_simulated_silence_is_not_told_by_real_time(inspection: Inspection) -> None:
    await started(inspection)  # in 2019
    assert await inspection.runtime.scheduler.tick() == 0


async def test_a_thousand_stalled_problems_are_each_told_once(inspection: Inspection) -> None:
    rows = {"rows": [finding() for _ in range(1000)]}
    logged = (await inspection.post("/problems:batch", rows)).json()
    ids = {"problem_ids": [row["id"] for row in logged["results"]]}
    for verb, body in (("accept", {}), ("plan", PLAN), ("start", {})):
        answer = await inspection.post(f"/problems:{verb}", ids | body, **HOUS)
        assert answer.json()["moved"] == 1000
    assert await scan(inspection, SEVENTH) == 1000
    assert await told(inspection) == [7] * 1000
    (armed,) = await inspection.fetch(
        "SELECT count(*), min(due_at), max(due_at) FROM timer"
        " WHERE kind = 'stalled' AND state = 'armed'"
    )
    assert tuple(armed) == (1000, *(SEVENTH + timedelta(days=7),) * 2)


# -- the list --------------------------------------------------------------------------------------


async def listed(inspection: Inspection, query: Any = None, **who: Any) -> list[dict[str, Any]]:
    """The stalled problems somebody sees."""
    answer = await inspection.get("/lists/stalled", query, **who)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


@pytest.mark.parametrize(
    ("now", "days"),
    [("2019-09-30T23:59:58+08:00", None), ("2019-10-01T00:00:00+08:00", 14)],
)
async def test_after_fourteen_days_a_problem_is_listed(
    inspection: Inspection, now: str, days: int | None
) -> None:
    problem_id = await started(inspection)
    inspection.now = now
    found = await listed(inspection)
    if days is None:
        assert found == []
        return
    (item,) = found
    assert (item["id"], item["silent_days"], item["silent_since"]) == (
        *(problem_id, days, "2019-09-16"),
    )
    assert (item["responsible_person"], item["lead_dept"]) == ("阿尔木果", "HOUS")


async def test_a_report_of_progress_takes_a_problem_from_the_list(inspection: Inspection) -> None:
    silent, heard = await started(inspection), await started(inspection)
    inspection.now = "2019-09-20T10:00:00+08:00"
    await move(inspection, heard, "progress", PROGRESS)
    inspection.now = "2019-10-01T10:00:00+08:00"
    assert [item["id"] for item in await listed(inspection)] == [silent]
    await move(inspection, silent, "submit", DONE, **VILLAGE)
    assert await listed(inspection) == []
    inspection.now = "2019-10-05T10:00:00+08:00"
    assert [item["silent_since"] for item in await listed(inspection)] == ["2019-09-20"]


async def test_the_list_runs_by_deadline_in_pages_and_by_campaign(inspection: Inspection) -> None:
    campaign_id = await inspection.campaign()
    last = await started(inspection, campaign_id=campaign_id, tier="COMPLEX")
    first = await started(inspection)
    inspection.now = "2019-10-01T10:00:00+08:00"
    answer = (await inspection.get("/lists/stalled", {"limit": 1})).json()
    following = {"limit": 1, "cursor": answer["next_cursor"]}
    pages = [*answer["items"], *(await listed(inspection, following))]
    assert [item["id"] for item in pages] == [first, last]
    only = await listed(inspection, {"campaign_id": campaign_id})
    assert [item["id"] for item in only] == [last]


async def test_each_sees_the_own_place_and_department_in_the_list(inspection: Inspection) -> None:
    await started(inspection)
    inspection.now = "2019-10-01T10:00:00+08:00"
    seeing: list[dict[str, Any]] = [HOUS, TOWN, VILLAGE]
    for who in seeing:
        assert len(await listed(inspection, **who)) == 1
    roles = ("dept_head", "township_reviewer")
    for org in ("HOUS@511133", "CIVIL@511132", "TOWN@511132202", "POV@511133"):
        assert await listed(inspection, org=org, roles=roles) == []
    assert (await inspection.get("/lists/stalled", roles=("household",))).status_code == 403


async def test_a_county_may_list_sooner(inspection: Inspection) -> None:
    await started(inspection)
    await set_value(inspection, "stalled_listed_days", 3)
    inspection.now = "2019-09-20T10:00:00+08:00"
    assert len(await listed(inspection)) == 1


@pytest.mark.parametrize("value", [0, 367, "x"])
async def test_days_of_silence_are_at_least_one(inspection: Inspection, value: Any) -> None:
    answer = await inspection.put(
        "/config/511132/stalled_days", {"value": value, "effective_from": "2019-01-01"}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "VALUE_INVALID")
