"""The office's spot checks (I-41): drawn, settled, and never passed by."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from services.inspection.closing.commands.spot_checks import draw_spot_check
from services.inspection.closing.domain import draw as lots
from shared.clock import simulate
from shared.security import Actor, Role
from tests.inspection.closing.verdicts import FALSE, figures, refusal, waiting_for_the_office
from tests.inspection.conftest import VERIFIERS, Inspection
from tests.shared.messaging.loops import until

OFFICE = Actor("孙主任", "POV@511132", frozenset({Role.POVERTY_OFFICE}))
HOUSING = {"township_code": "511132201", "lead_dept": "HOUS"}


async def draw(inspection: Inspection, **changes: Any) -> dict[str, Any]:
    """A spot check of housing in the township."""
    body = {"township_code": "511132201", "lead_dept": "HOUS", "seed": "s1", **changes}
    answer = await inspection.post("/verification-batches", body)
    assert answer.status_code == 201, answer.text
    view: dict[str, Any] = answer.json()
    return view


async def test_unsampled_problems_pass_with_a_sample_without_failures(
    inspection: Inspection,
) -> None:
    ids = await waiting_for_the_office(inspection, 12)
    batch = await draw(inspection)
    assert (batch["problems"], len(batch["sampled"]), batch["seed"]) == (12, 2, "s1")
    await inspection.verify(batch["sampled"][0], 3)
    states = {(await inspection.problem(one))["state"] for one in ids}
    assert states == {"TOWN_CHECKED", "OFFICE_CHECKED"}
    status, body = await refusal(inspection, batch["sampled"][0], 4)
    assert (status, body["code"]) == (409, "SPOT_CHECK_OPEN")
    await inspection.verify(batch["sampled"][1], 3)
    assert {(await inspection.problem(one))["state"] for one in ids} == {"OFFICE_CHECKED"}
    settled = (await inspection.get(f"/verification-batches/{batch['id']}")).json()
    assert settled["state"] == "PASSED"
    assert set(settled["results"]) == set(batch["sampled"])
    listed = (await inspection.get("/verification-batches")).json()["items"]
    assert [one["id"] for one in listed] == [batch["id"]]
    assert batch["share_pct"] == listed[0]["share_pct"] == "10.00"


async def test_one_failure_in_the_sample_returns_the_whole_batch(inspection: Inspection) -> None:
    ids = await waiting_for_the_office(inspection, 11)
    first, second = (await draw(inspection))["sampled"]
    await inspection.verify(first, 3)
    await inspection.verify(second, 3, **FALSE)
    views = {one: await inspection.problem(one) for one in ids}
    assert {view["state"] for view in views.values()} == {"RECTIFYING"}
    false = {one for one, view in views.items() if view["flags"]["false_rectification"]}
    assert false == {second}
    for one in ids:
        verdicts = (await inspection.get(f"/problems/{one}/verifications")).json()["items"]
        assert (verdicts[-1]["body"], verdicts[-1]["passed"]) == ("OFFICE", False)
    assert await figures(inspection, "REPORTED") == (11, 0, 11)


async def test_a_spot_check_holds_each_problem_once(inspection: Inspection) -> None:
    await waiting_for_the_office(inspection, 2)
    await draw(inspection)
    body = {"township_code": "511132201", "lead_dept": "HOUS"}
    answer = await inspection.post("/verification-batches", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "SPOT_CHECK_EMPTY")


async def test_a_spot_check_is_drawn_and_seen_within_the_county(inspection: Inspection) -> None:
    await waiting_for_the_office(inspection, 1)
    body = {"township_code": "511132201", "lead_dept": "HOUS"}
    neighbour: dict[str, Any] = {"org": "POV@511133", "roles": ("poverty_office",)}
    refused = await inspection.post("/verification-batches", body, **neighbour)
    assert refused.status_code == 404
    wrong = await inspection.post(
        "/verification-batches", body, org="HOUS@511132", roles=("dept_head",)
    )
    assert wrong.status_code == 403
    batch = await draw(inspection)
    path = f"/verification-batches/{batch['id']}"
    for org in ("POV@511133", "EDU@511132", "TOWN@511132202"):
        who: dict[str, Any] = {"org": org, "roles": ("dept_head", "poverty_office")}
        assert (await inspection.get(path, **who)).status_code == 404
        assert (await inspection.get("/verification-batches", **who)).json()["items"] == []
    seen = await inspection.get(path, org="TOWN@511132201", roles=("township_reviewer",))
    assert seen.status_code == 200


async def test_a_spot_check_is_of_one_township(inspection: Inspection) -> None:
    await waiting_for_the_office(inspection, 1)
    for place in ("511132", "511132201205", "51"):
        answer = await inspection.post("/verification-batches", {**HOUSING, "township_code": place})
        assert answer.status_code == 422, place


async def test_who_verified_one_of_the_batch_does_not_pass_it_with_the_sample(
    inspection: Inspection,
) -> None:
    ids = [(await inspection.log())["id"] for _ in range(2)]
    for problem_id in ids:
        await inspection.submit(problem_id)
    same = {**VERIFIERS[1], "person": VERIFIERS[3]["person"]}
    verdict = {"level": 1, "result": "PASS"}
    await inspection.move(ids[0], "verify", verdict, **same)
    await inspection.verify(ids[1], 1)
    for problem_id in ids:
        await inspection.verify(problem_id, 2)
    everyone = [UUID(one) for one in ids]
    seed = next(s for s in map(str, range(99)) if lots(s, everyone, 1) == {everyone[1]})
    batch = await draw(inspection, seed=seed)
    assert batch["sampled"] == [ids[1]]
    status, body = await refusal(inspection, ids[1], 3)
    assert (status, body["code"]) == (409, "SAME_VERIFIER")
    other = {**VERIFIERS[3], "person": "冯副主任"}
    await inspection.move(ids[1], "verify", {"level": 3, "result": "PASS"}, **other)
    assert {(await inspection.problem(one))["state"] for one in ids} == {"OFFICE_CHECKED"}


@asynccontextmanager
async def drawing(inspection: Inspection) -> AsyncIterator[None]:
    """A draw by somebody else, which commits once another request waits for it."""
    async with inspection.runtime.database.transaction() as session:
        with simulate(datetime.fromisoformat(inspection.now)):
            await draw_spot_check(
                session, OFFICE, township="511132201", lead_dept="HOUS", seed="s1"
            )
        yield
        await until(lambda: someone_waits(inspection))


async def someone_waits(inspection: Inspection) -> bool:
    """Whether a statement waits for another's lock."""
    waiting = await inspection.fetch(
        "SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE NOT granted AND datname = current_database()"
    )
    return bool(waiting)


async def test_a_verdict_that_waited_for_a_draw_does_not_pass_it_by(
    inspection: Inspection,
) -> None:
    (problem_id,) = await waiting_for_the_office(inspection, 1)
    async with drawing(inspection):
        verdict = asyncio.create_task(refusal(inspection, problem_id, 3))
    status, body = await verdict
    assert (status, body["code"]) == (409, "SPOT_CHECK_OPEN")
    await inspection.verify(problem_id, 3)
    (batch,) = (await inspection.get("/verification-batches")).json()["items"]
    assert batch["state"] == "PASSED"


async def test_of_two_draws_at_once_one_holds_the_problems(inspection: Inspection) -> None:
    await waiting_for_the_office(inspection, 2)
    async with drawing(inspection):
        second = asyncio.create_task(inspection.post("/verification-batches", HOUSING))
    answer = await second
    assert (answer.status_code, answer.json()["code"]) == (409, "SPOT_CHECK_EMPTY")
