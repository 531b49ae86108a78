"""What an allocation is and how it moves (B.5)."""

from datetime import date
from enum import StrEnum

from shared.errors import Conflict, FieldError, Invalid
from shared.moves import after


class Source(StrEnum):
    """Whose money it is (C.5)."""

    CENTRAL = "CENTRAL"
    PROVINCE = "PROVINCE"
    CITY = "CITY"
    COUNTY = "COUNTY"
    EAST_WEST = "EAST_WEST"
    DESIGNATED = "DESIGNATED"
    SOCIAL = "SOCIAL"
    LOAN = "LOAN"


class Task(StrEnum):
    """The task the money is bound to (C.5)."""

    CONSOLIDATE = "CONSOLIDATE"
    ETHNIC = "ETHNIC"
    WORK_RELIEF = "WORK_RELIEF"
    STATE_FARM = "STATE_FARM"
    STATE_FOREST = "STATE_FOREST"
    SANXI = "SANXI"


class Channel(StrEnum):
    """Where the result was made public (F-22)."""

    WEBSITE = "WEBSITE"
    BULLETIN_BOARD = "BULLETIN_BOARD"
    MEETING = "MEETING"


class State(StrEnum):
    """How far an allocation is."""

    RECEIVED = "RECEIVED"  # the document came in
    PUBLISHED = "PUBLISHED"  # everyone can read it: from here on it may be spent
    OPEN = "OPEN"  # a project draws on it
    EXHAUSTED = "EXHAUSTED"  # nothing is left
    CLOSED = "CLOSED"  # the year ended with something left


class Action(StrEnum):
    """What can be done to an allocation."""

    PUBLISH = "PUBLISH"
    OPEN = "OPEN"
    EXHAUST = "EXHAUST"
    CLOSE = "CLOSE"


MOVES: dict[tuple[State, Action], State] = {
    (State.RECEIVED, Action.PUBLISH): State.PUBLISHED,
    (State.PUBLISHED, Action.OPEN): State.OPEN,
    (State.OPEN, Action.EXHAUST): State.EXHAUSTED,
    (State.OPEN, Action.CLOSE): State.CLOSED,
}


def next_state(state: State, action: Action) -> State:
    """The state after `action`; raises `IllegalMove` where B.5 has no such move."""
    return after(MOVES, state, action)


class AllocationDuplicate(Conflict):
    """This line of this document is on record already.

    Members: `allocation_id`, the one on record.
    """

    code = "ALLOCATION_DUPLICATE"
    zh = "该文号下地区、年度、来源、任务和金额相同的资金已登记，请勿重复录入。"
    en = "This document's sum for the region, year, source and task is on record already."


class PublishedBeforeReceived(Invalid):
    """It cannot have been made public before it came in."""

    code = "PUBLISHED_BEFORE_RECEIVED"
    zh = "公开日期不得早于收到日期。"
    en = "The date of publication must not lie before the date of receipt."


def check_publication(received_on: date, published_on: date) -> None:
    """Raise `PublishedBeforeReceived` where the dates contradict each other (F-22)."""
    if published_on < received_on:
        raise PublishedBeforeReceived(
            errors=[
                FieldError(
                    "on",
                    PublishedBeforeReceived.code,
                    PublishedBeforeReceived.zh,
                    PublishedBeforeReceived.en,
                )
            ]
        )
