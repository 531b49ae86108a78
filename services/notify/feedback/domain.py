"""The states of an answer to a petitioner, and what it says (N-10). Pure."""

from collections.abc import Mapping
from enum import StrEnum

from shared.moves import after


class Result(StrEnum):
    """What came of a petition."""

    RESOLVED = "RESOLVED"
    EXPLAINED = "EXPLAINED"
    TRANSFERRED = "TRANSFERRED"
    NOT_SUPPORTED = "NOT_SUPPORTED"
    IN_PROGRESS = "IN_PROGRESS"


class State(StrEnum):
    """The states of an answer."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class Action(StrEnum):
    """What happens to an answer."""

    DELIVER = "DELIVER"
    FAIL = "FAIL"


MOVES: Mapping[tuple[State, Action], State] = {
    (State.PENDING, Action.DELIVER): State.DELIVERED,
    (State.PENDING, Action.FAIL): State.FAILED,
}
_RESULTS: Mapping[Result, str] = {
    Result.RESOLVED: "已办结",
    Result.EXPLAINED: "已核实并作出说明",
    Result.TRANSFERRED: "已转送有权处理的单位",
    Result.NOT_SUPPORTED: "经核实不符合政策规定",
    Result.IN_PROGRESS: "仍在办理",
}
TEMPLATE = "FEEDBACK"


def next_state(state: State, action: Action) -> State:
    """The state after `action`; raises `IllegalMove`."""
    return after(MOVES, state, action)


def content_of(petition_no: str, result: Result, note: str, office: str) -> dict[str, str]:
    """What a petitioner is told: a title, a text, and the variables of a registered text."""
    said = _RESULTS[result]
    return {
        "template": TEMPLATE,
        "title": "信访事项办理结果",
        "text": f"您反映的事项（编号{petition_no}）{said}。{note}{office}",
        "petition_no": petition_no,
        "result": said,
        "note": note,
        "office": office,
    }
