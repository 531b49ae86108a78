"""Assessment items against the strictest of their standards, and a sheet's totals (I-59)."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.assessment.domain import (
    Area,
    Authority,
    Content,
    Direction,
    Item,
    ItemDuplicate,
    ItemUnknown,
    Total,
    check_items,
    check_scores,
    judge_item,
    judge_sheet,
)

figures = st.decimals(-100, 200, places=1)
directions = st.sampled_from(Direction)
some_standards = st.dictionaries(st.sampled_from(Authority), figures, min_size=1)


def item(
    code: str = "HELP_SATISFACTION",
    *,
    standards: dict[Authority, Decimal] | None = None,
    direction: Direction = Direction.AT_LEAST,
    content: Content = Content.HELP,
    weight: str = "10",
) -> Item:
    """An item; without standards of its own, the province asks for 95 and the city for 90."""
    asked = standards or {Authority.PROVINCE: Decimal(95), Authority.CITY: Decimal(90)}
    return Item(code, "群众满意度", content, Decimal(weight), direction, asked)


def test_the_higher_threshold_is_the_stricter_where_a_score_must_reach_it() -> None:
    for score, passed in (("94.9", False), ("95", True)):
        result = judge_item(item(), Decimal(score))
        assert (result.authority, result.threshold) == (Authority.PROVINCE, Decimal(95))
        assert result.passed is passed


def test_the_lower_threshold_is_the_stricter_where_a_score_must_not_pass_it() -> None:
    standards = {Authority.NATIONAL: Decimal(2), Authority.CITY: Decimal(1)}
    missed = item(standards=standards, direction=Direction.AT_MOST)
    for score, passed in (("1.5", False), ("1", True)):
        result = judge_item(missed, Decimal(score))
        assert (result.authority, result.passed) == (Authority.CITY, passed)


def test_of_equal_standards_the_highest_authority_s_is_named() -> None:
    standards = {Authority.COUNTY: Decimal(90), Authority.NATIONAL: Decimal(90)}
    assert judge_item(item(standards=standards), None).authority is Authority.NATIONAL


def test_the_reason_names_every_standard_and_the_one_used() -> None:
    assert judge_item(item(), None).why == (
        "适用标准：省定不低于95、市定不低于90；就高不就低，按省定标准自查"
    )


def test_an_item_without_a_score_has_not_passed_and_earns_nothing() -> None:
    result = judge_item(item(), None)
    assert result.passed is None
    assert result.points == 0
    assert judge_item(item(), Decimal(95)).points == 10


@given(some_standards, st.sampled_from(Authority), figures, figures, directions)
def test_another_standard_never_makes_an_item_pass_that_failed(
    standards: dict[Authority, Decimal],
    authority: Authority,
    threshold: Decimal,
    score: Decimal,
    direction: Direction,
) -> None:
    before = judge_item(item(standards=standards, direction=direction), score)
    more = {authority: threshold, **standards}
    after = judge_item(item(standards=more, direction=direction), score)
    assert after.passed is False or before.passed is True
    assert after.points <= before.points


@given(some_standards, figures, directions)
def test_an_item_passes_when_it_passes_every_standard_by_itself(
    standards: dict[Authority, Decimal], score: Decimal, direction: Direction
) -> None:
    each = [
        judge_item(item(standards={authority: threshold}, direction=direction), score).passed
        for authority, threshold in standards.items()
    ]
    assert judge_item(item(standards=standards, direction=direction), score).passed is all(each)


@given(st.lists(figures, min_size=1, max_size=6), st.data(), st.integers(0, 100))
def test_another_standard_never_makes_a_sheet_pass_that_failed(
    scores: list[Decimal], data: st.DataObject, pass_pct: int
) -> None:
    codes = [f"ITEM_{number}" for number in range(len(scores))]
    strict = [data.draw(some_standards) for _ in codes]
    lax = [dict([next(iter(standards.items()))]) for standards in strict]
    key = data.draw(st.lists(st.sampled_from(codes), unique=True))

    def passed(standards: list[dict[Authority, Decimal]]) -> bool:
        items = [item(code, standards=one) for code, one in zip(codes, standards, strict=True)]
        entered = dict(zip(codes, scores, strict=True))
        return judge_sheet(items, entered, key_indicators=key, pass_pct=pass_pct).passed

    assert passed(lax) >= passed(strict)


def test_process_and_result_add_up_to_the_whole() -> None:
    items = [
        item(f"ITEM_{number}", content=content, weight=str(number + 1))
        for number, content in enumerate(Content)
    ]
    result = judge_sheet(
        items, {"ITEM_0": Decimal(95), "ITEM_6": Decimal(99)}, key_indicators=[], pass_pct=100
    )
    assert result.parts == {
        Area.PROCESS: Total(Decimal(6), Decimal(1)),
        Area.RESULT: Total(Decimal(22), Decimal(7)),
    }
    assert result.total == Total(Decimal(28), Decimal(8))
    assert not result.passed


def test_the_process_has_three_contents_and_the_result_four() -> None:
    areas = [content.area for content in Content]
    assert areas == [Area.PROCESS] * 3 + [Area.RESULT] * 4
    assert [one for one in pairwise(areas) if one[0] is not one[1]] == [(Area.PROCESS, Area.RESULT)]


def test_a_sheet_passes_with_its_points_and_every_key_indicator() -> None:
    items = [item("KEY", weight="10"), item("OTHER", weight="90")]
    passing, failing = Decimal(95), Decimal(90)

    def judged(key: Decimal, other: Decimal, pass_pct: int) -> tuple[tuple[str, ...], bool]:
        scores = {"KEY": key, "OTHER": other}
        result = judge_sheet(items, scores, key_indicators=["KEY"], pass_pct=pass_pct)
        return result.key_failing, result.passed

    assert judged(passing, passing, 100) == ((), True)
    assert judged(passing, failing, 100) == ((), False)
    assert judged(passing, failing, 10) == ((), True)
    assert judged(failing, passing, 10) == (("KEY",), False)


def test_a_key_indicator_that_is_not_on_the_sheet_fails() -> None:
    result = judge_sheet(
        [item("OTHER")], {"OTHER": Decimal(100)}, key_indicators=["KEY"], pass_pct=100
    )
    assert (result.key_failing, result.passed) == (("KEY",), False)


def test_items_stand_once_and_scores_belong_to_them() -> None:
    items = [item("FIRST"), item("SECOND")]
    check_items(items)
    check_scores(items, ["SECOND"])
    with pytest.raises(ItemDuplicate) as refused:
        check_items([*items, item("FIRST")])
    assert refused.value.errors[0].field == "items.2.item"
    with pytest.raises(ItemUnknown):
        check_scores(items, ["THIRD"])
