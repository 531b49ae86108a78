"""Deadlines that pass: each level once, in order, and nothing without a timer (B1, B2, B9, B10)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.inspection.problems.commands.overdue import OVERDUE_KINDS
from shared import clock
from shared.events.inspection import ProblemOverdue
from tests.inspection.conftest import Inspection, finding

# The deadline of a GENERAL problem found on 20 August 2019.
PASSED = datetime(2019, 9, 19, 15, 59, 59, tzinfo=UTC)


async def scan(inspection: Inspection, at: datetime) -> int:
    """Run the job for an instant; how many timers fired."""
    return await inspection.fired("overdue_scan", at)


async def levels(inspection: Inspection) -> list[int]:
    """The levels told so far, in order."""
    events = await inspection.app.events(ProblemOverdue)
    return [event.level for event in events if isinstance(event, ProblemOverdue)]


async def test_a_thousand_deadlines_pass_each_once_and_not_a_moment_too_early(
    inspection: Inspection,
) -> None:
    rows = {"rows": [finding() for _ in range(1000)]}
    assert (await inspection.post("/problems:batch", rows)).json()["logged"] == 1000
    assert await scan(inspection, PASSED - timedelta(microseconds=1)) == 0
    assert await scan(inspection, PASSED) == 1000
    assert await scan(inspection, PASSED) == 0
    assert await levels(inspection) == [1] * 1000


async def test_after_a_long_outage_every_level_is_told_once_and_in_order(
    inspection: Inspection,
) -> None:
    view = await inspection.log()
    assert await scan(inspection, PASSED + timedelta(days=30)) == 3
    events = await inspection.app.events(ProblemOverdue)
    assert await levels(inspection) == [1, 2, 3]
    assert {event.passed_at for event in events} == {PASSED}  # type: ignore[attr-defined]
    problem = await inspection.problem(view["id"])
    assert problem["flags"]["overdue"] is True
    assert problem["state"] == "DISPATCHED"
    assert [row["action"] for row in problem["audit"]] == ["LOG"] + ["FALL_OVERDUE"] * 3
    assert await scan(inspection, PASSED + timedelta(days=300)) == 0


@pytest.mark.parametrize(("days", "expected"), [(0, 1), (5, 1), (6, 2), (13, 2), (14, 3)])
async def test_the_levels_follow_on_the_first_seventh_and_fifteenth_day(
    inspection: Inspection, days: int, expected: int
) -> None:
    await inspection.log()
    await scan(inspection, PASSED + timedelta(days=days))
    assert await levels(inspection) == list(range(1, expected + 1))


async def test_a_county_may_escalate_on_other_days(inspection: Inspection) -> None:
    value = {"value": [1, 3, 5], "effective_from": "2019-01-01"}
    assert (await inspection.put("/config/511132/escalation_days", value)).status_code == 200
    await inspection.log()
    await scan(inspection, PASSED + timedelta(days=4))
    assert await levels(inspection) == [1, 2, 3]


async def test_a_withdrawn_or_undated_problem_is_never_overdue(inspection: Inspection) -> None:
    withdrawn = (await inspection.log())["id"]
    await inspection.post(f"/problems/{withdrawn}/withdraw", {"reason": "登记有误"})
    await inspection.log(scope="SYSTEMIC")
    await inspection.log(suspected=True)
    assert await scan(inspection, PASSED + timedelta(days=400)) == 0


async def test_a_submitted_problem_is_not_told_overdue(inspection: Inspection) -> None:
    problem_id = (await inspection.log())["id"]
    await inspection.fetch("UPDATE problems SET state = 'SUBMITTED' WHERE id = $1", problem_id)
    await scan(inspection, PASSED)
    assert await levels(inspection) == []
    assert (await inspection.problem(problem_id))["flags"]["overdue"] is False


async def test_an_extended_problem_is_told_overdue_by_its_new_deadline_only(
    inspection: Inspection,
) -> None:
    problem_id = (await inspection.log())["id"]
    await scan(inspection, PASSED)
    inspection.now = "2019-09-20T08:00:00+08:00"
    await inspection.post(
        f"/problems/{problem_id}/extend",
        {"due_on": "2019-10-31", "reason": "降雨"},
        org="LG@511132",
        roles=("leading_group",),
    )
    assert (await inspection.problem(problem_id))["flags"]["overdue"] is False
    assert await scan(inspection, PASSED + timedelta(days=20)) == 0
    assert await scan(inspection, datetime(2019, 10, 31, 15, 59, 59, tzinfo=UTC)) == 1
    assert await levels(inspection) == [1, 1]


async def test_a_stricter_source_moves_the_timer(inspection: Inspection) -> None:
    object_ = {"type": "HOUSEHOLD", "id": "01990000-0000-7000-8000-000000000001"}
    await inspection.log(object=object_, tier="COMPLEX")
    await inspection.log(object=object_, source="AUDIT")
    assert await scan(inspection, PASSED) == 1
    assert await scan(inspection, PASSED + timedelta(days=5)) == 0


async def test_two_schedulers_at_once_tell_each_deadline_once(inspection: Inspection) -> None:
    rows = {"rows": [finding() for _ in range(400)]}
    await inspection.post("/problems:batch", rows)
    scheduler = inspection.runtime.scheduler
    fired = await asyncio.gather(
        *(scheduler.tick(PASSED, include_simulated=True, kinds=OVERDUE_KINDS) for _ in range(2))
    )
    assert sum(fired) == 400
    assert await levels(inspection) == [1] * 400


async def test_a_simulated_deadline_is_not_told_by_real_time(inspection: Inspection) -> None:
    await inspection.log()  # due in 2019
    assert await inspection.runtime.scheduler.tick() == 0
    assert await levels(inspection) == []


async def test_the_end_of_a_day_is_that_of_china_whatever_the_server_s_zone(
    inspection: Inspection,
) -> None:
    async with inspection.runtime.database.driver_transaction() as connection:
        for zone in ("UTC", "America/New_York", "Asia/Shanghai"):
            await connection.execute(f"SET LOCAL timezone = '{zone}'")
            due_at = await connection.fetchval(
                "SELECT (DATE '2019-09-19' + time '23:59:59') AT TIME ZONE 'Asia/Shanghai'"
            )
            assert due_at == PASSED == clock.end_of_day(datetime(2019, 9, 19).date())  # noqa: DTZ001
    await inspection.log()
    (timer,) = await inspection.fetch("SELECT due_at FROM timer")
    assert timer["due_at"] == PASSED


async def test_the_watchdog_arms_what_has_lost_its_timer(inspection: Inspection) -> None:
    lost: list[Any] = [await inspection.log() for _ in range(3)]
    await inspection.log(scope="SYSTEMIC")
    kept = await inspection.log()
    await inspection.fetch(
        "DELETE FROM timer WHERE subject_id <> $1 AND state = 'armed'", kept["id"]
    )
    assert await inspection.runtime.scheduler.watch() == 3
    assert await inspection.runtime.scheduler.watch() == 0
    timers = await inspection.fetch("SELECT subject_id, due_at FROM timer WHERE state = 'armed'")
    assert {str(row["subject_id"]) for row in timers} >= {view["id"] for view in lost}
    assert {row["due_at"] for row in timers} == {PASSED}


async def test_the_watchdog_leaves_alone_what_has_been_told_to_the_end(
    inspection: Inspection,
) -> None:
    await inspection.log()
    await scan(inspection, PASSED + timedelta(days=30))
    assert await inspection.runtime.scheduler.watch() == 0


async def test_the_watchdog_arms_an_escalation_for_its_own_day(inspection: Inspection) -> None:
    await inspection.log()
    assert await scan(inspection, PASSED) == 1
    await inspection.fetch("DELETE FROM timer WHERE kind = 'overdue_2'")
    assert await inspection.runtime.scheduler.watch() == 1
    (armed,) = await inspection.fetch("SELECT kind, due_at FROM timer WHERE state = 'armed'")
    assert (armed["kind"], armed["due_at"]) == ("overdue_2", PASSED + timedelta(days=6))
