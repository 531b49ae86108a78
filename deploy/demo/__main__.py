"""`python -m deploy.demo`: load the fixture and print its figures beside the source's.

Ends with status 1 when a figure differs or the stack does not answer. Loading twice is harmless.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.demo import fixture
from deploy.embedded.issuer import TokenIssuer

ARRIVAL_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the printed table: what the source says and what a service answered."""

    label: str
    source: str
    answer: str

    @property
    def agrees(self) -> bool:
        """Whether the service answers what the source says."""
        return self.source == self.answer


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


class Stack:
    """The HTTP interfaces of a running stack, called with real tokens."""

    def __init__(self, home: Path, port_base: int) -> None:
        self._issuer = TokenIssuer(home)
        self._ports = {
            name: port_base + place
            for place, name in enumerate(("households", "funds", "inspection", "notify"), start=1)
        }
        self._client = httpx.AsyncClient(timeout=60)
        self._simulated_now: dict[str, str] = {}

    async def use_simulation_clock(self) -> None:
        """Stand at the fixture's own day where the stack allows it."""
        self._simulated_now = {"X-Now": f"{fixture.TODAY}T09:00:00+08:00"}
        try:
            await self.call("inspection", "GET", "/problems?limit=1", POVERTY_OFFICE)
        except DemoFailed:
            self._simulated_now = {}

    async def call(
        self,
        service: str,
        method: str,
        path: str,
        caller: tuple[str, Sequence[str]],
        body: Any = None,
        key: str | None = None,
    ) -> Any:
        """The JSON answer; raises `DemoFailed` for a refusal, naming its code."""
        organisation, roles = caller
        headers = {
            "Authorization": f"Bearer {self._issuer.mint('demo', organisation, roles)}",
            **self._simulated_now,
            **({"Idempotency-Key": key} if key else {}),
        }
        url = f"http://127.0.0.1:{self._ports[service]}/api/v1{path}"
        try:
            response = await self._client.request(method, url, json=body, headers=headers)
        except httpx.TransportError:
            raise DemoFailed(
                f"{service} does not answer at {url}; run `make up DETACH=1`"
            ) from None
        if response.status_code >= 400:
            raise DemoFailed(f"{method} {path} was refused: {response.text[:500]}")
        return response.json() if response.content else None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


POVERTY_OFFICE = ("POV@511132", ["poverty_office", "inspector"])
OPERATIONS = ("POV@511132", ["ops", "poverty_office", "inspector"])
CITY_FINANCE = ("FINOFF@5111", ["finance"])
HOUSING = ("HOUS@511132", ["dept_head", "dept_handler"])


async def open_campaign(stack: Stack, name: str, kind: str) -> str:
    """The id of campaign `name`, opened once."""
    body = {
        "name": name,
        "type": kind,
        "region_code": fixture.COUNTY,
        "year": fixture.YEAR,
        "deadline_policy": fixture.POLICY_S,
    }
    answer = await stack.call(
        "inspection", "POST", "/campaigns", POVERTY_OFFICE, body, key=f"demo-{name}"
    )
    return str(answer["id"])


async def log_problems(
    stack: Stack, campaign: str, rows: Sequence[dict[str, Any]], name: str
) -> None:
    """Log `rows` in batches of a thousand; raises when any row is refused."""
    for number, start in enumerate(range(0, len(rows), 1000)):
        batch = rows[start : start + 1000]
        body = {"rows": [{**row, "campaign_id": campaign} for row in batch]}
        answer = await stack.call(
            "inspection", "POST", "/problems:batch", OPERATIONS, body, key=f"demo-{name}-{number}"
        )
        refused = [row for row in answer["results"] if row.get("errors")]
        if refused:
            raise DemoFailed(f"{len(refused)} rows were refused, first: {refused[0]}")


async def file_treasury_statements(stack: Stack) -> None:
    """The statements of the city's counties."""
    for region, (available, paid) in fixture.TREASURY.items():
        body = {
            "region_code": region,
            "year": fixture.YEAR,
            "as_of": fixture.TREASURY_AS_OF.isoformat(),
            "available": available,
            "paid": paid,
        }
        await stack.call(
            "funds", "POST", "/treasury-statements", CITY_FINANCE, body, key=f"demo-{region}"
        )


async def ledger_figures(stack: Stack, campaign: str) -> list[Figure]:
    """The great survey's figures, whole and by every grouping the source gives."""

    async def stats(label: str, query: str, found: int, closed: int) -> Figure:
        answer = await stack.call(
            "inspection", "GET", f"/stats/problems?campaign_id={campaign}{query}", POVERTY_OFFICE
        )
        return _compare(label, found, closed, answer)

    figures = [
        await stats("大排查 全部", "", 5873, 5536),
        await stats("突出问题", "&severity=PROMINENT", 335, 115),
        await stats("易地搬迁", "&kind_prefix=RELOCATION", 116, 51),
    ]
    for group, expected in (
        ("kind", {a.kind: (a.found, a.closed) for a in fixture.ALLOTMENTS}),
        ("lead_dept", _by_department()),
        ("township", _by_township()),
    ):
        answer = await stack.call(
            "inspection",
            "GET",
            f"/stats/problems?campaign_id={campaign}&group_by={group}",
            POVERTY_OFFICE,
        )
        groups = {row["key"]: row for row in answer["groups"]}
        figures += [
            _compare(key, found, closed, groups.get(key, {}))
            for key, (found, closed) in expected.items()
        ]
    return figures


def _by_department() -> dict[str, tuple[int, int]]:
    return {
        "POV": (2900, 2870),
        "HEALTH": (900, 900),
        "CULT": (622, 600),
        "EDU": (515, 510),
        "HRSS": (500, 500),
        "HOUS": (150, 35),
        "NDRC": (116, 51),
        "WATER": (70, 20),
        "AGRI": (60, 20),
        "MEDINS": (40, 30),
    }


def _by_township() -> dict[str, tuple[int, int]]:
    counts = zip(fixture.TOWNSHIP_FOUND, fixture.TOWNSHIP_OPEN, strict=True)
    return {
        township: (found, found - left)
        for township, (found, left) in zip(fixture.villages_by_township(), counts, strict=True)
    }


def _compare(label: str, found: int, closed: int, answer: dict[str, Any]) -> Figure:
    rate = f"{closed * 100 / found:.2f}"
    source = f"{found} / {closed} / {found - closed} {rate}%"
    told = "{found} / {done} / {open} {rate_pct}%".format_map(
        {name: answer.get(name, "—") for name in ("found", "done", "open", "rate_pct")}
    )
    return Figure(label, source, told)


async def self_check_figures(stack: Stack, campaign: str) -> list[Figure]:
    """The figures of the county's own acceptance check."""

    async def found(query: str) -> str:
        path = f"/stats/problems?campaign_id={campaign}{query}"
        answer = await stack.call("inspection", "GET", path, POVERTY_OFFICE)
        return str(answer["found"])

    households = "&object_type=HOUSEHOLD"
    villages = "&object_type=VILLAGE"
    expected = [
        ("自查 户脱贫问题", "84", households),
        ("  住房", "53", f"{households}&kind_prefix=HOUSING_UNSAFE"),
        ("  广播电视", "22", f"{households}&kind_prefix=TV_SUBSTANDARD"),
        ("  医保", "2", f"{households}&kind_prefix=MEDICAL_UNINSURED"),
        ("  收入", "7", f"{households}&kind_prefix=INCOME_BELOW_LINE"),
        ("自查 村退出问题", "6", villages),
        ("  集体经济", "3", f"{villages}&kind_prefix=COLLECTIVE_ECONOMY"),
        ("  文化室", "1", f"{villages}&kind_prefix=CULTURE_ROOM_SUBSTANDARD"),
        ("  卫生室", "1", f"{villages}&kind_prefix=CLINIC_SUBSTANDARD"),
        ("  通村公路", "1", f"{villages}&kind_prefix=ROAD_SUBSTANDARD"),
    ]
    figures = [Figure(label, source, await found(query)) for label, source, query in expected]
    return [*figures, await _due_dates(stack, campaign)]


async def _due_dates(stack: Stack, campaign: str) -> Figure:
    due: dict[str, int] = {}
    cursor = ""
    while True:
        path = f"/problems?campaign_id={campaign}&limit=200{cursor}"
        page = await stack.call("inspection", "GET", path, POVERTY_OFFICE)
        for problem in page["items"]:
            due[problem["due_on"]] = due.get(problem["due_on"], 0) + 1
        if page["next_cursor"] is None:
            told = ", ".join(f"{count} → {day}" for day, count in sorted(due.items()))
            return Figure("自查 整改时限", "88 → 2019-09-30, 2 → 2019-12-31", told)
        cursor = f"&cursor={page['next_cursor']}"


async def funds_figures(stack: Stack) -> list[Figure]:
    """Spending progress and rank."""
    as_of = f"year={fixture.YEAR}&as_of={fixture.TODAY}&basis=TREASURY"
    target = fixture.TARGET_PERCENT
    progress = await stack.call(
        "funds",
        "GET",
        f"/stats/progress?region_code={fixture.COUNTY}&{as_of}&target_pct={target}",
        CITY_FINANCE,
    )
    ranking = await stack.call(
        "funds", "GET", f"/stats/progress-ranking?city={fixture.CITY}&{as_of}", CITY_FINANCE
    )
    rank = next(r["rank"] for r in ranking["items"] if r["region_code"] == fixture.COUNTY)
    return [
        Figure("资金支出进度", "65.11%", f"{progress['progress_pct']}%"),
        Figure("全市排位", "2 / 11", f"{rank} / {len(ranking['items'])}"),
        Figure("距12月目标95%", "29.89", progress["gap_points"]),
    ]


async def queue_figure(stack: Stack) -> Figure:
    """The housing department's queue, once everything dispatched to it has arrived."""
    expected = 150 - 35 + 53
    deadline = time.monotonic() + ARRIVAL_SECONDS
    total = 0
    while time.monotonic() < deadline:
        stats = await stack.call("notify", "GET", "/queues/HOUS@511132/stats", HOUSING)
        total = stats["queued"] + stats["leased"]
        if total >= expected:
            break
        await asyncio.sleep(0.2)
    return Figure("住建局待办队列", f"≥ {expected}", f"≥ {min(total, expected)}")


async def print_queue(stack: Stack) -> None:
    """The first messages of the housing department's queue; they are handed out again at once."""
    pulled = await stack.call(
        "notify",
        "POST",
        "/queues/HOUS@511132/pull",
        HOUSING,
        {"max": 5, "wait_seconds": 5, "lease_seconds": 1},
    )
    print("\n住建局（HOUS@511132）队列前几条：")
    for item in pulled["items"]:
        print(
            f"  {item['due_on']}  {item['kind']:<16} {item['village_code']}  {item['problem_id']}"
        )


def print_figures(figures: Sequence[Figure]) -> None:
    """The table."""
    print(f"\n{'':2}{'指标':<28}{'来源':<36}{'系统答复'}")
    for figure in figures:
        mark = "✓" if figure.agrees else "✗"
        print(f"{mark} {figure.label:<28}{figure.source:<36}{figure.answer}")


async def run() -> int:
    """Load, read, print; the exit status."""
    started = time.monotonic()
    home = Path(os.environ.get("BANGFU_HOME", ".bangfu"))
    stack = Stack(home, int(os.environ.get("PORT_BASE", "8000")))
    try:
        await stack.use_simulation_clock()
        survey = await open_campaign(stack, "DPC-2019", "INSPECTION_FEEDBACK")
        self_check = await open_campaign(stack, "SELF-2019", "SELF_ACCEPTANCE")
        await log_problems(stack, survey, list(fixture.survey_problems()), "survey")
        await log_problems(stack, self_check, list(fixture.self_check_problems()), "self-check")
        await file_treasury_statements(stack)
        figures = [
            *await ledger_figures(stack, survey),
            *await self_check_figures(stack, self_check),
            *await funds_figures(stack),
            await queue_figure(stack),
        ]
        print_figures(figures)
        await print_queue(stack)
    except DemoFailed as failure:
        print(f"demo: {failure}", file=sys.stderr)
        return 1
    finally:
        await stack.close()
    wrong = sum(not figure.agrees for figure in figures)
    print(f"\n{len(figures)} figures, {wrong} differ; {time.monotonic() - started:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(run()))
