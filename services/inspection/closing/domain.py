"""What refuses a verification, and how much of a township's problems the office checks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

from services.inspection.problems.domain.findings import EvidenceRequired
from services.inspection.problems.domain.levels import Body, Path
from services.inspection.problems.domain.states import (
    VERIFIERS,
    VERIFY,
    State,
    next_body,
    next_state,
)
from shared.errors import Conflict, Forbidden, IllegalMove, Invalid


class Result(StrEnum):
    """What a body found."""

    PASS = "PASS"  # noqa: S105 - a verdict
    FAIL = "FAIL"


class BatchState(StrEnum):
    """Where a spot check stands."""

    OPEN = "OPEN"
    PASSED = "PASSED"  # the sample had no failure: the rest passed with it
    RETURNED = "RETURNED"  # one failed: all were returned


def settled(state: BatchState, *, failed: bool) -> BatchState:
    """The state of a spot check whose sample is decided; raises `IllegalMove` the second time."""
    if state is not BatchState.OPEN:
        raise IllegalMove(state=state, allowed=())
    return BatchState.RETURNED if failed else BatchState.PASSED


class CloseOrder(Conflict):
    """The levels of closing come in their order.

    Members: `level` asked for, `expected` the level whose turn it is.
    """

    code = "CLOSE_ORDER"
    zh = "销号须逐级进行：现应由第{expected}级核查，不能进行第{level}级。"
    en = "Level {expected} is next, not level {level}."


class SameVerifier(Conflict):
    """One person verifies at one level only."""

    code = "SAME_VERIFIER"
    zh = "同一人不得在两级核查中签认同一问题。"
    en = "The same person may not verify a problem at two levels."


class ReasonRequired(Invalid):
    """A failure is given a reason."""

    code = "REASON_REQUIRED"
    zh = "核查不通过须说明理由。"
    en = "A failure needs a reason."


class FalseWithPass(Invalid):
    """A report that is false does not pass."""

    code = "FALSE_WITH_PASS"
    zh = "认定虚假整改时，核查结果不能为通过。"
    en = "A report found to be false cannot pass."


class MechanismRequired(Conflict):
    """A systemic problem closes with a standing mechanism only."""

    code = "MECHANISM_REQUIRED"
    zh = "共性问题须由领导小组记录长效机制后方可销号。"
    en = "The leading group records the standing mechanism before a systemic problem is closed."


class SpotCheckOpen(Conflict):
    """The spot check the problem belongs to is not settled yet."""

    code = "SPOT_CHECK_OPEN"
    zh = "该问题所在抽查批次尚未完成。"
    en = "The spot check it belongs to is not settled yet."


class SpotCheckEmpty(Conflict):
    """No problem waits for the office's spot check."""

    code = "SPOT_CHECK_EMPTY"
    zh = "该乡镇该部门没有待抽查的问题。"
    en = "No problem of this department in this township waits for a spot check."


class NotSystemic(Conflict):
    """Only systemic problems have a standing mechanism."""

    code = "NOT_SYSTEMIC"
    zh = "只有共性问题需要记录长效机制。"
    en = "Only systemic problems have a standing mechanism."


class TwinOpen(Conflict):
    """A newer problem of the same object and kind is open.

    Members: `problem_id`, the open one.
    """

    code = "TWIN_OPEN"
    zh = "同一对象的同类问题已另行登记且尚未销号，请在该问题上处理。"
    en = "A newer problem of the same object and kind is open; work on that one."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a body found at a level (from 1), why, and what proves it; `false`: the report was
    untrue (I-43)."""

    level: int
    result: Result
    false: bool = False
    text: str | None = None
    evidence: tuple[dict[str, Any], ...] = ()


def check_turn(order: Path, path: Path, state: State, level: int) -> Body:
    """Whose turn `level` is; raises `IllegalMove` for a problem that is not under verification and
    `CloseOrder` for a level that is not next (I-40)."""
    body = order[level - 1]
    expected = next_body(state, path)
    if expected is None:
        next_state(state, VERIFY[body], path)  # raises
    elif expected is not body:
        raise CloseOrder(level=level, expected=order.index(expected) + 1)
    return body


def check_body(body: Body, *, unit: str, roles: Iterable[str], lead_dept: str) -> None:
    """Raise `Forbidden` unless somebody of `unit` in `roles` verifies for `body`; whether the
    place is theirs has been seen already."""
    units = {
        Body.DEPARTMENT: lead_dept,
        Body.TOWNSHIP: "TOWN",
        Body.OFFICE: "POV",
        Body.GROUP: "LG",
    }
    if unit != units[body] or set(VERIFIERS[body]).isdisjoint(roles):
        raise Forbidden


def check_verdict(verdict: Verdict) -> None:
    """Raise what is wrong with a verdict by itself: a failure needs a reason and evidence."""
    if verdict.result is Result.PASS:
        if verdict.false:
            raise FalseWithPass.about("false")
        return
    if not verdict.text:
        raise ReasonRequired.about("text")
    if not verdict.evidence:
        raise EvidenceRequired.about("evidence")


def sample_size(problems: int, share_pct: Decimal) -> int:
    """How many of a department's problems in a township are checked: the share, rounded up, and at
    least one (I-41)."""
    share = Decimal(problems) * share_pct / 100
    return max(1, min(problems, int(share.to_integral_value(ROUND_CEILING))))


def draw(seed: str, problem_ids: Sequence[UUID], size: int) -> set[UUID]:
    """The sample: reproducible from the seed, whatever the order of the ids."""

    def lot(problem_id: UUID) -> bytes:
        return sha256(f"{seed}|{problem_id}".encode()).digest()

    return set(sorted(problem_ids, key=lot)[:size])
