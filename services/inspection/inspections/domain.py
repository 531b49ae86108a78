"""How many inspections a village bears in a rolling window, and what may become of one (I-57)."""

from bisect import bisect_right
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from enum import StrEnum

from shared.errors import Conflict, Forbidden, IllegalMove, Invalid

LONGEST_WINDOW_DAYS = 366


class InspectionState(StrEnum):
    """A cancelled inspection burdens nobody."""

    PLANNED = "PLANNED"
    CANCELLED = "CANCELLED"


class InspectionAction(StrEnum):
    """What can be done to an inspection."""

    CANCEL = "CANCEL"


MOVES: Mapping[InspectionState, Mapping[InspectionAction, InspectionState]] = {
    InspectionState.PLANNED: {InspectionAction.CANCEL: InspectionState.CANCELLED},
    InspectionState.CANCELLED: {},
}


class InspectionBurden(Conflict):
    """The village would have to bear too many inspections.

    Members: `village` with the `dates` already planned in the fullest window, `limit` and
    `window_days` that hold there, and all `villages` concerned.
    """

    code = "INSPECTION_BURDEN"
    zh = "村 {village} 任意{window_days}日内检查不得超过{limit}次；确需安排的由领导小组说明理由。"
    en = (
        "Village {village} may have {limit} inspections in any {window_days} days; beyond that the"
        " leading group must give a reason."
    )


class OverrideForbidden(Forbidden):
    """Only the leading group goes beyond the limit."""

    code = "OVERRIDE_FORBIDDEN"
    zh = "只有领导小组可以说明理由后突破检查次数上限。"
    en = "Only the leading group may go beyond the limit of inspections."


class VillageUnknown(Invalid):
    """There is no such village."""

    code = "VILLAGE_UNKNOWN"
    zh = "没有此村的区划代码。"
    en = "There is no village with this code."


class PeriodInvalid(Invalid):
    """The period ends before it begins."""

    code = "PERIOD_INVALID"
    zh = "结束日期早于开始日期。"
    en = "The period ends before it begins."


def next_state(state: InspectionState, action: InspectionAction) -> InspectionState:
    """Where `action` leads from `state`; raises `IllegalMove`."""
    if action not in MOVES[state]:
        raise IllegalMove(state=state, allowed=MOVES[state])
    return MOVES[state][action]


def crowded_days(
    days: Collection[date], planned_on: date, *, limit: int, window_days: int
) -> list[date]:
    """The days of the fullest window of `window_days` around `planned_on` that already holds
    `limit` inspections of a village, so that one more on `planned_on` is too many; else empty.

    `days` holds a day once for each inspection on it.
    """
    span = timedelta(days=window_days - 1)
    starts = {day for day in days if planned_on - span <= day <= planned_on} | {planned_on}
    windows = ([day for day in sorted(days) if first <= day <= first + span] for first in starts)
    fullest = max(windows, key=lambda window: (len(window), window))
    return fullest if len(fullest) >= limit else []


def count_over(days: Collection[date], since: date, *, limit: int, window_days: int) -> int:
    """How many of a village's inspections on or after `since` were more than `limit` in the
    `window_days` that end with them."""
    ordered = sorted(days)
    before = timedelta(days=window_days)
    return sum(
        day >= since and place + 1 - bisect_right(ordered, day - before) > limit
        for place, day in enumerate(ordered)
    )
