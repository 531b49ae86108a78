"""The list of needs follows the problems, whatever comes twice or late."""

import pytest

from tests.funds.conftest import Funds
from tests.funds.policy_gaps.conftest import Hear, Need, gaps


async def states(funds: Funds) -> list[str]:
    """The states of the gaps."""
    return [gap["state"] for gap in await gaps(funds)]


async def test_a_problem_without_policy_is_a_need_of_the_county(funds: Funds, hear: Hear) -> None:
    need = Need()
    await hear(need.found())
    (gap,) = await gaps(funds)
    assert (gap["problem_id"], gap["problem_no"]) == (need.problem_id, need.facts["problem_no"])
    assert (gap["kind"], gap["lead_dept"], gap["village_code"]) == (
        "WATER_UNSAFE",
        "WATER",
        "511132201205",
    )
    assert (gap["need"], gap["needed"], gap["state"]) == ("后山引水渠", "12000.00", "OPEN")
    assert (gap["source"], gap["amount"], gap["doc_no"]) == (None, None, None)


async def test_a_need_without_an_amount_is_to_be_estimated(funds: Funds, hear: Hear) -> None:
    await hear(Need().found(amount=None))
    assert [gap["needed"] for gap in await gaps(funds)] == [None]


@pytest.mark.parametrize("kind", ["STYLE", "CORRUPTION_WASTE"])
async def test_style_and_corruption_are_shown_to_nobody(
    funds: Funds, hear: Hear, kind: str
) -> None:
    need = Need(kind=kind)
    await hear(need.found(), need.closed())
    assert await gaps(funds) == []


async def test_a_gap_ends_with_its_problem_and_comes_back_with_it(funds: Funds, hear: Hear) -> None:
    need = Need()
    await hear(need.found(), need.closed())
    assert await states(funds) == ["ENDED"]
    await hear(need.reopened())
    assert await states(funds) == ["OPEN"]
    await hear(need.withdrawn())
    assert await states(funds) == ["ENDED"]


async def test_a_gap_follows_the_lead_department(funds: Funds, hear: Hear) -> None:
    need = Need()
    await hear(need.found(), need.rerouted("HOUS"))
    assert [(gap["lead_dept"], gap["state"]) for gap in await gaps(funds)] == [("HOUS", "OPEN")]


async def test_what_comes_again_or_late_changes_nothing(funds: Funds, hear: Hear) -> None:
    need = Need()
    found, rerouted, closed = need.found(), need.rerouted("HOUS"), need.closed()
    await hear(found, found, closed, rerouted, found, closed)
    assert [(gap["lead_dept"], gap["state"]) for gap in await gaps(funds)] == [("HOUS", "ENDED")]
    again = need.reopened()
    await hear(again, closed, again)
    assert await states(funds) == ["OPEN"]


async def test_problems_with_a_policy_make_no_gap(funds: Funds, hear: Hear) -> None:
    need = Need()
    await hear(need.rerouted("HOUS"), need.closed(), need.reopened())
    assert await gaps(funds) == []


async def test_another_need_of_the_same_problem_takes_the_place_of_the_former(
    funds: Funds, hear: Hear
) -> None:
    need = Need()
    await hear(need.found())
    arranged = await funds.post(
        f"/policy-gaps/{need.problem_id}/arrange",
        {"source": "COUNTY", "amount": "12000.00", "doc_no": "峨财农〔2019〕8号"},
    )
    assert arranged.status_code == 200, arranged.text
    await hear(need.found("水泵", "800.00"))
    (gap,) = await gaps(funds)
    assert (gap["need"], gap["needed"], gap["state"]) == ("水泵", "800.00", "OPEN")
    assert (gap["source"], gap["amount"], gap["arranged_at"]) == (None, None, None)
