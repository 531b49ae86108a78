"""What callers send about findings, and the plain finding it stands for."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.inspection.deadlines.domain import Cohort, ObjectType, Scope, Severity, Tier
from services.inspection.fields import CivilDate, KindCode
from services.inspection.problems.domain.findings import (
    ClosedOutOfTime,
    Finder,
    Finding,
    HandOver,
    HistoricForOps,
    HistoricWithdrawn,
    ObjectCodeInvalid,
    Source,
    VillageRequired,
    is_region,
)
from services.inspection.problems.domain.states import State
from services.inspection.routing.domain import Department
from shared.security import Actor, Role
from shared.web.fields import RegionCode, Text, Title


class Evidence(BaseModel):
    """A file that proves something, by its hash."""

    model_config = ConfigDict(extra="forbid")

    ref: str = Field(
        min_length=1, max_length=255, pattern=r"^[^\x00]*$", examples=["photos/2019/0001.jpg"]
    )
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    phase: Literal["BEFORE", "DURING", "AFTER"] | None = None


class ProblemObjectRef(BaseModel):
    """What the problem is about: HOUSEHOLD, PERSON and PROJECT by `id`, VILLAGE, TOWNSHIP and
    COUNTY by `code`, FUND by either."""

    model_config = ConfigDict(extra="forbid")

    type: ObjectType
    id: UUID | None = None
    # A code of a fund begins with a letter: no id number can be passed for one.
    code: str | None = Field(None, pattern=r"^([1-9][0-9]{5,11}|[A-Z][A-Z0-9_-]{0,63})$")

    def ref(self) -> str:
        """The id or code as it is kept; raises `ObjectCodeInvalid`."""
        if self.type is ObjectType.FUND:
            chosen: UUID | str | None = self.id or self.code
        else:
            chosen = self.code if is_region(self.type) else self.id
        if chosen is None or (self.id is not None and self.code is not None):
            raise ObjectCodeInvalid.about("object")
        return str(chosen)


class Historic(BaseModel):
    """The state of an imported problem: CLOSED with its day, or any open state, which starts anew
    in the lead department's queue."""

    model_config = ConfigDict(extra="forbid")

    state: State
    closed_on: CivilDate | None = None


class LogProblem(BaseModel):
    """A finding to be logged."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "source": "COUNTY_INSPECTION",
                    "found_on": "2019-08-20",
                    "kind": "HOUSING_UNSAFE",
                    "tier": "GENERAL",
                    "scope": "INDIVIDUAL",
                    "severity": "PROMINENT",
                    "cohort": "EXITED",
                    "object": {
                        "type": "HOUSEHOLD",
                        "id": "01990000-0000-7000-8000-000000000001",
                    },
                    "village_code": "511132201205",
                    "description": "东墙开裂，宽约两厘米",
                    "evidence": [],
                }
            ]
        },
    )

    source: Source
    found_on: CivilDate
    kind: KindCode
    tier: Tier
    object: ProblemObjectRef
    description: Text
    scope: Scope = Scope.INDIVIDUAL
    severity: Severity = Severity.GENERAL
    cohort: Cohort | None = Field(None, description="不填则按户档案所知")
    village_code: RegionCode | None = Field(
        None, description="所在村；问题对象为村、乡、县时可不填"
    )
    campaign_id: UUID | None = None
    hand_over: HandOver | None = None
    team: Annotated[Title, Field(max_length=100)] | None = Field(None, description="督查组名称")
    evidence: list[Evidence] = Field([], max_length=50)
    requested_due_on: CivilDate | None = Field(None, description="只可短于规定时限")
    suspected: bool = Field(False, description="疑似问题，须附照片，三个工作日内确认或排除")
    historic: Historic | None = Field(None, description="仅供运维导入历史数据")

    def finding(self, actor: Actor) -> Finding:
        """The finding as `actor` reports it; raises what is wrong with its form."""
        return Finding(
            source=self.source,
            finder=Finder(actor.person, actor.organisation, self.team),
            found_on=self.found_on,
            kind=self.kind,
            tier=self.tier,
            object_type=self.object.type,
            object_ref=self.object.ref(),
            village_code=self._place(),
            description=self.description,
            scope=self.scope,
            severity=self.severity,
            cohort=self.cohort,
            campaign_id=self.campaign_id,
            hand_over=self.hand_over,
            evidence=tuple(one.model_dump() for one in self.evidence),
            requested_due_on=self.requested_due_on,
            suspected=self.suspected,
            closed_on=self._closed_on(actor),
        )

    def _place(self) -> str:
        place = self.village_code or (self.object.code if is_region(self.object.type) else None)
        if place is None:
            raise VillageRequired.about("village_code")
        return place

    def _closed_on(self, actor: Actor) -> date | None:
        if self.historic is None:
            return None
        if not actor.has(Role.OPS):
            raise HistoricForOps.about("historic")
        if self.historic.state is State.WITHDRAWN:
            raise HistoricWithdrawn.about("historic.state")
        if self.historic.state is not State.CLOSED:
            return None
        if self.historic.closed_on is None:
            raise ClosedOutOfTime.about("historic.closed_on")
        return self.historic.closed_on


class LogProblems(BaseModel):
    """Up to 1,000 findings; each is stored or refused on its own."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "properties": {
                "rows": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 1000,
                    "items": {"$ref": "#/components/schemas/LogProblem"},
                }
            }
        },
    )

    rows: list[Any] = Field(min_length=1, max_length=1000)


class WithReason(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: Text


class WithEvidence(BaseModel):
    """What proves it."""

    model_config = ConfigDict(extra="forbid")

    evidence: list[Evidence] = Field(max_length=50)


class Refutation(WithEvidence):
    """Why a suspicion is unfounded, and what proves it."""

    reason: Text


class Partners(BaseModel):
    """The departments that help the lead."""

    model_config = ConfigDict(extra="forbid")

    departments: set[Department] = Field(max_length=len(Department), examples=[["CIVIL", "FIN"]])


class Extension(WithReason):
    """A later deadline, and why."""

    due_on: CivilDate
