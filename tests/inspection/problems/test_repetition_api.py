"""POST /problems again: the same request (X-03), the same finding from several sources (I-04)."""

import asyncio
from typing import Any

from tests.inspection.conftest import VILLAGE, Inspection, finding

HOUSEHOLD = "01990000-0000-7000-8000-000000000001"
OBJECT = {"type": "HOUSEHOLD", "id": HOUSEHOLD}
STORES = ("problems", "ledger_deltas", "ledger_days", "timer", "audit", "outbox", "idempotency")


# -- idempotency (X-03) ------------------------------------------------------------------------


async def test_the_same_key_and_body_give_the_same_answer_and_one_problem(
    inspection: Inspection,
) -> None:
    body = finding()
    first = await inspection.post("/problems", body, key="k")
    second = await inspection.post("/problems", body, key="k")
    assert (second.status_code, second.json()) == (201, first.json())
    assert await inspection.count("problems") == 1
    assert await inspection.count("outbox") == 2


async def test_the_answer_replayed_knows_that_the_object_was_known(
    inspection: Inspection,
) -> None:
    await inspection.fetch(
        "INSERT INTO household_mirror VALUES ($1, '1', $2, 'EXITED', true, 1)", HOUSEHOLD, VILLAGE
    )
    body = finding(object=OBJECT)
    first = await inspection.post("/problems", body, key="k")
    assert first.json()["flags"]["object_unverified"] is False
    assert (await inspection.post("/problems", body, key="k")).json() == first.json()


async def test_the_same_key_with_another_body_is_a_conflict(inspection: Inspection) -> None:
    await inspection.post("/problems", finding(), key="k")
    other = await inspection.post("/problems", finding(), key="k")
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_CONFLICT")
    assert await inspection.count("problems") == 1


async def test_a_key_belongs_to_its_caller(inspection: Inspection) -> None:
    await inspection.post("/problems", finding(), key="k")
    other = await inspection.post("/problems", finding(), key="k", org="LG@511132")
    assert other.status_code == 201


async def test_a_refused_request_leaves_its_key_free(inspection: Inspection) -> None:
    body = finding()
    refused = await inspection.post("/problems", body | {"found_on": "2030-01-01"}, key="k")
    assert refused.status_code == 422
    assert (await inspection.post("/problems", body, key="k")).status_code == 201


async def test_a_key_of_a_wrong_form_is_refused(inspection: Inspection) -> None:
    answer = await inspection.post("/problems", finding(), key="x" * 256)
    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_INVALID")


async def test_one_key_in_twenty_requests_at_once_makes_one_problem(
    inspection: Inspection,
) -> None:
    body = finding()
    answers = await asyncio.gather(
        *(inspection.post("/problems", body, key="k") for _ in range(20))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text.replace(" ", "") and answer.json()["id"] for answer in answers}) == 1
    assert await inspection.count("problems") == 1
    assert await inspection.count("outbox") == 2


async def test_one_key_with_twenty_bodies_at_once_makes_one_problem(
    inspection: Inspection,
) -> None:
    answers = await asyncio.gather(
        *(inspection.post("/problems", finding(), key="k") for _ in range(20))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] + [422] * 19
    assert await inspection.count("problems") == 1


# -- the same finding from several sources (I-04) ------------------------------------------------


async def test_another_source_is_added_to_the_open_problem(inspection: Inspection) -> None:
    first = await inspection.log(object=OBJECT)
    again = await inspection.post(
        "/problems", finding(object=OBJECT, source="AUDIT", team="第三督查组"), key="b"
    )
    assert again.status_code == 200
    assert (again.json()["id"], again.json()["merged"]) == (first["id"], True)
    problem = await inspection.problem(first["id"])
    assert [source["source"] for source in problem["sources"]] == ["COUNTY_INSPECTION", "AUDIT"]
    assert problem["sources"][1]["team"] == "第三督查组"
    assert await inspection.happened() == ["logged", "dispatched", "source_added"]
    assert await inspection.count("timer") == 1
    replayed = await inspection.post(
        "/problems", finding(object=OBJECT, source="AUDIT", team="第三督查组"), key="b"
    )
    assert (replayed.status_code, replayed.json()) == (200, again.json())


async def test_the_strictest_deadline_wins_and_the_history_is_kept(
    inspection: Inspection,
) -> None:
    first = await inspection.log(object=OBJECT, tier="COMPLEX")
    assert first["due_on"] == "2019-11-18"
    stricter = await inspection.log(object=OBJECT, source="AUDIT", found_on="2019-09-01")
    assert stricter["due_on"] == "2019-10-01"
    looser = await inspection.log(object=OBJECT, source="MEDIA", tier="COMPLEX")
    assert looser["due_on"] == "2019-10-01"
    problem = await inspection.problem(first["id"])
    (change,) = problem["due_history"]
    assert (change["previous_due_on"], change["due_on"]) == ("2019-11-18", "2019-10-01")
    assert change["reason"] == "ADD_SOURCE"
    assert await inspection.happened() == [
        "logged",
        "dispatched",
        "source_added",
        "due_changed",
        "source_added",
    ]
    timers = await inspection.fetch("SELECT generation, state, due_at FROM timer ORDER BY 1")
    assert [(row["generation"], row["state"]) for row in timers] == [
        (1, "cancelled"),
        (2, "armed"),
    ]
    assert timers[1]["due_at"].isoformat() == "2019-10-01T15:59:59+00:00"


async def test_the_same_report_twice_adds_nothing(inspection: Inspection) -> None:
    body = finding(object=OBJECT)
    await inspection.post("/problems", body, key="a")
    again = await inspection.post("/problems", body, key="b")
    assert (again.status_code, again.json()["merged"]) == (200, True)
    assert len((await inspection.problem(again.json()["id"]))["sources"]) == 1
    assert await inspection.count("outbox") == 2


async def test_another_kind_or_object_is_another_problem(inspection: Inspection) -> None:
    await inspection.log(object=OBJECT)
    assert (await inspection.log(object=OBJECT, kind="WATER_UNSAFE"))["merged"] is False
    assert (await inspection.log())["merged"] is False
    assert await inspection.count("problems") == 3


async def test_a_finding_after_the_problem_was_withdrawn_is_a_new_problem(
    inspection: Inspection,
) -> None:
    first = await inspection.log(object=OBJECT)
    await inspection.post(f"/problems/{first['id']}/withdraw", {"reason": "登记有误"})
    second = await inspection.log(object=OBJECT)
    assert second["id"] != first["id"]
    assert second["merged"] is False


async def test_the_same_finding_by_two_teams_at_once_is_one_problem_with_two_sources(
    inspection: Inspection,
) -> None:
    sources = ["AUDIT", "MEDIA", "SAMPLE", "VISIT", "SELF_CHECK", "CROSS_CHECK", "PETITION"]
    answers = await asyncio.gather(
        *(inspection.post("/problems", finding(object=OBJECT, source=one)) for one in sources)
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 6 + [201]
    (problem_id,) = {answer.json()["id"] for answer in answers}
    problem = await inspection.problem(problem_id)
    assert sorted(one["source"] for one in problem["sources"]) == sorted(sources)
    assert (await inspection.happened()).count("dispatched") == 1


async def test_a_fund_s_code_is_its_county_s_own(inspection: Inspection) -> None:
    fund = {"type": "FUND", "code": "CENTRAL-2019"}
    body = finding(object=fund, kind="FUND_SLOW", village_code="511132")
    own = (await inspection.post("/problems", body)).json()
    neighbour: dict[str, Any] = {"org": "POV@511133", "roles": ("poverty_office",)}
    answer = await inspection.post("/problems", body | {"village_code": "511133"}, **neighbour)
    assert (answer.status_code, answer.json()["merged"]) == (201, False)
    assert answer.json()["id"] != own["id"]
    assert len((await inspection.problem(own["id"]))["sources"]) == 1
    again = await inspection.post("/problems", body | {"source": "AUDIT"})
    assert (again.status_code, again.json()["id"]) == (200, own["id"])


async def test_two_batches_of_the_same_findings_at_once_wait_for_each_other(
    inspection: Inspection,
) -> None:
    rows = [finding() for _ in range(300)]
    turned = [row | {"source": "AUDIT"} for row in reversed(rows)]
    answers = await asyncio.gather(
        *(inspection.post("/problems:batch", {"rows": batch}) for batch in (rows, turned))
    )
    assert [answer.status_code for answer in answers] == [201, 201]
    figures = [answer.json() for answer in answers]
    assert sorted((one["logged"], one["merged"]) for one in figures) == [(0, 300), (300, 0)]
