"""What a problem counts for, how a change of it changes the sums, and the rate (I-54)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class GroupBy(StrEnum):
    """The partitions the figures are offered in."""

    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"
    KIND = "kind"
    LEAD_DEPT = "lead_dept"
    COHORT = "cohort"
    SEVERITY = "severity"
    SOURCE = "source"
    OBJECT_TYPE = "object_type"


class DoneBasis(StrEnum):
    """What counts as done: closed by all four levels, or what the units report."""

    CLOSED = "CLOSED"
    REPORTED = "REPORTED"


class Sensitivity(StrEnum):
    """Whether a kind is shown to everybody or to few (I-13); each class is summed by itself."""

    ORDINARY = "ordinary"
    STYLE = "style"
    CORRUPTION = "corruption"


class Dimensions(NamedTuple):
    """The classes a problem is counted in."""

    campaign_id: UUID | None
    village_code: str
    kind: str
    lead_dept: str
    cohort: str
    severity: str
    source: str
    object_type: str


class Entry(NamedTuple):
    """What one problem counts for at present: found 1, and whether it is reported and closed."""

    dimensions: Dimensions
    reported: bool
    closed: bool


class Delta(NamedTuple):
    """A change of the sums, dated by the day it happened."""

    on_day: date
    dimensions: Dimensions
    found: int
    reported: int
    closed: int


def deltas_between(before: Entry | None, after: Entry | None, on_day: date) -> list[Delta]:
    """What to add to the sums when a problem's entry changes from `before` to `after`."""
    if before is not None and after is not None and before.dimensions == after.dimensions:
        reported = after.reported - before.reported
        closed = after.closed - before.closed
        if not reported and not closed:
            return []
        return [Delta(on_day, after.dimensions, 0, reported, closed)]
    deltas = []
    if before is not None:
        deltas.append(Delta(on_day, before.dimensions, -1, -before.reported, -before.closed))
    if after is not None:
        deltas.append(Delta(on_day, after.dimensions, 1, int(after.reported), int(after.closed)))
    return deltas


@dataclass(frozen=True, slots=True)
class Figures:
    """Found and done of one group; `key` is empty for the whole."""

    key: str
    found: int
    done: int

    @property
    def open(self) -> int:
        """What is not done yet."""
        return self.found - self.done

    @property
    def rate(self) -> Decimal:
        """Done per hundred found, two decimals, half up; 0.00 where nothing was found."""
        if self.found == 0:
            return Decimal("0.00")
        exact = Decimal(100 * self.done) / Decimal(self.found)
        return exact.quantize(Decimal("0.01"), ROUND_HALF_UP)


def whole(groups: Iterable[Figures]) -> Figures:
    """The sum of a partition: by construction the total."""
    listed: Sequence[Figures] = list(groups)
    return Figures("", sum(group.found for group in listed), sum(group.done for group in listed))
