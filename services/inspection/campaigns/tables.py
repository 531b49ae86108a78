"""The rows of campaigns."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlmodel import Field

from services.inspection.campaigns.domain import (
    STAGES,
    Action,
    CampaignState,
    CampaignType,
    StagePlan,
    next_state,
)
from services.inspection.tables import DOCUMENT, INSTANT, REGION_CODE, TEXTS, InspectionTable
from shared import clock


class Campaign(InspectionTable, table=True):
    """A drive in `region_code` and all below it; `state` changes through one gate.

    `deadline_policy` and `stages` are as entered. `course` holds one record per stage entered:
    {stage, entered_at, by, override}, where `override` says why, and with how much undone, the
    leading group let it leave the stage before (I-51).
    """

    __tablename__ = "campaigns"
    __table_args__ = (Index("ix_campaigns_region_code", "region_code", "id"),)

    id: UUID = Field(primary_key=True)
    name: str
    type: str
    region_code: str = Field(sa_type=REGION_CODE)
    year: int
    deadline_policy: dict[str, Any] | None = Field(default=None, sa_type=DOCUMENT)
    self_check_until: date | None = None
    stages: list[dict[str, Any]] = Field(default_factory=list, sa_type=DOCUMENT)
    contents: list[str] = Field(default_factory=list, sa_type=TEXTS)
    base_date: date | None = None
    since_year: int | None = None
    state: str = CampaignState.DRAFT
    course: list[dict[str, Any]] = Field(default_factory=list, sa_type=DOCUMENT)
    created_by: str
    created_at: datetime = Field(sa_type=INSTANT)
    version: int = 1
    event_sequence: int = Field(default=0, sa_type=BigInteger)

    def advance(
        self, action: Action, *, at: datetime, by: str, override: dict[str, Any] | None = None
    ) -> None:
        """Enter the next stage of the type by `action`; raises `IllegalMove`. The amnesty of I-45
        ends with the self-check, where no day was set for it."""
        left = self.state
        self.state = self.after(action)
        if left == CampaignState.SELF_CHECK and self.self_check_until is None:
            self.self_check_until = clock.civil_date(at)
        entry = {
            "stage": self.state,
            "entered_at": at.isoformat(),
            "by": by,
            "override": override,
        }
        self.course = [*self.course, entry]
        self.version += 1

    def after(self, action: Action) -> CampaignState:
        """The state `action` leads to; raises `IllegalMove` where it is not allowed now."""
        return next_state(CampaignType(self.type), CampaignState(self.state), action)

    def has_stage(self, stage: CampaignState) -> bool:
        """Whether campaigns of this type have `stage`."""
        return stage in STAGES[CampaignType(self.type)]

    def plan_of(self, stage: CampaignState) -> StagePlan | None:
        """The planned days of `stage`, None where none are planned."""
        for plan in self.stages:
            if plan["stage"] == stage:
                first, last = date.fromisoformat(plan["start"]), date.fromisoformat(plan["end"])
                return StagePlan(stage, first, last)
        return None

    def span_of(self, stage: CampaignState) -> tuple[datetime | None, datetime | None]:
        """When `stage` was entered and left; None for what has not happened yet."""
        entered = [datetime.fromisoformat(entry["entered_at"]) for entry in self.course]
        for place, entry in enumerate(self.course):
            if entry["stage"] == stage:
                return entered[place], entered[place + 1] if place + 1 < len(entered) else None
        return None, None


CAMPAIGNS = InspectionTable.metadata.tables["campaigns"]
