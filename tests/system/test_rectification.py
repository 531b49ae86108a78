"""The whole life of a problem from outside, and what becomes of a false report."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from shared.ids import new_id
from tests.system.conftest import Stack
from tests.system.county import (
    ARRIVAL_SECONDS,
    CADRE,
    COUNTY,
    GUARDIAN,
    HOUSING,
    INSPECTOR,
    OPERATOR,
    TOWNSHIP,
    VILLAGE,
    drain,
    finding,
    register_household,
    warmed_up,
)
from tests.system.kcat import Record, read_topic

OFFICE = (f"POV@{COUNTY}", ["poverty_office"])
GROUP = (f"LG@{COUNTY}", ["leading_group"])
FINANCE = (f"FIN@{COUNTY}", ["finance"])
# Who verifies at each level (I-40), the person last.
VERIFIERS = {
    1: (HOUSING, "赵局长"),
    2: (TOWNSHIP, "钱乡长"),
    3: (OFFICE, "孙主任"),
    4: (GROUP, "周组长"),
}
BEFORE = {"ref": "photos/before.jpg", "sha256": "0" * 64, "phase": "BEFORE"}
AFTER = {"ref": "photos/after.jpg", "sha256": "1" * 64, "phase": "AFTER"}
PLAN = {
    "target": "消除东墙裂缝，住房安全鉴定达到B级",
    "responsible_person": "张局长",
    "measures": [
        {"text": "钢筋网加固东墙", "object": "东墙", "quantity": "12平方米", "due": "2025-03-28"}
    ],
    "progress_steps": [{"text": "完成加固", "on": "2025-03-28"}],
    "deadline": "2025-03-31",
}
SeenT = TypeVar("SeenT")
GLUE = "实际为特殊胶黏合、外墙粉刷，又出现新的裂缝"


def on(day: str, hour: int = 10) -> str:
    """An instant of 2025 in China."""
    return f"2025-{day}T{hour:02d}:00:00+08:00"


class Journey:
    """One problem about a household, as those who have a part in it see it from outside."""

    def __init__(self, stack: Stack, household: str) -> None:
        self.stack = stack
        self.household = household
        self.problem_id = ""
        self.told: dict[str, list[str]] = {}

    async def log(self, at: str) -> dict[str, Any]:
        """An inspection team finds it."""
        found = finding(
            found_on=at[:10],
            object={"type": "HOUSEHOLD", "id": self.household},
            evidence=[BEFORE],
        )
        problem: dict[str, Any] = await self.stack.ok(
            "inspection", "POST", "/problems", INSPECTOR, found, X_Now=at
        )
        self.problem_id = problem["id"]
        return problem

    async def move(
        self,
        action: str,
        at: str,
        caller: tuple[str, list[str]] = HOUSING,
        body: Any = None,
        person: str = "李干事",
    ) -> str:
        """Somebody takes a move; the state after it."""
        path = f"/problems/{self.problem_id}/{action}"
        moved = await self.stack.ok(
            "inspection", "POST", path, caller, body, person=person, X_Now=at
        )
        return str(moved["state"])

    async def verify(self, level: int, at: str) -> str:
        """The body of a level passes it; the state after it."""
        caller, person = VERIFIERS[level]
        return await self.move("verify", at, caller, {"level": level, "result": "PASS"}, person)

    async def happens(self, *expected: str) -> None:
        """A plain Kafka client reads just these events of the problem."""

        async def happened() -> list[str]:
            return [one.headers["ce_type"].split(".")[2] for one in await self.records()]

        await becomes(happened, list(expected))

    async def records(self) -> list[Record]:
        """The problem's events as a plain Kafka client reads them."""
        return await asyncio.to_thread(
            read_topic, self.stack.bootstrap, "inspection.problem", key=self.problem_id
        )

    async def is_told(self, **expected: list[str]) -> None:
        """The queues have held just these messages of the problem so far, by unit."""
        callers = (HOUSING, TOWNSHIP, OFFICE, GROUP, GUARDIAN, FINANCE)

        async def all_told() -> dict[str, list[str]]:
            for caller in callers:
                items = await drain(self.stack, caller)
                self.told.setdefault(caller[0].partition("@")[0], []).extend(
                    item["payload"]["purpose"] for item in items if self._concerns(item)
                )
            return {unit: purposes for unit, purposes in self.told.items() if purposes}

        await becomes(all_told, expected)

    async def is_reminded(self, **expected: str) -> None:
        """The reminders before the deadline and their states, by month and day, then the states of
        the three escalations as `later`."""

        async def states() -> dict[str, str]:
            path = f"/reminders?problem_id={self.problem_id}"
            items = (await self.stack.ok("notify", "GET", path, HOUSING))["items"]
            planned = {
                f"on_{item['on'][5:].replace('-', '_')}": item["state"]
                for item in items
                if item["kind"] != "OVERDUE"
            }
            later = [item["state"] for item in items if item["kind"] == "OVERDUE"]
            return {**planned, "later": " ".join(later)}

        await becomes(states, expected)

    async def counts_open(self, expected: int) -> None:
        """The household's record shows so many open problems."""

        async def count() -> int:
            path = f"/households/{self.household}"
            view = await self.stack.ok("households", "GET", path, CADRE)
            return int(view["open_problems"])

        await becomes(count, expected)

    def _concerns(self, item: dict[str, Any]) -> bool:
        payload = item["payload"]
        return self.problem_id in (item["problem_id"], *payload.get("problem_ids", ()))


async def becomes(find: Callable[[], Awaitable[SeenT]], expected: SeenT) -> None:
    """Wait until `find` answers what is expected; fails with what it answered last."""
    deadline = time.monotonic() + 2 * ARRIVAL_SECONDS
    while (seen := await find()) != expected:
        assert time.monotonic() < deadline, f"{seen} instead of {expected}"
        await asyncio.sleep(0.05)


def assert_cloud_events(records: Sequence[Record], problem_id: str) -> None:
    """The events of one problem are CloudEvents 1.0 with our attributes, without holes."""
    headers = [record.headers for record in records]
    places = [str(place) for place in range(1, len(records) + 1)]
    assert [one["ce_sequence"] for one in headers] == places
    assert len({UUID(one["ce_id"]) for one in headers}) == len(records)
    for record, one in zip(records, headers, strict=True):
        assert one["id"] == one["ce_id"]
        assert (one["ce_specversion"], one["ce_source"]) == ("1.0", "/inspection")
        assert one["ce_type"].startswith("inspection.problem.")
        assert one["ce_type"].endswith(f".v{one['ce_schemaversion']}")
        assert one["ce_subject"] == one["ce_partitionkey"] == record.key == problem_id
        assert one["ce_regioncode"] == VILLAGE
        assert (one["content-type"], one["ce_simulated"]) == ("application/json", "true")
        assert one["ce_correlationid"]
    times = [datetime.fromisoformat(one["ce_time"]) for one in headers]
    assert times == sorted(times)


async def test_a_problem_is_rectified_verified_by_four_bodies_closed_and_reopened(
    stack: Stack,
) -> None:
    await warmed_up(stack)
    journey = Journey(stack, await register_household(stack))
    dispatched = ["logged", "dispatched"]

    problem = await journey.log(on("03-03"))
    assert (problem["state"], problem["due_on"]) == ("DISPATCHED", "2025-04-02")
    await journey.happens(*dispatched)
    await journey.is_told(HOUS=["DISPATCH"], TOWN=["DISPATCH"])
    planned = dict.fromkeys(("on_03_26", "on_03_30", "on_04_01", "on_04_02"), "PLANNED")
    await journey.is_reminded(**planned, later="PLANNED PLANNED PLANNED")
    await journey.counts_open(1)

    assert await journey.move("accept", on("03-04")) == "ACCEPTED"
    assert await journey.move("plan", on("03-05"), body=PLAN) == "PLANNED"
    assert await journey.move("start", on("03-06")) == "RECTIFYING"
    progress = {"pct": 60, "text": "东墙钢筋网已铺设"}
    assert await journey.move("progress", on("03-12"), TOWNSHIP, progress) == "RECTIFYING"
    worked = [*dispatched, "accepted", "planned", "progressed"]
    await journey.happens(*worked)
    await journey.is_told(HOUS=["DISPATCH"], TOWN=["DISPATCH"])

    reminded_at = {"job": "reminders", "as_of": on("03-26")}
    await stack.ok("notify", "POST", "/ops/run", OPERATOR, reminded_at)
    await journey.is_told(HOUS=["DISPATCH", "REMINDER"], TOWN=["DISPATCH"])
    await journey.is_reminded(**{**planned, "on_03_26": "SENT"}, later="PLANNED PLANNED PLANNED")

    check = {"by": "李检查", "on": "2025-03-27", "text": "现场查看，墙体已加固"}
    await journey.move("own-check", on("03-27"), TOWNSHIP, check)
    done = {"done_text": "东墙已加固，裂缝已修补", "evidence": [AFTER]}
    assert await journey.move("submit", on("03-28"), TOWNSHIP, done) == "SUBMITTED"
    stopped = {"on_03_26": "SENT"} | dict.fromkeys(
        ("on_03_30", "on_04_01", "on_04_02"), "CANCELLED"
    )
    await journey.is_reminded(**stopped, later="CANCELLED CANCELLED CANCELLED")
    await journey.counts_open(1)

    # Whoever's turn it is finds the problem in the own queue.
    told = {"HOUS": ["DISPATCH", "REMINDER", "VERIFICATION"], "TOWN": ["DISPATCH"]}
    await journey.is_told(**told)
    passed = ("DEPT_VERIFIED", "TOWN"), ("TOWN_CHECKED", "POV"), ("OFFICE_CHECKED", "LG")
    for level, (state, following) in enumerate(passed, 1):
        assert await journey.verify(level, on("03-29", 9 + level)) == state
        told[following] = [*told.get(following, []), "VERIFICATION"]
        await journey.is_told(**told)
    assert await journey.verify(4, on("03-29", 13)) == "CLOSED"
    closed = [*worked, "submitted", *["verified"] * 3, "closed"]
    await journey.happens(*closed)
    told = {unit: [*purposes, "CLOSED"] for unit, purposes in told.items()}
    await journey.is_told(**told)
    await journey.is_reminded(**stopped, later="CANCELLED CANCELLED CANCELLED")
    await journey.counts_open(0)

    found = {"false": True, "text": GLUE, "evidence": [AFTER]}
    assert await journey.move("reopen", on("03-31"), INSPECTOR, found) == "RECTIFYING"
    await journey.happens(*closed, "reopened", "false_rectification")
    assert_cloud_events(await journey.records(), journey.problem_id)
    again = {
        "HOUS": ["REOPENED", "FALSE_RECTIFICATION"],
        "TOWN": ["REOPENED"],
        "POV": ["FALSE_RECTIFICATION"],
        "LG": ["FALSE_RECTIFICATION", "ACCOUNTABILITY"],
        "DISC": ["ACCOUNTABILITY"],
    }
    await journey.is_told(**{unit: [*told.get(unit, []), *more] for unit, more in again.items()})
    await journey.is_reminded(
        on_03_26="SENT",
        on_03_30="CANCELLED",
        on_04_01="PLANNED",
        on_04_02="PLANNED",
        later="PLANNED PLANNED PLANNED",
    )
    await journey.counts_open(1)


async def test_the_county_arranges_money_where_no_policy_pays(stack: Stack) -> None:
    """I-36: the need stands on the list of finance until the money is there or the problem ends."""
    journey = Journey(stack, str(new_id()))
    await journey.log(on("03-03"))
    await journey.move("accept", on("03-04"))
    need = {"need": "后山引水渠", "amount": "12000.00"}
    await journey.move("no-policy", on("03-05"), body=need)
    await journey.is_told(
        HOUS=["DISPATCH"], TOWN=["DISPATCH"], POV=["NO_POLICY"], FIN=["NO_POLICY"]
    )

    async def gap() -> dict[str, Any]:
        path = f"/policy-gaps?region_code={VILLAGE}&limit=200"
        items = (await stack.ok("funds", "GET", path, FINANCE))["items"]
        own = (item for item in items if item["problem_id"] == journey.problem_id)
        return {name: item[name] for item in own for name in ("need", "needed", "state")}

    await becomes(gap, {"need": "后山引水渠", "needed": "12000.00", "state": "OPEN"})
    arranged = {"source": "COUNTY", "amount": "12000.00", "doc_no": "峨财农〔2025〕8号"}
    path = f"/policy-gaps/{journey.problem_id}/arrange"
    await stack.ok("funds", "POST", path, FINANCE, arranged)
    assert (await gap())["state"] == "ARRANGED"


async def test_three_of_eight_houses_reported_done_were_not_and_no_longer_count(
    stack: Stack,
) -> None:
    """The story of 桐花村 (I-43): ten unsafe houses, eight reported done, two in work; glue and
    paint, and three with new cracks."""
    opened = {
        "name": "桐花村住房安全",
        "type": "INSPECTION_FEEDBACK",
        "region_code": COUNTY,
        "year": 2025,
    }
    at = on("03-03")
    campaign = await stack.ok("inspection", "POST", "/campaigns", OFFICE, opened, X_Now=at)
    rows = [
        finding(campaign_id=campaign["id"], found_on="2025-03-03", evidence=[BEFORE])
        for _ in range(10)
    ]
    logged = await stack.ok(
        "inspection", "POST", "/problems:batch", INSPECTOR, {"rows": rows}, X_Now=at
    )
    houses = [row["id"] for row in logged["results"]]

    async def move(action: str, day: str, ids: Sequence[str], **body: Any) -> None:
        path, whole = f"/problems:{action}", {"problem_ids": ids, **body}
        moved = await stack.ok("inspection", "POST", path, HOUSING, whole, X_Now=on(day))
        assert (moved["moved"], moved["refused"]) == (len(ids), 0), moved

    async def done(basis: str) -> tuple[int, int, int]:
        path = f"/stats/problems?campaign_id={campaign['id']}&done_basis={basis}"
        figures = await stack.ok("inspection", "GET", path, OFFICE)
        return figures["found"], figures["done"], figures["open"]

    async def live_reminders(problem_id: str) -> list[str]:
        path = f"/reminders?problem_id={problem_id}"
        items = (await stack.ok("notify", "GET", path, HOUSING))["items"]
        return [item["on"] for item in items if item["state"] == "PLANNED"]

    told: dict[str, list[str]] = {house: [] for house in houses}

    async def told_so_far() -> dict[str, list[str]]:
        for item in await drain(stack, HOUSING):
            if item["problem_id"] in told:
                told[item["problem_id"]].append(item["payload"]["purpose"])
        return told

    await move("accept", "03-04", houses)
    await move("plan", "03-05", houses, **PLAN)
    await move("start", "03-06", houses)
    check = {"by": "李检查", "on": "2025-03-20", "text": "现场查看"}
    for house in houses[:8]:
        path = f"/problems/{house}/own-check"
        await stack.ok("inspection", "POST", path, HOUSING, check, X_Now=on("03-20"))
    report = {"done_text": "墙体已加固", "evidence": [AFTER]}
    await move("submit", "03-20", houses[:8], **report)
    assert await done("REPORTED") == (10, 8, 2)
    assert await done("CLOSED") == (10, 0, 10)
    nothing: list[str] = []
    for house in houses[:8]:
        await becomes(partial(live_reminders, house), nothing)

    reported = {house: ["DISPATCH"] for house in houses}
    reported |= {house: ["DISPATCH", "VERIFICATION"] for house in houses[:8]}
    await becomes(told_so_far, reported)

    cracked = houses[1:4]
    verdict = {"level": 1, "result": "FAIL", "false": True, "text": GLUE, "evidence": [AFTER]}
    await move("verify", "03-30", cracked, **verdict)
    assert await done("REPORTED") == (10, 5, 5)  # at once

    path = f"/accountability?campaign_id={campaign['id']}"
    cases = (await stack.ok("inspection", "GET", path, OFFICE))["items"]
    assert sorted(one for case in cases for one in case["problem_ids"]) == sorted(cracked)
    assert {case["cause"] for case in cases} == {"FALSE_RECTIFICATION"}
    # What was ahead on 30 March, none of what had passed, and the escalations.
    anew = ["2025-04-01", "2025-04-02", "2025-04-03", "2025-04-09", "2025-04-17"]
    for house in houses[:8]:
        await becomes(partial(live_reminders, house), anew if house in cracked else nothing)
    untrue = ["DISPATCH", "VERIFICATION", "RETURNED", "FALSE_RECTIFICATION"]
    await becomes(told_so_far, reported | dict.fromkeys(cracked, untrue))
