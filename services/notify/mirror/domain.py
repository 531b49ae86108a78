"""A problem as notify knows it, what changed with an event, and the names used in texts. Pure."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

STYLE = "STYLE"
CORRUPTION_PREFIX = "CORRUPTION_"
_STYLE_UNITS = frozenset({"POV", "LG", "DISC"})


class Phase(StrEnum):
    """What the states of a problem (B.6) mean to those who are told of it."""

    AHEAD = "AHEAD"  # not dispatched yet
    OPEN = "OPEN"  # somebody has to work on it
    SUBMITTED = "SUBMITTED"  # reported done, under verification
    ENDED = "ENDED"  # closed or withdrawn


_PHASES = {
    "SUSPECTED": Phase.AHEAD,
    "LOGGED": Phase.AHEAD,
    "SUBMITTED": Phase.SUBMITTED,
    "DEPT_VERIFIED": Phase.SUBMITTED,
    "TOWN_CHECKED": Phase.SUBMITTED,
    "OFFICE_CHECKED": Phase.SUBMITTED,
    "CLOSED": Phase.ENDED,
    "WITHDRAWN": Phase.ENDED,
}


def phase_of(state: str) -> Phase:
    """The phase of a problem's state."""
    return _PHASES.get(state, Phase.OPEN)


@dataclass(frozen=True, slots=True)
class Problem:
    """What notify keeps of a problem; `lead` is the lead department's organisation."""

    problem_id: UUID
    problem_no: str
    kind: str
    tier: str
    severity: str
    state: str
    lead: str
    partners: tuple[str, ...]
    village_code: str
    due_on: date | None
    dispatched: bool

    @property
    def is_awaited(self) -> bool:
        """Whether somebody is to be reminded of its deadline."""
        return _is_awaited(self.dispatched, self.due_on, self.state)


@dataclass(frozen=True, slots=True)
class Before:
    """What a problem was before an event, as far as it decides whom to tell."""

    lead: str
    partners: tuple[str, ...]
    tier: str
    state: str
    due_on: date | None
    dispatched: bool

    @property
    def is_awaited(self) -> bool:
        """Whether somebody was to be reminded of its deadline."""
        return _is_awaited(self.dispatched, self.due_on, self.state)


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a problem, its `version`-th: what happened (`dispatched`), and the problem after
    and before it.

    `data` is the event's data as JSON; `level` is set for an escalation (N-04), `verifier` where
    an organisation is to verify a rectification (I-40).
    """

    happened: str
    event_id: UUID
    event_type: str
    at: datetime
    data: str
    problem: Problem
    before: Before | None
    version: int
    level: int | None = None
    verifier: str | None = None

    @property
    def is_rerouted(self) -> bool:
        """Whether a dispatched problem has got another lead department (N-05)."""
        return (
            self.before is not None
            and self.before.dispatched
            and self.before.lead != self.problem.lead
        )


def _is_awaited(dispatched: bool, due_on: date | None, state: str) -> bool:
    return dispatched and due_on is not None and phase_of(state) is Phase.OPEN


def organisation_of(department: str, region: str) -> str:
    """The organisation of a department in a county: `HOUS` and 511132… make `HOUS@511132`.

    What is an organisation already stays as it is.
    """
    return department if "@" in department else f"{department}@{region[:6]}"


def township_organisation(village_code: str) -> str | None:
    """The organisation of the township a place lies in, None above township level."""
    return f"TOWN@{village_code[:9]}" if len(village_code) >= 9 else None


def is_corruption(kind: str) -> bool:
    """Whether a kind is one of the discipline commission alone."""
    return kind.startswith(CORRUPTION_PREFIX)


def may_hear(organisation: str, kind: str) -> bool:
    """Whether an organisation that does not lead a problem may hear of its kind: of style only who
    watches it, of corruption the discipline commission alone (I-13)."""
    unit = organisation.partition("@")[0]
    if is_corruption(kind):
        return unit == "DISC"
    return kind != STYLE or unit in _STYLE_UNITS


def derived_id(origin: UUID, *names: object) -> UUID:
    """The id that `names` always have under `origin`: it begins with the origin's time, so that
    ids made together lie together, and a rebuilt store gives everything the id it had (UUIDv8)."""
    digest = sha256("|".join([str(origin), *map(str, names)]).encode()).digest()
    value = int.from_bytes(origin.bytes[:6] + digest[:10])
    value = (value & ~(0xF << 76)) | (0x8 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)


# 桐花村村民委员会, 东风村委会, 城南社区居民委员会: the official list names the committees.
_COMMITTEE = re.compile(r"(?P<kind>村|社区)(?:村民|村|民|居民|居)?委员?会$")


def short_place(name: str) -> str:
    """A place's full name without the words for its villagers' committee: 桐花村, 城南社区."""
    return _COMMITTEE.sub(lambda found: found["kind"], name)
