"""Who does the work and may report it done (I-14), its progress (I-34), its proof (I-42)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from services.inspection.kinds import is_sensitive
from services.inspection.problems.domain.findings import EvidenceRequired
from services.inspection.routing.domain import Department
from shared.errors import Conflict, FieldError, Invalid
from shared.regions import Level, is_within, level_of

TOWN, VILLAGE = "TOWN", "VILLAGE"
# What is handed on goes downwards: department, township, village.
_RANKS = {TOWN: 1, VILLAGE: 2}
_LEVELS = {TOWN: Level.TOWNSHIP, VILLAGE: Level.VILLAGE}


class HandoffOnly(Conflict):
    """Whoever only passed the task on cannot report it done."""

    code = "HANDOFF_ONLY"
    zh = "本单位只作转办、没有自查记录，不得上报整改完成；请先自查并留下记录。"
    en = "Your organisation has only passed the task on; check it yourselves and record it first."


class NoPolicySet(Conflict):
    """It is already known that no policy pays for this problem."""

    code = "NO_POLICY_SET"
    zh = "该问题已标记为无政策口子，不必重复上报。"
    en = "This problem is marked already as one that no policy pays for."


class DelegateInvalid(Invalid):
    """The task cannot be handed to this organisation."""

    code = "DELEGATE_INVALID"
    zh = (
        "只能交办给问题所在的下级乡镇、村，或由牵头部门交本县其他部门协办；"
        "涉作风、腐败问题不得交办。"
    )
    en = (
        "A task goes down to the township or village of the problem, or from the lead department to"
        " another of the county; style and corruption matters are not handed on."
    )


class ProgressBackwards(Invalid):
    """Progress does not go backwards.

    Members: `progress_pct`, the present one.
    """

    code = "PROGRESS_BACKWARDS"
    zh = "整改进度不得低于已上报的 {progress_pct}%。"
    en = "Progress must not fall below the {progress_pct}% already reported."


class CheckOutOfTime(Invalid):
    """A check lies between the day of finding and today."""

    code = "CHECK_OUT_OF_TIME"
    zh = "自查日期须在发现日期与今天之间。"
    en = "The day of the check must lie between the day of finding and today."


class PhotosRequired(Invalid):
    """Photos from before and after are required for this kind of problem.

    Members: `phases`, those that are missing.
    """

    code = "EVIDENCE_REQUIRED"
    zh = "住房、饮水、道路类问题须附整改前（BEFORE）、整改后（AFTER）照片，所缺见 phases。"
    en = "Housing, water and road problems need photos BEFORE and AFTER; see phases."


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation by its parts: HOUS and 511132 of HOUS@511132."""

    unit: str
    region: str

    @classmethod
    def of(cls, written: str) -> "Organisation":
        """The parts of `HOUS@511132`."""
        unit, _, region = written.partition("@")
        return cls(unit, region)

    @property
    def is_executor(self) -> bool:
        """Whether it is a township or village, which do the work on the spot."""
        return self.unit in _RANKS

    @property
    def must_check_itself(self) -> bool:
        """Whether it may have passed the task on: all but the village (I-14)."""
        return self.unit != VILLAGE

    def executes(self, lead_dept: str, place: str) -> bool:
        """Whether it is among those who do the work on a problem: its lead department, or the
        township or village that contains the place."""
        return self.unit == lead_dept or (self.is_executor and is_within(place, self.region))


def check_delegation(
    giver: Organisation, taker: Organisation, *, lead_dept: str, kind: str, place: str
) -> None:
    """Raise `DelegateInvalid` unless `giver` may hand the task to `taker` (I-14)."""
    contains = is_within(place, taker.region)
    if taker.is_executor:
        allowed = (
            level_of(taker.region) is _LEVELS[taker.unit]
            and _RANKS.get(giver.unit, 0) < _RANKS[taker.unit]
        )
    else:
        allowed = (
            giver.unit == lead_dept != taker.unit
            and taker.unit in set(Department)
            and level_of(taker.region) is Level.COUNTY
        )
    if not (allowed and contains) or is_sensitive(kind):
        raise _refused(DelegateInvalid, "to_org")


def check_progress(pct: int, before: int | None) -> None:
    """Raise `ProgressBackwards` where `pct` is lower than what was reported before (I-34)."""
    if before is not None and pct < before:
        raise _refused(ProgressBackwards, "pct", progress_pct=before)


def check_own_check(on: date, *, found_on: date, today: date) -> None:
    """Raise `CheckOutOfTime` for a check before the finding or in the future."""
    if not found_on <= on <= today:
        raise _refused(CheckOutOfTime, "on")


def check_evidence(
    kind: str,
    evidence: Sequence[Mapping[str, Any]],
    sources: Collection[Mapping[str, Any]],
    photo_kinds: tuple[str, ...],
) -> None:
    """Raise `EvidenceRequired` without any, `PhotosRequired` where a problem of `kind` needs photos
    of both phases and the report lacks one; the finders' own count for BEFORE (I-42)."""
    if not evidence:
        raise EvidenceRequired.about("evidence")
    if not kind.startswith(photo_kinds):
        return
    shown = {one.get("phase") for one in evidence}
    found = {one.get("phase") for source in sources for one in source["evidence"]}
    present = {"BEFORE": "BEFORE" in shown | found, "AFTER": "AFTER" in shown}
    missing = [phase for phase, there in present.items() if not there]
    if missing:
        raise _refused(PhotosRequired, "evidence", phases=missing)


def next_reminder(last: date, silent_days: int, every: int) -> date:
    """The day at whose end it is told again that nobody reported progress since `last`: the next
    multiple of `every` days after the `silent_days` that have passed."""
    return last + timedelta(days=(silent_days // every + 1) * every)


def _refused(refusal: type[Invalid], field: str, **members: Any) -> Invalid:
    zh, en = refusal.zh.format(**members), refusal.en.format(**members)
    return refusal(errors=[FieldError(field, refusal.code, zh, en)], **members)
