"""Types, stages and moves of campaigns (B.7), and what a problem must satisfy to belong to one."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from services.inspection.deadlines.domain import DeadlinePolicy
from shared.errors import Conflict, IllegalMove, Invalid
from shared.regions import county_of, is_within


class CampaignType(StrEnum):
    """What kind of drive it is."""

    LOOK_BACK = "LOOK_BACK"  # "回头看"
    INSPECTION_FEEDBACK = "INSPECTION_FEEDBACK"  # 巡视考核反馈整改
    SELF_ACCEPTANCE = "SELF_ACCEPTANCE"  # 自查验收


class CampaignState(StrEnum):
    """DRAFT when created, then the stages of its type, then CLOSED."""

    DRAFT = "DRAFT"
    PREPARE = "PREPARE"
    SELF_CHECK = "SELF_CHECK"
    CROSS_CHECK = "CROSS_CHECK"
    RECTIFY = "RECTIFY"
    SAMPLE_SUMMARY = "SAMPLE_SUMMARY"
    SUMMARY = "SUMMARY"
    CLOSED = "CLOSED"


_SHORT = (CampaignState.PREPARE, CampaignState.RECTIFY, CampaignState.SUMMARY)
STAGES: Mapping[CampaignType, tuple[CampaignState, ...]] = {
    CampaignType.LOOK_BACK: (
        CampaignState.PREPARE,
        CampaignState.SELF_CHECK,
        CampaignState.CROSS_CHECK,
        CampaignState.RECTIFY,
        CampaignState.SAMPLE_SUMMARY,
    ),
    CampaignType.INSPECTION_FEEDBACK: _SHORT,
    CampaignType.SELF_ACCEPTANCE: _SHORT,
}


class Content(StrEnum):
    """What a look-back looks at (I-53)."""

    COUNTY_RESULTS = "COUNTY_RESULTS"  # 县级脱贫成效
    VILLAGE_EXIT = "VILLAGE_EXIT"  # 贫困村退出
    HOUSEHOLD_EXIT = "HOUSEHOLD_EXIT"  # 贫困户脱贫
    OTHER_OBJECTS = "OTHER_OBJECTS"  # 其他对象


class Action(StrEnum):
    """What can be done to a campaign."""

    ADVANCE = "ADVANCE"
    OVERRIDE = "OVERRIDE"  # advance although the stage is not done
    CHECK = "CHECK"
    SUBMIT_DUTY = "SUBMIT_DUTY"
    CONFIRM_LEDGER = "CONFIRM_LEDGER"
    DRAW_SAMPLE = "DRAW_SAMPLE"
    DRAFT_REPORT = "DRAFT_REPORT"
    SIGN_REPORT = "SIGN_REPORT"
    SEND_REPORT = "SEND_REPORT"


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table: who may take `action` in the states `sources`, and whether it leads to
    the next stage of the campaign's type."""

    sources: frozenset[CampaignState]
    action: Action
    who: tuple[str, ...]
    advances: bool = False


def _move(
    sources: Iterable[CampaignState], action: Action, *who: str, advances: bool = False
) -> Move:
    return Move(frozenset(sources), action, who, advances)


_NOT_CLOSED = frozenset(CampaignState) - {CampaignState.CLOSED}
_RUNNING = _NOT_CLOSED - {CampaignState.DRAFT}
_COVERED = frozenset({CampaignState.SELF_CHECK, CampaignState.CROSS_CHECK})
_LAST = frozenset(stages[-1] for stages in STAGES.values())

# B.7. "who" holds role names. A report that is not signed cannot be overridden (I-47).
MOVES: tuple[Move, ...] = (
    _move(_NOT_CLOSED, Action.ADVANCE, "poverty_office", advances=True),
    _move(_COVERED | {CampaignState.RECTIFY}, Action.OVERRIDE, "leading_group", advances=True),
    _move(
        _COVERED,
        Action.CHECK,
        *("inspector", "helper", "resident_team", "village_cadre", "township_reviewer"),
        *("dept_handler", "dept_head", "poverty_office", "leading_group"),
    ),
    _move(_RUNNING, Action.SUBMIT_DUTY, "dept_head", "poverty_office"),
    _move(_RUNNING, Action.CONFIRM_LEDGER, "dept_head", "poverty_office", "discipline"),
    _move(_NOT_CLOSED, Action.DRAW_SAMPLE, "inspector", "poverty_office", "leading_group"),
    _move(_LAST, Action.DRAFT_REPORT, "poverty_office"),
    _move(_LAST, Action.SIGN_REPORT, "leading_group", "county_gov"),
    _move(_LAST | {CampaignState.CLOSED}, Action.SEND_REPORT, "poverty_office"),
)

_TABLE: Mapping[tuple[CampaignState, Action], Move] = {
    (source, move.action): move for move in MOVES for source in move.sources
}
WHO: Mapping[Action, tuple[str, ...]] = {move.action: move.who for move in MOVES}


def next_state(kind: CampaignType, state: CampaignState, action: Action) -> CampaignState:
    """The state after `action`; raises `IllegalMove` naming the actions that `state` allows."""
    move = _TABLE.get((state, action))
    if move is None:
        raise IllegalMove(state=state, allowed=allowed_actions(state))
    if not move.advances:
        return state
    course = (CampaignState.DRAFT, *STAGES[kind], CampaignState.CLOSED)
    return course[course.index(state) + 1]


def allowed_actions(state: CampaignState) -> frozenset[Action]:
    """The actions possible in `state`."""
    return frozenset(action for source, action in _TABLE if source is state)


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One planned stage; dates are inclusive."""

    stage: CampaignState
    start: date
    end: date


class StagesInvalid(Invalid):
    """The stages do not fit the campaign's type or each other."""

    code = "STAGES_INVALID"
    zh = "阶段须属于该类行动、按顺序排列、各出现一次，且起止日期先后有序。"
    en = "Stages belong to the campaign's type, come once, in order, with dates in order."


class CampaignClosed(Conflict):
    """A closed campaign takes no new problems."""

    code = "CAMPAIGN_CLOSED"
    zh = "该行动已结束，不再接收新问题。"
    en = "A closed campaign takes no new problems."


class OutsideCampaign(Invalid):
    """The place lies outside the campaign's region."""

    code = "OUTSIDE_CAMPAIGN"
    zh = "所填区划不在该行动范围内。"
    en = "The place lies outside the campaign's region."


class CampaignUnknown(Invalid):
    """There is no such campaign in the caller's scope."""

    code = "CAMPAIGN_UNKNOWN"
    zh = "没有此行动，或不在您的权限范围内。"
    en = "There is no such campaign within your scope."


@dataclass(frozen=True, slots=True)
class CampaignTerms:
    """What logging needs to know of a campaign, as of its `version`. `self_check_until` is the last
    day on which a problem reported by oneself brings no accountability (I-45)."""

    id: UUID
    version: int
    type: str
    region_code: str
    state: str
    self_check_until: date | None
    policy: DeadlinePolicy | None

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self.state == CampaignState.CLOSED


class VillageOutsideSelfCheck(Conflict):
    """A village reports to a look-back only in its self-check.

    Member: `stage`, the present one.
    """

    code = "VILLAGE_OUTSIDE_SELF_CHECK"
    zh = "“回头看”行动中，村级只能在自查阶段报送，现在不是自查阶段。"
    en = "In a look-back a village reports only in the stage SELF_CHECK; it is now in {stage}."


class OwnTownship(Conflict):
    """A cross-check is done by people of another township."""

    code = "OWN_TOWNSHIP"
    zh = "交叉排查阶段不得排查本乡镇。"
    en = "In the stage CROSS_CHECK nobody checks the own township."


# Whoever holds one of these acts for more than a village, whatever else they are.
_BEYOND_VILLAGE = frozenset(
    {"inspector", "poverty_office", "leading_group", "discipline", "ops", "dept_handler"}
    | {"dept_head", "township_reviewer"}
)


def check_stage(
    terms: CampaignTerms,
    actor_unit: str,
    roles: Collection[str],
    actor_region: str,
    village_code: str,
) -> None:
    """Raise unless the stage lets this caller report about `village_code` (I-50): villages only in
    a look-back's SELF_CHECK, in its CROSS_CHECK no township about itself."""
    if terms.type != CampaignType.LOOK_BACK:
        return
    of_village = actor_unit == "VILLAGE" or (
        "village_cadre" in roles and _BEYOND_VILLAGE.isdisjoint(roles)
    )
    if of_village and terms.state != CampaignState.SELF_CHECK:
        raise VillageOutsideSelfCheck(stage=terms.state)
    cross = terms.state == CampaignState.CROSS_CHECK
    if cross and actor_unit == "TOWN" and is_within(village_code, actor_region):
        raise OwnTownship


def reaches(terms: CampaignTerms, actor_unit: str, actor_region: str, village_code: str) -> bool:
    """Whether a caller may report about `village_code` to the campaign: within the own region, and
    in a look-back's CROSS_CHECK for townships in their whole county (I-50)."""
    crossing = terms.state == CampaignState.CROSS_CHECK and actor_unit == "TOWN"
    region = (county_of(actor_region) or actor_region) if crossing else actor_region
    return is_within(village_code, region) and is_within(village_code, terms.region_code)


def check_stages(kind: CampaignType, stages: Sequence[StagePlan]) -> None:
    """Raise `StagesInvalid` unless `stages` are a part of the type's stages in their order."""
    order = STAGES[kind]
    previous: StagePlan | None = None
    for place, plan in enumerate(stages):
        misplaced = plan.stage not in order or (
            previous is not None
            and (
                order.index(plan.stage) <= order.index(previous.stage)
                or plan.start < previous.start
            )
        )
        if misplaced or plan.end < plan.start:
            raise StagesInvalid.about(f"stages.{place}")
        previous = plan
