"""What a finder reports (I-01, I-02), when it repeats another report (I-04), what refuses it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.inspection.deadlines.domain import Cohort, ObjectType, Scope, Severity, Tier
from shared.errors import Invalid
from shared.regions import Level, level_of
from shared.workdays import WorkdayCalendar


class Source(StrEnum):
    """Through which channel a problem came to light (I-02)."""

    CENTRAL_INSPECTION = "CENTRAL_INSPECTION"  # 中央巡视
    NATIONAL_ASSESSMENT = "NATIONAL_ASSESSMENT"  # 国家考核
    PROVINCE_INSPECTION = "PROVINCE_INSPECTION"  # 省级督导暗访
    CITY_INSPECTION = "CITY_INSPECTION"  # 市级督导暗访
    COUNTY_INSPECTION = "COUNTY_INSPECTION"  # 督查组
    SPECIAL_INSPECTION = "SPECIAL_INSPECTION"  # 专项督查
    SELF_CHECK = "SELF_CHECK"  # 自查
    CROSS_CHECK = "CROSS_CHECK"  # 交叉排查
    SAMPLE = "SAMPLE"  # 抽查
    DATA_COMPARISON = "DATA_COMPARISON"  # 数据比对
    VISIT = "VISIT"  # 走访
    AUDIT = "AUDIT"  # 审计
    HOTLINE_12317 = "HOTLINE_12317"
    HOTLINE_12345 = "HOTLINE_12345"
    PETITION = "PETITION"  # 来信来访
    MEDIA = "MEDIA"  # 舆情


class HandOver(StrEnum):
    """How it was handed over (交办, I-02)."""

    VIDEO = "VIDEO"  # 视频交办
    RESEARCH = "RESEARCH"  # 调研交办
    SUPERVISION = "SUPERVISION"  # 督察交办
    ROUTINE = "ROUTINE"  # 常规交办


@dataclass(frozen=True, slots=True)
class Finder:
    """Who reports: a person of an organisation, perhaps as part of a team."""

    person: str
    organisation: str
    team: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One report of a defect. `cohort` None asks the register; `closed_on` is set for problems
    imported as closed; `evidence` holds {ref, sha256, phase}."""

    source: Source
    finder: Finder
    found_on: date
    kind: str
    tier: Tier
    object_type: ObjectType
    object_ref: str
    village_code: str
    description: str
    scope: Scope = Scope.INDIVIDUAL
    severity: Severity = Severity.GENERAL
    cohort: Cohort | None = None
    campaign_id: UUID | None = None
    hand_over: HandOver | None = None
    evidence: tuple[Mapping[str, Any], ...] = ()
    requested_due_on: date | None = None
    suspected: bool = False
    closed_on: date | None = None

    def source_record(self, at: datetime) -> dict[str, Any]:
        """The record kept of this report."""
        return {
            "source": self.source,
            "hand_over": self.hand_over,
            "person": self.finder.person,
            "organisation": self.finder.organisation,
            "team": self.finder.team,
            "found_on": self.found_on.isoformat(),
            "campaign_id": self.campaign_id and str(self.campaign_id),
            "description": self.description,
            "evidence": list(self.evidence),
            "logged_at": at.isoformat(),
        }


_SAME_REPORT = ("source", "person", "organisation", "found_on")


def is_repeated(record: Mapping[str, Any], known: Collection[Mapping[str, Any]]) -> bool:
    """Whether the same channel and finder already reported the finding for that day (I-04)."""
    return any(all(record[name] == one[name] for name in _SAME_REPORT) for one in known)


def is_accountable(source: Source, found_on: date, self_check_until: date | None) -> bool:
    """Whether village and township answer for a finding (I-45): after the self-check stage of the
    campaign others found it. What was reported by themselves, or by then, is under amnesty."""
    return (
        self_check_until is not None
        and found_on > self_check_until
        and source is not Source.SELF_CHECK
    )


def confirm_by(found_on: date, workdays: int, calendar: WorkdayCalendar) -> date:
    """The last day to confirm or refute a suspected problem (I-03)."""
    return calendar.add_workdays(found_on, workdays)


class EvidenceRequired(Invalid):
    """Evidence is required."""

    code = "EVIDENCE_REQUIRED"
    zh = "须至少附一份佐证材料。"
    en = "At least one piece of evidence is required."


class ObjectMisplaced(Invalid):
    """The object's own code and the place do not agree."""

    code = "OBJECT_PLACE_MISMATCH"
    zh = "问题对象的区划代码与所填区划不一致。"
    en = "The object's region code does not contain the place given."


class ObjectCodeInvalid(Invalid):
    """The object's id or code has a wrong form for its type."""

    code = "OBJECT_INVALID"
    zh = "农户、人员、项目填 id（UUID），村、乡、县填 12、9、6 位区划代码，资金填其编号。"
    en = "Households, persons and projects have an id (UUID), places a region code, funds a code."


class VillageRequired(Invalid):
    """The village is required."""

    code = "VILLAGE_REQUIRED"
    zh = "农户和人员的问题须填所在村的 12 位代码，其他问题至少填到县。"
    en = "A household's or person's problem names the village (12 digits), any other the county."


class RegionUnknown(Invalid):
    """There is no such region."""

    code = "REGION_UNKNOWN"
    zh = "没有此行政区划代码。"
    en = "There is no region with this code."


class FoundInFuture(Invalid):
    """A problem cannot have been found in the future."""

    code = "FOUND_IN_FUTURE"
    zh = "发现日期不得晚于今天。"
    en = "The day of finding must not lie in the future."


class HistoricForOps(Invalid):
    """Only an import by operations may bring problems with a historic state."""

    code = "HISTORIC_FOR_OPS"
    zh = "只有运维批量导入可以录入历史状态。"
    en = "Only a batch import by operations may carry a historic state."


class HistoricWithdrawn(Invalid):
    """What was withdrawn is no problem and is not imported."""

    code = "HISTORIC_WITHDRAWN"
    zh = "已撤销的问题不予导入。"
    en = "What was withdrawn is not imported."


class ClosedOutOfTime(Invalid):
    """The closing day must lie between the day of finding and today."""

    code = "CLOSED_OUT_OF_TIME"
    zh = "销号日期须在发现日期与今天之间。"
    en = "The closing day must lie between the day of finding and today."


_REGION_LEVELS = {
    ObjectType.VILLAGE: Level.VILLAGE,
    ObjectType.TOWNSHIP: Level.TOWNSHIP,
    ObjectType.COUNTY: Level.COUNTY,
}
_ABOVE_COUNTY = frozenset({Level.PROVINCE, Level.CITY})
_IN_A_VILLAGE = frozenset({ObjectType.HOUSEHOLD, ObjectType.PERSON})


def is_region(object_type: ObjectType) -> bool:
    """Whether the object is a place, named by its region code."""
    return object_type in _REGION_LEVELS


def check_finding(finding: Finding, today: date) -> None:
    """Raise what is wrong with a finding by itself: dates, and object against place."""
    if finding.found_on > today:
        raise FoundInFuture.about("found_on")
    if finding.closed_on is not None and not finding.found_on <= finding.closed_on <= today:
        raise ClosedOutOfTime.about("historic.closed_on")
    if finding.suspected and not finding.evidence:  # I-03: with a photo
        raise EvidenceRequired.about("evidence")
    place = level_of(finding.village_code)
    if place in _ABOVE_COUNTY or (
        finding.object_type in _IN_A_VILLAGE and place is not Level.VILLAGE
    ):
        raise VillageRequired.about("village_code")
    level = _REGION_LEVELS.get(finding.object_type)
    if level is not None:
        if level_of(finding.object_ref) is not level:
            raise ObjectCodeInvalid.about("object.code")
        if not finding.village_code.startswith(finding.object_ref):
            raise ObjectMisplaced.about("village_code")
