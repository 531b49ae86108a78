"""The life of a broadcast, its wording, and by when it is to be read (N-09). Pure."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from shared.errors import Invalid
from shared.moves import after


class State(StrEnum):
    """The states of a broadcast."""

    ISSUED = "ISSUED"
    WITHDRAWN = "WITHDRAWN"


class Action(StrEnum):
    """What can be done to a broadcast."""

    READ = "READ"
    WITHDRAW = "WITHDRAW"


MOVES: Mapping[tuple[State, Action], State] = {
    (State.ISSUED, Action.READ): State.ISSUED,
    (State.ISSUED, Action.WITHDRAW): State.WITHDRAWN,
}


def next_state(state: State, action: Action) -> State:
    """The state after `action`; raises `IllegalMove`."""
    return after(MOVES, state, action)


class ReadByPast(Invalid):
    """A broadcast is to be read by today or later."""

    code = "READ_BY_PAST"
    zh = "阅读期限不得早于今天。"
    en = "The day by which it is to be read must not lie in the past."


class NoRecipients(Invalid):
    """Nobody of the contact book is addressed."""

    code = "NO_RECIPIENTS"
    zh = "通讯录中该区域没有所选角色的人员，请先登记联系人。"
    en = "The contact book knows nobody with these roles in the region."


class BroadcastTooWide(Invalid):
    """One broadcast reaches so many organisations at most."""

    code = "BROADCAST_TOO_WIDE"
    zh = "一次通知涉及的单位不得超过5000个，请按区域分别发送。"
    en = "One broadcast reaches 5,000 organisations at most; send it region by region."


# All of them are named in one event, and an event has a limit.
ORGANISATIONS_LIMIT = 5_000


def check_reach(organisations: int) -> None:
    """Raise `NoRecipients` or `BroadcastTooWide`."""
    if not organisations:
        raise NoRecipients.about("roles")
    if organisations > ORGANISATIONS_LIMIT:
        raise BroadcastTooWide.about("region_code")


def check_read_by(read_by: date, today: date) -> None:
    """Raise `ReadByPast`."""
    if read_by < today:
        raise ReadByPast.about("read_by")
