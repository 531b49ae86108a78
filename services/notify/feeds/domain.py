"""What a subscription is, its life (B.9), and whether it is told of an event. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from services.notify.mirror.domain import Change, derived_id, may_hear
from shared.errors import Conflict, FieldError, Invalid
from shared.labels import KINDS
from shared.moves import after
from shared.regions import PLACE_UNITS, ancestors, is_within, region_of, township_of


class Channel(StrEnum):
    """How a subscription's events reach the subscriber."""

    QUEUE = "QUEUE"  # as messages in the organisation's queue
    SSE = "SSE"  # as server-sent events
    WEBHOOK = "WEBHOOK"  # signed, to `target`
    KAFKA = "KAFKA"  # on the organisation's topic


# Kept for the subscriber also while it takes nothing; the others get copies or none.
RECORDING = frozenset({Channel.SSE, Channel.WEBHOOK})


class State(StrEnum):
    """The states of a subscription (B.9). While it is paused or suspended, what a webhook or a
    stream would get is kept for it; queue and topic get no copies."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    SUSPENDED = "SUSPENDED"
    DELETED = "DELETED"


class Reason(StrEnum):
    """Why a subscription is suspended by what happens to itself; its sender knows others."""

    UNTESTED = "UNTESTED"  # no delivery to its target has succeeded yet
    TARGET_LOST = "TARGET_LOST"  # restored from events, which hold neither target nor secret


class Action(StrEnum):
    """What can be done to a subscription."""

    PAUSE = "PAUSE"
    RESUME = "RESUME"
    SUSPEND = "SUSPEND"
    REINSTATE = "REINSTATE"  # after a test delivery has succeeded
    CHANGE = "CHANGE"  # other filters
    RETARGET = "RETARGET"  # a webhook's other URL: to be tested again
    DELETE = "DELETE"


MOVES: Mapping[tuple[State, Action], State] = {
    (State.ACTIVE, Action.PAUSE): State.PAUSED,
    (State.PAUSED, Action.RESUME): State.ACTIVE,
    (State.ACTIVE, Action.SUSPEND): State.SUSPENDED,
    (State.SUSPENDED, Action.REINSTATE): State.ACTIVE,
    (State.ACTIVE, Action.CHANGE): State.ACTIVE,
    (State.PAUSED, Action.CHANGE): State.PAUSED,
    (State.SUSPENDED, Action.CHANGE): State.SUSPENDED,
    (State.ACTIVE, Action.RETARGET): State.SUSPENDED,
    (State.PAUSED, Action.RETARGET): State.SUSPENDED,
    (State.SUSPENDED, Action.RETARGET): State.SUSPENDED,
    (State.ACTIVE, Action.DELETE): State.DELETED,
    (State.PAUSED, Action.DELETE): State.DELETED,
    (State.SUSPENDED, Action.DELETE): State.DELETED,
}


def next_state(state: State, action: Action) -> State:
    """The state after `action`; raises `IllegalMove`."""
    return after(MOVES, state, action)


# What inspection's problems can be; an event of theirs names one of each.
TIERS = ("IMMEDIATE", "GENERAL", "COMPLEX")
SEVERITIES = ("PROMINENT", "GENERAL")
PROBLEM_STATES = (
    *("SUSPECTED", "LOGGED", "DISPATCHED", "ACCEPTED", "DISPUTED", "PLANNED", "RECTIFYING"),
    *("SUBMITTED", "DEPT_VERIFIED", "TOWN_CHECKED", "OFFICE_CHECKED", "CLOSED", "WITHDRAWN"),
)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which events a subscription is about; what is left empty lets everything through."""

    kinds: frozenset[str] = frozenset()
    region_prefix: str | None = None
    tiers: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    event_types: frozenset[str] = frozenset()

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """From what `to_json` made."""
        sets: dict[str, Any] = {
            name: frozenset(value) for name, value in stored.items() if isinstance(value, list)
        }
        return cls(**sets, region_prefix=stored["region_prefix"])

    def to_json(self) -> dict[str, Any]:
        """As JSON, the same for equal filters."""
        return {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class Fact:
    """What an event says as far as filters and sight need it. `leads` led the problem before or
    after it, `partners` took part in it; of a case of accountability, which is no problem and has
    no tier, severity or state, they are those who are told of it in any case."""

    event_id: UUID
    event_type: str
    at: datetime
    problem_id: UUID | None
    kind: str
    tier: str | None
    severity: str | None
    state: str | None
    village_code: str
    leads: frozenset[str]
    partners: frozenset[str] = frozenset()

    @property
    def regions(self) -> set[str]:
        """The regions of all organisations that may be told of it."""
        above = {self.village_code, *ancestors(self.village_code)}
        return above | {region_of(organisation) for organisation in self.leads | self.partners}


def fact_of(change: Change) -> Fact:
    """What an event of a problem says."""
    problem, before = change.problem, change.before
    return Fact(
        event_id=change.event_id,
        event_type=change.event_type,
        at=change.at,
        problem_id=problem.problem_id,
        kind=problem.kind,
        tier=problem.tier,
        severity=problem.severity,
        state=problem.state,
        village_code=problem.village_code,
        leads=frozenset({problem.lead, before.lead} if before else {problem.lead}),
        partners=frozenset({*problem.partners, *(before.partners if before else ())}),
    )


def matches(filters: Filters, fact: Fact) -> bool:
    """Whether every filter lets the event through; one on what the event does not have does not."""
    return (
        (filters.region_prefix is None or is_within(fact.village_code, filters.region_prefix))
        and _passes(filters.kinds, fact.kind)
        and _passes(filters.event_types, fact.event_type)
        and _passes(filters.severities, fact.severity)
        and _passes(filters.tiers, fact.tier)
        and _passes(filters.states, fact.state)
    )


def sees(organisation: str, fact: Fact) -> bool:
    """Whether an organisation may be told of an event (X-05): a unit of a place of everything in
    its region, a line department of what it leads or takes part in. Style and corruption only who
    leads it or watches it (I-13); a case of accountability no township or village."""
    if organisation in fact.leads:
        return True
    if not may_hear(organisation, fact.kind):
        return False
    unit, region = organisation.partition("@")[0], region_of(organisation)
    if unit not in PLACE_UNITS:
        return organisation in fact.partners
    if fact.problem_id is None and township_of(region) is not None:
        return False
    return is_within(fact.village_code, region)


def _passes(wanted: frozenset[str], value: str | None) -> bool:
    return not wanted or value in wanted


# Under it every organisation's mandatory subscription has its id.
_MANDATORY = UUID("6d616e64-6174-8f72-8579-000000000000")


def mandatory_id(organisation: str) -> UUID:
    """The id of the subscription an organisation has from the start: its own lead problems, in its
    queue (N-02)."""
    return derived_id(_MANDATORY, organisation)


class SubscriptionMandatory(Conflict):
    """Nobody can do without the mandatory subscription."""

    code = "SUBSCRIPTION_MANDATORY"
    zh = "本单位牵头问题的订阅为必备订阅，不能修改、暂停或取消。"
    en = "The subscription to one's own lead problems cannot be changed, paused or removed."


class SubscriptionLimit(Conflict):
    """The organisation has as many subscriptions as it may have.

    Members: `limit`.
    """

    code = "SUBSCRIPTION_LIMIT"
    zh = "每个单位最多 {limit} 个订阅，请先取消不用的订阅。"
    en = "An organisation has at most {limit} subscriptions; remove one first."


class FiltersInvalid(Invalid):
    """A filter names what does not exist or lies outside the region."""

    code = "FILTERS_INVALID"
    zh = "订阅条件有误，请按字段提示更正。"
    en = "The filters have fields that must be corrected."


class TargetRequired(Invalid):
    """A webhook needs a target."""

    code = "TARGET_REQUIRED"
    zh = "WEBHOOK 订阅须填写推送地址。"
    en = "A subscription by WEBHOOK needs a target."


class TargetNotChoosable(Invalid):
    """Only a webhook has a target to choose."""

    code = "TARGET_NOT_CHOOSABLE"
    zh = "只有 WEBHOOK 订阅可以填写推送地址。"
    en = "Only a subscription by WEBHOOK has a target to choose."


_UNKNOWN = {
    "kinds": ("KIND_UNKNOWN", "没有这个问题类型。", "There is no such kind of problem."),
    "tiers": ("TIER_UNKNOWN", "没有这个整改难易程度。", "There is no such tier."),
    "severities": ("SEVERITY_UNKNOWN", "没有这个严重程度。", "There is no such severity."),
    "states": ("STATE_UNKNOWN", "没有这个问题状态。", "There is no such state."),
    "event_types": (
        *("EVENT_TYPE_UNKNOWN", "没有这种可订阅的事件。"),
        "There is no such event to subscribe to.",
    ),
}
_OUTSIDE = ("REGION_OUTSIDE", "区划不在本单位范围内。", "The region lies outside one's own.")


def check_filters(filters: Filters, region: str, event_types: Collection[str]) -> None:
    """Raise `FiltersInvalid`, naming each field, unless every filter names something that exists,
    of `event_types` among others, and a place within `region`."""
    known: Mapping[str, Collection[str]] = {
        "kinds": KINDS,
        "tiers": TIERS,
        "severities": SEVERITIES,
        "states": PROBLEM_STATES,
        "event_types": event_types,
    }
    errors = [
        FieldError(f"filters.{name}", *_UNKNOWN[name])
        for name, choice in known.items()
        if not getattr(filters, name) <= set(choice)
    ]
    if filters.region_prefix is not None and not is_within(filters.region_prefix, region):
        errors.append(FieldError("filters.region_prefix", *_OUTSIDE))
    if errors:
        raise FiltersInvalid(errors=errors)
