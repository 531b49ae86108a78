"""Checks of single objects (I-51): what a stage must cover, and what refuses a check."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from services.inspection.campaigns.domain import (
    CampaignState,
    CampaignTerms,
    OutsideCampaign,
    check_stage,
    reaches,
)
from services.inspection.deadlines.domain import ObjectType
from shared.errors import Conflict, Invalid, NotFound
from shared.regions import Level, is_within, level_of


class ObjectClass(StrEnum):
    """The classes of objects that must all be covered."""

    POOR_VILLAGE = "POOR_VILLAGE"  # 贫困村
    POOR_HOUSEHOLD = "POOR_HOUSEHOLD"  # 建档立卡户, exited or not
    OUTSIDE_HOUSEHOLD = "OUTSIDE_HOUSEHOLD"  # 档外特殊户


class Result(StrEnum):
    """What a check found."""

    OK = "OK"
    PROBLEM = "PROBLEM"


class Coverage(NamedTuple):
    """How many objects of a class there are, and how many of them were checked."""

    object_class: ObjectClass
    total: int
    covered: int

    @property
    def uncovered(self) -> int:
        """How many are left to check."""
        return self.total - self.covered


@dataclass(frozen=True, slots=True)
class Check:
    """One look at one object by a team; `problem_id` names what it found, `stage` the stage it
    was meant for, if the caller named one."""

    object_type: ObjectType
    object_ref: str
    village_code: str
    checked_on: date
    team: str
    result: Result
    problem_id: UUID | None = None
    stage: CampaignState | None = None

    @property
    def key(self) -> tuple[str, str, str, date]:
        """What makes two records the same check."""
        return self.object_type, self.object_ref, self.team, self.checked_on


class StageWithoutCoverage(Invalid):
    """Only a look-back's self-check and cross-check have objects to cover."""

    code = "STAGE_WITHOUT_COVERAGE"
    zh = "只有“回头看”行动的自查、交叉排查阶段有覆盖要求。"
    en = "Only the stages SELF_CHECK and CROSS_CHECK of a look-back have objects to cover."


class NotThisStage(Conflict):
    """The check belongs to a stage that is over or has not begun.

    Member: `stage`, the present one.
    """

    code = "NOT_THIS_STAGE"
    zh = "只能登记当前阶段的排查记录。"
    en = "Checks are recorded for the present stage, {stage}."


class CheckedOutOfStage(Invalid):
    """The day of the check lies outside the stage."""

    code = "CHECKED_OUT_OF_STAGE"
    zh = "排查日期须在本阶段开始之后，且不得晚于今天。"
    en = "The day of a check lies within the stage and not in the future."


class CheckObjectInvalid(Invalid):
    """Checks are of households and villages."""

    code = "CHECK_OBJECT_INVALID"
    zh = "排查对象为农户（填 id）或行政村（填 12 位代码），所在村须填 12 位代码。"
    en = "A household is named by its id, a village by its code of 12 digits, as is its place."


class CheckObjectElsewhere(Invalid):
    """The household is registered in another village."""

    code = "CHECK_OBJECT_ELSEWHERE"
    zh = "排查对象不在所填的村。"
    en = "The object does not lie in the village given."


class CheckProblemMismatch(Invalid):
    """A check that found a problem names a logged problem of its object, any other none."""

    code = "CHECK_PROBLEM_MISMATCH"
    zh = "结果为“有问题”时须填该对象已登记问题的 id；结果为“无问题”时不得填。"
    en = "A result PROBLEM names a logged problem of the object; a result OK names none."


@dataclass(frozen=True, slots=True)
class Checker:
    """Whoever records checks: unit, region and roles of the caller."""

    unit: str
    region: str
    roles: Collection[str]


def judge_check(
    check: Check, terms: CampaignTerms, checker: Checker, *, not_before: date, today: date
) -> None:
    """Raise what refuses a check by itself: stage, object, place, stage rules of I-50, day."""
    if check.stage not in (None, terms.state):
        raise NotThisStage(stage=terms.state)
    if check.object_type not in (ObjectType.HOUSEHOLD, ObjectType.VILLAGE):
        raise CheckObjectInvalid.about("object")
    if level_of(check.village_code) is not Level.VILLAGE:
        raise CheckObjectInvalid.about("village_code")
    if check.object_type is ObjectType.VILLAGE and check.object_ref != check.village_code:
        raise CheckObjectElsewhere.about("village_code")
    if not is_within(check.village_code, terms.region_code):
        raise OutsideCampaign.about("village_code")
    if not reaches(terms, checker.unit, checker.region, check.village_code):
        raise NotFound
    check_stage(terms, checker.unit, checker.roles, checker.region, check.village_code)
    if not not_before <= check.checked_on <= today:
        raise CheckedOutOfStage.about("checked_on")
    if (check.result is Result.PROBLEM) != (check.problem_id is not None):
        raise CheckProblemMismatch.about("problem_id")
