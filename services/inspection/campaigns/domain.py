"""Types, stages and states of campaigns (B.7), and what a problem must satisfy to belong to one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from services.inspection.deadlines.domain import DeadlinePolicy
from shared.errors import Conflict, FieldError, Invalid


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
    """What logging needs to know of a campaign."""

    id: UUID
    region_code: str
    closed: bool
    policy: DeadlinePolicy | None


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
            raise StagesInvalid(
                errors=[
                    FieldError(
                        f"stages.{place}", StagesInvalid.code, StagesInvalid.zh, StagesInvalid.en
                    )
                ]
            )
        previous = plan
