"""GET /stats/problems: the figures of the ledger within the caller's scope."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.inspection.deadlines.domain import Cohort, ObjectType, Severity
from services.inspection.fields import CivilDate
from services.inspection.ledger.domain import DoneBasis, Figures, GroupBy, whole
from services.inspection.ledger.queries import FiguresWanted, Filters, list_figures
from services.inspection.roles import Reader
from services.inspection.scope import sight_of
from shared.errors import Invalid
from shared.web.dependencies import RunningService
from shared.web.fields import Percent, RegionCode
from shared.web.problem_details import refusals

router = APIRouter(prefix="/stats", tags=["statistics"])


class GroupView(BaseModel):
    """The figures of one group; `key` is the group's code."""

    key: str
    found: int
    done: int
    open: int
    rate_pct: Percent


class StatisticsView(BaseModel):
    """Figures of the whole and of each group; the groups add up to the whole."""

    found: int
    done: int
    open: int
    rate_pct: Percent
    groups: list[GroupView]


async def _filters(
    campaign_id: UUID | None = None,
    severity: Severity | None = None,
    kind_prefix: Annotated[str | None, Query(pattern=r"^[A-Z][A-Z0-9_]{0,39}$")] = None,
    object_type: ObjectType | None = None,
    cohort: Cohort | None = None,
    source: Annotated[str | None, Query(pattern=r"^[A-Z][A-Z0-9_]{0,39}$")] = None,
    lead_dept: Annotated[str | None, Query(pattern=r"^[A-Z]{2,12}$")] = None,
    region_prefix: RegionCode | None = None,
) -> Filters:
    return Filters(
        campaign_id, severity, kind_prefix, object_type, cohort, source, lead_dept, region_prefix
    )


LedgerFilters = Annotated[Filters, Depends(_filters)]
"""Which problems are counted, from the query."""


@router.get("/problems", responses=refusals(Invalid))
async def count_problems(
    runtime: RunningService,
    actor: Reader,
    filters: LedgerFilters,
    group_by: GroupBy | None = None,
    done_basis: DoneBasis = DoneBasis.CLOSED,
    as_of: CivilDate | None = None,
) -> StatisticsView:
    """Found, done, open and rate at this instant or at the end of `as_of`, within the caller's
    scope (I-54, I-55). `done_basis=REPORTED` counts what the units say is done."""
    wanted = FiguresWanted(filters, group_by, done_basis, as_of)
    async with runtime.database.statement() as connection:
        groups = await list_figures(connection, sight_of(actor), wanted)
    return _statistics(whole(groups), groups if group_by is not None else [])


def _statistics(total: Figures, groups: list[Figures]) -> StatisticsView:
    return StatisticsView(
        found=total.found,
        done=total.done,
        open=total.open,
        rate_pct=total.rate,
        groups=[
            GroupView(
                key=group.key,
                found=group.found,
                done=group.done,
                open=group.open,
                rate_pct=group.rate,
            )
            for group in groups
        ],
    )
