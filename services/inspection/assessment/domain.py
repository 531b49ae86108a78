"""The self-check of an assessment sheet: always against the strictest rule, 就高不就低 (I-59)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.errors import Invalid


class Area(StrEnum):
    """The two parts of a sheet."""

    PROCESS = "PROCESS"  # 过程考核
    RESULT = "RESULT"  # 结果考核


class Content(StrEnum):
    """What is assessed: three contents of the process, four of the result."""

    ORGANISATION = "ORGANISATION"  # 组织领导
    RECTIFICATION = "RECTIFICATION"  # 督查暗访问题整改落实
    DAILY_WORK = "DAILY_WORK"  # 日常工作推进
    REDUCTION = "REDUCTION"  # 减贫成效
    IDENTIFICATION = "IDENTIFICATION"  # 精准识别
    HELP = "HELP"  # 精准帮扶
    FUNDS = "FUNDS"  # 扶贫资金

    @property
    def area(self) -> Area:
        """The part it belongs to."""
        return Area.PROCESS if self in _PROCESS else Area.RESULT


_PROCESS = frozenset({Content.ORGANISATION, Content.RECTIFICATION, Content.DAILY_WORK})


class Authority(StrEnum):
    """Who set a standard, the highest first."""

    NATIONAL = "NATIONAL"  # 国定
    PROVINCE = "PROVINCE"  # 省定
    CITY = "CITY"  # 市定
    COUNTY = "COUNTY"  # 县定


class Direction(StrEnum):
    """Whether a score must reach a threshold or must not pass it."""

    AT_LEAST = "AT_LEAST"  # 不低于
    AT_MOST = "AT_MOST"  # 不高于


_TEXTS: Mapping[StrEnum, str] = {
    Authority.NATIONAL: "国定",
    Authority.PROVINCE: "省定",
    Authority.CITY: "市定",
    Authority.COUNTY: "县定",
    Direction.AT_LEAST: "不低于",
    Direction.AT_MOST: "不高于",
}


class ItemDuplicate(Invalid):
    """An item stands on the sheet twice."""

    code = "ITEM_DUPLICATE"
    zh = "考核项目重复。"
    en = "An item stands on the sheet twice."


class ItemUnknown(Invalid):
    """The sheet has no such item."""

    code = "ITEM_UNKNOWN"
    zh = "考核表中没有此项目。"
    en = "The sheet has no such item."


@dataclass(frozen=True, slots=True)
class Item:
    """An item with its points and the thresholds that apply to it, in the unit of its score."""

    item: str
    title: str
    content: Content
    weight: Decimal
    direction: Direction
    standards: Mapping[Authority, Decimal]


@dataclass(frozen=True, slots=True)
class ItemResult:
    """An item judged: the rule used and why, and the points earned. `passed` is None while there is
    no score."""

    item: Item
    score: Decimal | None
    authority: Authority
    threshold: Decimal
    why: str
    passed: bool | None

    @property
    def points(self) -> Decimal:
        """The item's full weight once it passes, else nothing."""
        return self.item.weight if self.passed else Decimal(0)


@dataclass(frozen=True, slots=True)
class Total:
    """Points that can be earned and that are, of a part or of the whole."""

    weight: Decimal
    points: Decimal


@dataclass(frozen=True, slots=True)
class SheetResult:
    """A sheet judged. `key_failing` are the key indicators that did not pass or are not on it."""

    items: tuple[ItemResult, ...]
    total: Total
    parts: Mapping[Area, Total]
    key_failing: tuple[str, ...]
    passed: bool


def check_items(items: Sequence[Item]) -> None:
    """Raise `ItemDuplicate`."""
    seen: set[str] = set()
    for place, item in enumerate(items):
        if item.item in seen:
            raise ItemDuplicate.about(f"items.{place}.item")
        seen.add(item.item)


def check_scores(items: Sequence[Item], scores: Collection[str]) -> None:
    """Raise `ItemUnknown` for a score of no item."""
    known = {item.item for item in items}
    for scored in scores:
        if scored not in known:
            raise ItemUnknown.about("scores")


def judge_item(item: Item, score: Decimal | None) -> ItemResult:
    """An item against the strictest of its standards: the highest threshold where a score must
    reach it, the lowest where it must not pass it (I-59). Of equal ones the highest authority's."""
    thresholds = item.standards.values()
    at_least = item.direction is Direction.AT_LEAST
    threshold = max(thresholds) if at_least else min(thresholds)
    authority = next(one for one in Authority if item.standards.get(one) == threshold)
    passed = None
    if score is not None:
        passed = score >= threshold if at_least else score <= threshold
    return ItemResult(item, score, authority, threshold, _why(item, authority), passed)


def judge_sheet(
    items: Sequence[Item],
    scores: Mapping[str, Decimal],
    *,
    key_indicators: Sequence[str],
    pass_pct: int,
) -> SheetResult:
    """A sheet with its totals. It passes with `pass_pct` per cent of its points and every key
    indicator on it passed; an item without a score earns nothing."""
    results = tuple(judge_item(item, scores.get(item.item)) for item in items)
    passed = {result.item.item for result in results if result.passed}
    key_failing = tuple(key for key in key_indicators if key not in passed)
    total = _total(results)
    return SheetResult(
        items=results,
        total=total,
        parts={
            area: _total([one for one in results if one.item.content.area is area]) for area in Area
        },
        key_failing=key_failing,
        passed=not key_failing and total.points * 100 >= total.weight * pass_pct,
    )


def _total(results: Sequence[ItemResult]) -> Total:
    return Total(
        sum((result.item.weight for result in results), Decimal(0)),
        sum((result.points for result in results), Decimal(0)),
    )


def _why(item: Item, authority: Authority) -> str:
    direction = _TEXTS[item.direction]
    applicable = "、".join(
        f"{_TEXTS[one]}{direction}{item.standards[one]:f}"
        for one in Authority
        if one in item.standards
    )
    return f"适用标准：{applicable}；就高不就低，按{_TEXTS[authority]}标准自查"
