"""What a stage asks for before it may be left (B.7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.inspection.campaigns.domain import CampaignState
from shared.errors import Conflict


class Condition(StrEnum):
    """One thing that may be asked of a stage."""

    COVERAGE = "COVERAGE"  # every object of the stage was checked (I-51)
    LEDGERS = "LEDGERS"  # every department with problems has stamped its ledger
    OPEN_PROBLEMS = "OPEN_PROBLEMS"  # no problem is open that can be closed
    REPORT = "REPORT"  # the final report is signed (I-47)


EXIT_CONDITIONS: Mapping[CampaignState, tuple[Condition, ...]] = {
    CampaignState.SELF_CHECK: (Condition.COVERAGE, Condition.LEDGERS),
    CampaignState.CROSS_CHECK: (Condition.COVERAGE,),
    CampaignState.RECTIFY: (Condition.OPEN_PROBLEMS,),
    CampaignState.SAMPLE_SUMMARY: (Condition.REPORT,),
    CampaignState.SUMMARY: (Condition.REPORT,),
}


@dataclass(frozen=True, slots=True)
class Missing:
    """What is not done: how many, the first few by name, and the call that lists them all."""

    condition: Condition
    count: int
    first: Sequence[str]
    listing: str

    def document(self) -> dict[str, Any]:
        """As it is shown and kept."""
        return {
            "condition": self.condition.value,
            "count": self.count,
            "first": list(self.first),
            "listing": self.listing,
        }


class StageNotDone(Conflict):
    """The stage is not done yet.

    Members: `stage`, and `missing`: condition, count, first, listing of each thing not done.
    """

    code = "STAGE_NOT_DONE"
    zh = "当前阶段尚未完成，不能进入下一阶段；未完成事项已列出（missing）。"
    en = "The stage {stage} is not done; `missing` names what is left to do."

    def __init__(self, *, stage: str, missing: Sequence[Missing]) -> None:
        super().__init__(stage=stage, missing=[one.document() for one in missing])
