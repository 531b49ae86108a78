"""The tree of a feedback: feedback, aspects, items, problems; what closes an item (I-05)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.errors import Conflict, Forbidden, Invalid
from shared.regions import Level, level_of


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """One item as received, and the departments it names."""

    no: int
    text: str
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedAspect:
    """One aspect as received."""

    no: int
    title: str
    items: tuple[PlannedItem, ...]


class ItemState(StrEnum):
    """Whether everything behind an item is put right."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Count:
    """How many problems there are, withdrawn ones left out, and how many of them are closed."""

    problems: int = 0
    closed: int = 0

    @property
    def open(self) -> int:
        """How many are not closed."""
        return self.problems - self.closed

    @property
    def state(self) -> ItemState:
        """An item without a problem is open, for nobody has looked behind it yet (I-05)."""
        done = self.problems > 0 and self.closed == self.problems
        return ItemState.CLOSED if done else ItemState.OPEN


@dataclass(frozen=True, slots=True)
class Item:
    """An item as a caller sees it: `seen` counts the caller's own problems, `state` is judged by
    everybody's, but for the kinds hidden from the caller (I-13)."""

    id: UUID
    feedback_id: UUID
    aspect_no: int
    no: int
    text: str
    units: tuple[str, ...]
    claimed_by: tuple[str, ...]
    seen: Count
    state: ItemState

    @property
    def awaited(self) -> tuple[str, ...]:
        """The departments it names that have not claimed it."""
        return tuple(unit for unit in self.units if unit not in self.claimed_by)


@dataclass(frozen=True, slots=True)
class Totals:
    """Figures of a feedback or an aspect; `units` counts the departments named or having
    claimed, each once."""

    aspects: int
    items: int
    units: int
    claimed_units: int
    claimed_items: int
    closed_items: int
    problems: int
    closed: int
    open: int


def totals_of(items: Sequence[Item]) -> Totals:
    """The figures of all `items` together."""
    claiming = _distinct(item.claimed_by for item in items)
    return Totals(
        aspects=len({item.aspect_no for item in items}),
        items=len(items),
        units=len(claiming | _distinct(item.units for item in items)),
        claimed_units=len(claiming),
        claimed_items=sum(bool(item.claimed_by) for item in items),
        closed_items=sum(item.state is ItemState.CLOSED for item in items),
        problems=sum(item.seen.problems for item in items),
        closed=sum(item.seen.closed for item in items),
        open=sum(item.seen.open for item in items),
    )


def _distinct(groups: Iterable[tuple[str, ...]]) -> set[str]:
    return {unit for group in groups for unit in group}


class NumberRepeated(Invalid):
    """Aspects, and the items of an aspect, are numbered once each."""

    code = "NUMBER_REPEATED"
    zh = "序号重复：各方面之间、同一方面的各条之间不得重号。"
    en = "No two aspects, and no two items of an aspect, have the same number."


class CountyRequired(Invalid):
    """Feedback is broken down in a county."""

    code = "COUNTY_REQUIRED"
    zh = "反馈意见由县认领，须填 6 位县级区划代码。"
    en = "Feedback is claimed by the units of one county: its code has 6 digits."


class ReceivedInFuture(Invalid):
    """Feedback cannot have been received in the future."""

    code = "RECEIVED_IN_FUTURE"
    zh = "收到日期不得晚于今天。"
    en = "The day of receipt must not lie in the future."


class NotOfTheCounty(Forbidden):
    """Only the county's own departments claim items."""

    code = "NOT_OF_THE_COUNTY"
    zh = "只有本县的部门可以认领。"
    en = "Only a department of the county itself can claim an item."


class OutsideFeedback(Invalid):
    """A problem of another county does not belong to this feedback."""

    code = "OUTSIDE_FEEDBACK"
    zh = "问题不在该反馈意见所在的县。"
    en = "The problem does not lie in the county of this feedback."


class LinkedElsewhere(Conflict):
    """A problem belongs to one item of a feedback at most.

    Member: `problem_ids`, those that belong to another one.
    """

    code = "LINKED_ELSEWHERE"
    zh = "所列问题中有的已归入该反馈意见的其他条目，请先移出。"
    en = "Some of the problems belong to other items of this feedback; take them out first."


def check_feedback(region_code: str, aspects: Sequence[PlannedAspect]) -> None:
    """Raise `CountyRequired` or `NumberRepeated`."""
    if level_of(region_code) is not Level.COUNTY:
        raise CountyRequired.about("region_code")
    repeated = [
        *(f"aspects.{place}.no" for place in _repeats([aspect.no for aspect in aspects])),
        *(
            f"aspects.{outer}.items.{inner}.no"
            for outer, aspect in enumerate(aspects)
            for inner in _repeats([item.no for item in aspect.items])
        ),
    ]
    if repeated:
        raise NumberRepeated.about(*repeated)


def _repeats(numbers: Sequence[int]) -> list[int]:
    """The places of numbers that stood before."""
    first = {number: place for place, number in reversed(list(enumerate(numbers)))}
    return [place for place, number in enumerate(numbers) if first[number] != place]
