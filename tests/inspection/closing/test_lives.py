"""Whatever is done to problems in whatever order: figures, timers and events follow the rows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.inspection.ledger.commands import fold_deltas
from services.inspection.problems.commands.overdue import LEVELS, OVERDUE_WATCHDOG
from services.inspection.problems.domain.states import IN_WORK, State
from tests.inspection.conftest import (
    NOW,
    PHOTO,
    PHOTO_AFTER,
    PLAN,
    VERIFIERS,
    Inspection,
    finding,
)

PROOF = [PHOTO, PHOTO_AFTER]
FAIL = {"result": "FAIL", "text": "裂缝仍在", "evidence": [PHOTO_AFTER]}
POV: dict[str, Any] = {"org": "POV@511132", "roles": ("poverty_office", "dept_handler")}
GROUP: dict[str, Any] = {"org": "LG@511132", "roles": ("leading_group",)}
INSPECTOR: dict[str, Any] = {"org": "DPC@511132", "roles": ("inspector",), "person": "吴督查"}

# The call that takes a problem on, by the state it stands in, and who makes it.
ONWARDS: dict[str, tuple[str, Any]] = {
    State.SUSPECTED: ("confirm", {"evidence": PROOF}),
    State.DISPATCHED: ("accept", None),
    State.DISPUTED: ("rule", {"dept": "HOUS"}),
    State.ACCEPTED: ("plan", {**PLAN, "deadline": "2019-09-18"}),
    State.PLANNED: ("start", None),
    State.RECTIFYING: ("submit", {"done_text": "已加固", "evidence": PROOF}),
    State.SUBMITTED: ("verify", {"level": 1, "result": "PASS"}),
    State.DEPT_VERIFIED: ("verify", {"level": 2, "result": "PASS"}),
    State.TOWN_CHECKED: ("verify", {"level": 3, "result": "PASS"}),
    State.OFFICE_CHECKED: ("verify", {"level": 4, "result": "PASS"}),
}
# Calls that may come at any time; most of them are refused in most states.
SIDEWAYS: tuple[tuple[str, Any], ...] = (
    ("dispute", {"proposed_dept": "CIVIL", "clause": "职责清单第七条"}),
    ("rule", {"dept": "CIVIL"}),
    ("refute", {"evidence": PROOF, "reason": "经核实不存在"}),
    ("withdraw", {"reason": "重复录入"}),
    ("extend", {"due_on": "2019-12-31", "reason": "雨季无法施工"}),
    ("reopen", {"text": "又现裂缝", "evidence": PROOF}),
    ("reopen", {"text": "从未整改", "evidence": PROOF, "false": True}),
    ("progress", {"pct": 60, "text": "已铺设钢筋网", "evidence": []}),
    ("no-policy", {"need": "加固资金"}),
    ("delegate", {"to_org": "TOWN@511132201", "note": "请乡镇落实"}),
    *(("verify", {"level": level, **FAIL}) for level in VERIFIERS),
    *(("verify", {"level": level, **FAIL, "false": True}) for level in VERIFIERS),
    *(("verify", {"level": level, "result": "PASS"}) for level in VERIFIERS),
)
_BY_OTHERS = {
    "rule": POV,
    "confirm": POV,
    "refute": POV,
    "withdraw": POV,
    "extend": GROUP,
    "reopen": INSPECTOR,
}

STEPS = st.one_of(
    *[st.tuples(st.just("onwards"), st.sampled_from([1, 3, 7, 10]))] * 4,
    *[st.sampled_from(SIDEWAYS)] * 2,
    st.sampled_from([call for call in SIDEWAYS if call[0] == "reopen"]),
    *[st.just(("draw",))] * 2,
    st.sampled_from([("again",), ("fold",), ("several", 1), ("several", 3)]),
    st.tuples(st.just("wait"), st.sampled_from([1, 4, 9])),
)


class County:
    """A few problems of one township, and everybody who works on them."""

    def __init__(self, inspection: Inspection, problems: Sequence[dict[str, Any]]) -> None:
        self.inspection = inspection
        self.problems = problems

    async def step(self, place: int, step: tuple[Any, ...]) -> None:
        """Do something to one problem; it is done or refused, and never fails."""
        (row,) = await self.inspection.fetch(
            "SELECT id::text, state, lead_dept, object_ref, kind FROM problems WHERE id = $1",
            self.problems[place]["id"],
        )
        match step:
            case ("onwards", int(moves)):
                await self.call(row, *ONWARDS.get(row["state"], SIDEWAYS[0]))
                if moves > 1:
                    await self.step(place, ("onwards", moves - 1))
            case ("draw",):
                body = {"township_code": "511132201", "lead_dept": row["lead_dept"]}
                await self.post("/verification-batches", body, POV)
            case ("again",):
                thing = {"type": "HOUSEHOLD", "id": row["object_ref"]}
                body = finding(
                    object=thing,
                    kind=row["kind"],
                    source="VISIT",
                    requested_due_on="2019-09-18",
                )
                await self.post("/problems", body, POV)
            case ("fold",):
                await fold_deltas(self.inspection.runtime.database)
            case ("wait", int(days)):
                await self.wait(days)
            case ("several", int(level)):
                ids = [problem["id"] for problem in self.problems]
                body = {"problem_ids": ids, "level": level, "result": "PASS"}
                await self.post("/problems:verify", body, VERIFIERS[level])
            case (str(verb), body):
                await self.call(row, verb, body)

    async def call(self, row: Any, verb: str, body: Any) -> None:
        """Make a call as somebody who may."""
        lead: dict[str, Any] = {
            "org": f"{row['lead_dept']}@511132",
            "roles": ("dept_handler", "dept_head"),
            "person": "赵局长",
        }
        who = _BY_OTHERS.get(verb, lead)
        if verb == "verify" and body["level"] > 1:
            who = VERIFIERS[body["level"]]
        if verb == "submit":
            check = {"by": "李检查", "on": self.inspection.now[:10], "text": "现场查看"}
            await self.post(f"/problems/{row['id']}/own-check", check, lead)
        await self.post(f"/problems/{row['id']}/{verb}", body, who)

    async def post(self, path: str, body: Any, who: dict[str, Any]) -> None:
        """A call that succeeds or is refused."""
        answer = await self.inspection.post(path, body, **who)
        assert answer.status_code in (200, 201, 403, 404, 409, 422), (path, answer.text)

    async def wait(self, days: int) -> None:
        """Let days pass, and what falls due in them happen."""
        moved = datetime.fromisoformat(self.inspection.now) + timedelta(days=days)
        self.inspection.now = moved.isoformat()
        for job in ("overdue_scan", "stalled_scan"):
            await self.post(
                "/ops/run",
                {"job": job, "as_of": self.inspection.now},
                {"org": "OPS@511132", "roles": ("ops",)},
            )


async def check(inspection: Inspection) -> None:
    """Figures, timers and events agree with the rows."""
    rows = await inspection.fetch("SELECT * FROM problems")
    for group_by in ("lead_dept", "severity"):
        for basis in ("CLOSED", "REPORTED"):
            view = (
                await inspection.get("/stats/problems", {"group_by": group_by, "done_basis": basis})
            ).json()
            figures = {one["key"]: (one["found"], one["done"]) for one in view["groups"]}
            assert figures == recount(rows, group_by, basis), (group_by, basis)
    await check_timers(inspection, rows)
    sent = await inspection.fetch(
        "SELECT aggregate_id, array_agg(aggregate_seq ORDER BY id) AS numbers FROM outbox"
        " WHERE aggregate_id = ANY($1::text[]) GROUP BY 1",
        [str(row["id"]) for row in rows],
    )
    numbers = {row["aggregate_id"]: row["numbers"] for row in sent}
    for row in rows:
        assert numbers[str(row["id"])] == list(range(1, row["event_sequence"] + 1))


def recount(rows: Sequence[Any], group_by: str, basis: str) -> dict[str, tuple[int, int]]:
    """Found and done of each group, counted one by one."""
    done = {"CLOSED"} if basis == "CLOSED" else {"CLOSED", "SUBMITTED", "DEPT_VERIFIED"}
    done |= set() if basis == "CLOSED" else {"TOWN_CHECKED", "OFFICE_CHECKED"}
    counted: dict[str, tuple[int, int]] = {}
    for row in rows:
        if row["state"] not in ("SUSPECTED", "WITHDRAWN"):
            found, finished = counted.get(row[group_by], (0, 0))
            counted[row[group_by]] = found + 1, finished + (row["state"] in done)
    return counted


async def check_timers(inspection: Inspection, rows: Sequence[Any]) -> None:
    """Each problem in work has one timer for its next level, and one for silence while work is
    under way; nothing else has any."""
    armed = await inspection.fetch(
        "SELECT subject_id, kind FROM timer WHERE state = 'armed' ORDER BY subject_id, kind"
    )
    expected = []
    for row in rows:
        if row["state"] in IN_WORK and row["due_on"] and row["overdue_level"] < LEVELS:
            expected.append((row["id"], f"overdue_{row['overdue_level'] + 1}"))
        if row["state"] == State.RECTIFYING:
            expected.append((row["id"], "stalled"))
    assert [tuple(timer) for timer in armed] == sorted(expected)
    async with inspection.runtime.database.transaction() as session:
        assert await OVERDUE_WATCHDOG.find_unguarded(session) == []


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    suspected=st.booleans(),
    steps=st.lists(st.tuples(st.integers(0, 2), STEPS), min_size=8, max_size=24),
)
async def test_figures_timers_and_events_follow_every_move(
    inspection: Inspection, suspected: bool, steps: list[tuple[int, tuple[Any, ...]]]
) -> None:
    inspection.now = NOW
    problems = [
        await inspection.log(suspected=suspected),
        await inspection.log(severity="GENERAL"),
        await inspection.log(scope="SYSTEMIC"),
    ]
    mechanism = {
        "root_cause": "缺少监管",
        "measures": "建立巡查",
        "mechanism": "每季度巡查",
        "review_dates": ["2019-12-31"],
    }
    path = f"/problems/{problems[2]['id']}/standing-mechanism"
    assert (await inspection.put(path, mechanism, **GROUP)).status_code == 200
    county = County(inspection, problems)
    for place, step in steps:
        await county.step(place, step)
    await check(inspection)
