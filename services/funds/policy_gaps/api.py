"""HTTP for policy gaps."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from services.funds.allocations.domain import Source
from services.funds.fields import PositiveMoney
from services.funds.policy_gaps import commands, queries
from services.funds.policy_gaps.domain import State
from services.funds.policy_gaps.tables import PolicyGap
from shared.errors import IllegalMove, NotFound
from shared.money import AmountInvalid
from shared.security import Actor, Role
from shared.web.dependencies import QuerySession, WriteSession, allows
from shared.web.fields import Money, RegionCode
from shared.web.pagination import Page, PageQuery
from shared.web.problem_details import refusals

router = APIRouter(prefix="/policy-gaps", tags=["policy-gaps"])

Arranger = Annotated[Actor, allows(Role.FINANCE)]
Reader = Annotated[Actor, allows(Role.FINANCE, Role.POVERTY_OFFICE, Role.COUNTY_GOV)]


class ArrangeFunds(BaseModel):
    """From where the county pays."""

    model_config = ConfigDict(extra="forbid")

    source: Source = Field(description="资金来源", examples=["COUNTY"])
    amount: PositiveMoney = Field(description="安排金额，元")
    doc_no: str = Field(
        min_length=1, max_length=100, description="安排文号", examples=["峨财农〔2019〕8号"]
    )


class PolicyGapView(BaseModel):
    """A problem that no policy pays for; `source`, `amount` and `doc_no` once money is arranged."""

    problem_id: UUID
    problem_no: str
    kind: str
    village_code: str
    lead_dept: str
    need: str
    needed: Money | None = Field(description="所需金额，元；未核定为空")
    found_at: datetime
    state: State
    source: Source | None
    amount: Money | None
    doc_no: str | None
    arranged_by: str | None
    arranged_at: datetime | None
    version: int

    @classmethod
    def of(cls, gap: PolicyGap) -> Self:
        """The view of a row."""
        return cls(**gap.model_dump(exclude={"problem_sequence", "event_sequence"}))


@router.get("", responses=refusals(NotFound))
async def list_policy_gaps(
    session: QuerySession,
    actor: Reader,
    page: PageQuery,
    region_code: RegionCode | None = None,
    state: State | None = None,
) -> Page[PolicyGapView]:
    """Problems of a region and those below it that no policy pays for (I-36)."""
    region = region_code or actor.region
    actor.must_cover(region)
    rows = await queries.list_policy_gaps(session, region, page, state=state)
    return page.page(rows, PolicyGapView.of, lambda row: (row.problem_id,))


@router.post("/{problem_id}/arrange", responses=refusals(NotFound, IllegalMove, AmountInvalid))
async def arrange_funds(
    problem_id: UUID, body: ArrangeFunds, session: WriteSession, actor: Arranger
) -> PolicyGapView:
    """Record from where the county pays for a problem."""
    return PolicyGapView.of(await commands.arrange_funds(session, actor, problem_id, **dict(body)))
