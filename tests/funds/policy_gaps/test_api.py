"""Policy gaps over HTTP: the list, arranging the money, every refusal, and nobody else's needs."""

from typing import Any

import pytest
from sqlalchemy import text

from shared.events.funds import PolicyGapArranged
from shared.ids import new_id
from tests.funds.conftest import Funds
from tests.funds.policy_gaps.conftest import Hear, Need, gaps

ARRANGE: dict[str, Any] = {
    "source": "COUNTY",
    "amount": "11500.00",
    "doc_no": "峨财农〔2019〕8号",
}


async def test_finance_arranges_money_and_tells_so(funds: Funds, hear: Hear) -> None:
    need = Need()
    await hear(need.found())
    answer = await funds.post(f"/policy-gaps/{need.problem_id}/arrange", ARRANGE)
    assert answer.status_code == 200, answer.text
    gap = answer.json()
    assert gap.items() >= {**ARRANGE, "state": "ARRANGED", "arranged_by": "tester"}.items()
    assert gap["version"] == 2
    assert await gaps(funds) == [gap]
    (event,) = await funds.app.events(PolicyGapArranged)
    assert isinstance(event, PolicyGapArranged)
    assert (str(event.problem_id), event.source, event.amount, event.region) == (
        need.problem_id,
        "COUNTY",
        "11500.00",
        "511132201205",
    )
    async with funds.app.database.reading() as session:
        rows = await session.execute(
            text("SELECT action, person FROM audit WHERE object_type = 'policy_gap'")
        )
        assert [tuple(row) for row in rows] == [("ARRANGE", "tester")]


async def test_money_is_arranged_once_and_stays_arranged(funds: Funds, hear: Hear) -> None:
    need = Need()
    await hear(need.found())
    path = f"/policy-gaps/{need.problem_id}/arrange"
    assert (await funds.post(path, ARRANGE)).status_code == 200
    again = await funds.post(path, ARRANGE)
    assert (again.status_code, again.json()["code"]) == (409, "STATE_CONFLICT")
    await hear(need.closed(), need.reopened())
    assert [gap["state"] for gap in await gaps(funds)] == ["ARRANGED"]


async def test_nothing_is_arranged_for_a_problem_that_has_ended(funds: Funds, hear: Hear) -> None:
    need = Need()
    await hear(need.found(), need.closed())
    answer = await funds.post(f"/policy-gaps/{need.problem_id}/arrange", ARRANGE)
    assert (answer.status_code, answer.json()["code"]) == (409, "STATE_CONFLICT")
    assert answer.json()["state"] == "ENDED"
    assert await funds.app.events(PolicyGapArranged) == []


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"source": "NATIONAL"}, "source", "UNKNOWN_VALUE"),
        ({"amount": "0.00"}, "amount", "AMOUNT_INVALID"),
        ({"amount": "-1"}, "amount", "AMOUNT_NEGATIVE"),
        ({"doc_no": ""}, "doc_no", "TOO_SHORT"),
        ({"state": "ARRANGED"}, "state", "UNKNOWN_FIELD"),
    ],
)
async def test_a_malformed_arrangement_names_its_field(
    funds: Funds, hear: Hear, change: dict[str, Any], field: str, code: str
) -> None:
    need = Need()
    await hear(need.found())
    path = f"/policy-gaps/{need.problem_id}/arrange"
    answer = await funds.post(path, {**ARRANGE, **change})
    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


async def test_needs_are_listed_in_pages_by_place_and_state(funds: Funds, hear: Hear) -> None:
    here = [Need() for _ in range(3)]
    there = Need(village_code="511133100001")
    ended = here[2]
    await hear(*(need.found() for need in [*here, there]), ended.closed())
    first = (await funds.get("/policy-gaps", {"limit": 2})).json()
    rest = (await funds.get("/policy-gaps", {"limit": 2, "cursor": first["next_cursor"]})).json()
    listed = [gap["problem_id"] for gap in first["items"] + rest["items"]]
    assert listed == sorted(need.problem_id for need in here)
    assert rest["next_cursor"] is None
    assert len(await gaps(funds, state="OPEN")) == 2
    assert len(await gaps(funds, region_code="511132201")) == 3
    assert await gaps(funds, region_code="511132100") == []
    city = await funds.get("/policy-gaps", org="FINOFF@5111")
    assert len(city.json()["items"]) == 4
    nonsense = await funds.get("/policy-gaps", {"cursor": "nonsense"})
    assert nonsense.json()["code"] == "CURSOR_INVALID"


async def test_a_neighbours_need_does_not_exist(funds: Funds, hear: Hear) -> None:
    foreign = Need(village_code="511133100001")
    await hear(foreign.found())
    for problem_id in (foreign.problem_id, new_id()):
        answer = await funds.post(f"/policy-gaps/{problem_id}/arrange", ARRANGE)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert await gaps(funds) == []
    assert (await funds.get("/policy-gaps", {"region_code": "511133"})).status_code == 404


@pytest.mark.parametrize(
    ("org", "role", "reads"),
    [
        ("POV@511132", "poverty_office", True),
        ("GOV@511132", "county_gov", True),
        ("WATER@511132", "dept_handler", False),
        ("DISC@511132", "discipline", False),
        ("VILLAGE@511132201205", "village_cadre", False),
    ],
)
async def test_the_county_reads_needs_and_finance_alone_arranges(
    funds: Funds, hear: Hear, org: str, role: str, reads: bool
) -> None:
    need = Need()
    await hear(need.found())
    read = await funds.get("/policy-gaps", org=org, roles=(role,))
    assert read.status_code == (200 if reads else 403)
    path = f"/policy-gaps/{need.problem_id}/arrange"
    arrange = await funds.post(path, ARRANGE, org=org, roles=(role,))
    assert (arrange.status_code, arrange.json()["code"]) == (403, "FORBIDDEN")
