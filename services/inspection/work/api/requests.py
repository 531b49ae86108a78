"""What callers send about plans and work."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)
from pydantic_core import PydanticCustomError

from services.inspection.fields import CivilDate
from services.inspection.problems.api.batches import SeveralProblems
from services.inspection.problems.api.requests import Evidence
from services.inspection.work.domain.plans import Draft, Measure, Step
from shared.web.fields import Money, OrganisationCode, PersonName, Text, Title


def _stated(value: Any) -> Any:
    """Blank is as good as left out: the plan is then incomplete, not malformed."""
    return None if isinstance(value, str) and not value.strip() else value


def _written(value: Any) -> Any:
    """A quantity given as a number, as it is written."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


_Stated = BeforeValidator(_stated)
EvidenceList = Annotated[list[Evidence], Field(max_length=50)]


class MeasureIn(BaseModel):
    """What is done, on what, how much, until when."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[Text | None, _Stated] = Field(None, examples=["拆除东墙重砌，加设圈梁"])
    object: Annotated[Title | None, _Stated] = Field(None, examples=["东厢房"])
    quantity: Annotated[Title | None, BeforeValidator(_written), _Stated] = Field(
        None, examples=["1 间 24 平方米"]
    )
    due: Annotated[CivilDate | None, _Stated] = None


class StepIn(BaseModel):
    """What is reached on a day."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[Text | None, _Stated] = Field(None, examples=["完成墙体拆除"])
    on: Annotated[CivilDate | None, _Stated] = None


class PlanIn(BaseModel):
    """A rectification plan. Every field is required; what is missing is named by
    `PLAN_INCOMPLETE` (I-30)."""

    model_config = ConfigDict(extra="forbid")

    target: Annotated[Text | None, _Stated] = Field(None, description="改到什么程度")
    responsible_person: Annotated[PersonName | None, _Stated] = Field(None, description="谁来改")
    measures: Annotated[Annotated[list[MeasureIn], Field(max_length=50)] | None, _Stated] = Field(
        None, description="怎样改"
    )
    progress_steps: Annotated[Annotated[list[StepIn], Field(max_length=50)] | None, _Stated] = (
        Field(None, description="进度节点，至少一个写明日期，按日期先后")
    )
    deadline: Annotated[CivilDate | None, _Stated] = Field(
        None, description="什么时候改完，不得晚于问题的整改时限"
    )

    def draft(self) -> Draft:
        """The plan as it was handed in."""
        return Draft(
            target=self.target,
            responsible_person=self.responsible_person,
            measures=tuple(
                Measure(one.text, one.object, one.quantity, one.due) for one in self.measures or ()
            ),
            progress_steps=tuple(Step(one.text, one.on) for one in self.progress_steps or ()),
            deadline=self.deadline,
        )


class PlanSeveral(PlanIn, SeveralProblems):
    """One plan for several problems."""


_MOST_PLANNED = 10_000


def _each_once(parts: list[PlanSeveral]) -> list[PlanSeveral]:
    named = [problem_id for part in parts for problem_id in part.problem_ids]
    if len(set(named)) < len(named):
        raise PydanticCustomError(
            "DUPLICATE_ID", "同一问题只能列一次。", {"en": "A problem is listed once."}
        )
    if len(named) > _MOST_PLANNED:
        raise PydanticCustomError("TOO_MANY", "条目过多。", {"en": "Too many items."})
    return parts


class ConsolidatedPlanIn(BaseModel):
    """A department's plan for all its open problems (I-33). The department is the caller's."""

    model_config = ConfigDict(extra="forbid")

    campaign_id: UUID | None = Field(None, description="不填为本县本部门全部未销号问题")
    author: PersonName = Field(description="主要负责人姓名；已登记一把手的须为其本人")
    author_role: Literal["HEAD", "DEPUTY", "HANDLER"] = Field(description="须为 HEAD")
    plans: Annotated[list[PlanSeveral], AfterValidator(_each_once)] = Field(
        min_length=1, max_length=1000
    )

    def drafts(self) -> dict[UUID, Draft]:
        """The plan of each problem."""
        return {
            problem_id: draft
            for part in self.plans
            for draft in (part.draft(),)
            for problem_id in part.problem_ids
        }


class Progress(BaseModel):
    """How far the work is."""

    model_config = ConfigDict(extra="forbid")

    pct: int = Field(strict=True, ge=0, le=100, description="不得低于上次所报")
    text: Text
    evidence: EvidenceList = []


class OwnCheckIn(BaseModel):
    """Who of the caller's organisation looked at the work, when, and what there was to see."""

    model_config = ConfigDict(extra="forbid")

    by: PersonName
    on: CivilDate
    text: Text


class Done(BaseModel):
    """What was actually done, and what proves it: at least one file (I-42)."""

    model_config = ConfigDict(extra="forbid")

    done_text: Text
    evidence: EvidenceList = []


class SubmitSeveral(Done, SeveralProblems):
    """What was done about several problems, and what proves it for all of them."""


class DelegateTo(BaseModel):
    """Who is to do the work."""

    model_config = ConfigDict(extra="forbid")

    to_org: OrganisationCode = Field(examples=["TOWN@511132201"])
    note: Text


class NoPolicy(BaseModel):
    """What no policy pays for, and how much it needs."""

    model_config = ConfigDict(extra="forbid")

    need: Text
    amount: Money | None = None
