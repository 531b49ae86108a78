"""GET /analysis/ageing, /analysis/durations and /analysis/systemic-proposals."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from services.inspection import labels
from services.inspection.analysis.api.headings import find_names, key_cells, key_columns
from services.inspection.analysis.api.tables import Since, Until
from services.inspection.analysis.domain import (
    AGE_CODES,
    AGE_NAMES,
    DUE_CODES,
    DUE_NAMES,
    Ageing,
    Duration,
    Proposal,
    RangeEmpty,
    StayGroup,
    TableTooLarge,
    whole_ageing,
)
from services.inspection.analysis.queries.problems import (
    read_ageing,
    read_durations,
    read_proposals,
)
from services.inspection.ledger.api import LedgerFilters
from services.inspection.ledger.domain import GroupBy
from services.inspection.ledger.queries import Filters
from services.inspection.mirror.queries import find_region_names
from services.inspection.roles import Reader
from services.inspection.scope import sight_of
from shared import clock
from shared.configuration import Setting
from shared.errors import Invalid
from shared.labels import kind_name
from shared.spreadsheets import Cell, Column, Kind
from shared.web.dependencies import QuerySession, RunningService
from shared.web.downloads import FILE_ANSWERS, ChosenFormat, Format, download
from shared.web.fields import RegionCode
from shared.web.problem_details import refusals

router = APIRouter(prefix="/analysis", tags=["analysis"])

SYSTEMIC_VILLAGES = Setting(
    "systemic_villages", 5, Annotated[int, Field(ge=1, le=10_000)], rule="I-21"
)
_YEAR_DAYS = 365


class AgeingView(BaseModel):
    """The open problems of one group: `ages` by the days since they were found, `dues` by the days
    until (`left`) or since (`over`) their deadline; either adds up to `open`."""

    key: str
    name: str
    open: int
    ages: dict[str, int]
    dues: dict[str, int]


class AgeingsView(BaseModel):
    """The whole, and each group; the groups add up to the whole."""

    whole: AgeingView
    groups: list[AgeingView]


@router.get(
    "/ageing",
    response_model=AgeingsView,
    responses={**refusals(Invalid, TableTooLarge), **FILE_ANSWERS},
)
async def analyse_ageing(
    session: QuerySession,
    actor: Reader,
    chosen: ChosenFormat,
    filters: LedgerFilters,
    group_by: GroupBy | None = None,
) -> AgeingsView | StreamingResponse:
    """The caller's open problems by age and by the time left, as of today (I-55)."""
    groups = await read_ageing(session, sight_of(actor), filters, group_by, clock.today())
    names = await find_names(await session.driver(), group_by, [group.key for group in groups])
    if chosen is Format.JSON:
        return AgeingsView(
            whole=_ageing_view(whole_ageing(groups), {}),
            groups=[_ageing_view(group, names) for group in groups] if group_by else [],
        )
    columns = [*key_columns(group_by), *_AGEING_COLUMNS]
    return await download(chosen, "未销号问题时长", columns, _ageing_rows(groups, group_by, names))


_AGEING_COLUMNS = [Column(name, Kind.INTEGER) for name in ("未销号数", *AGE_NAMES, *DUE_NAMES)]


def _ageing_rows(
    groups: list[Ageing], axis: GroupBy | None, names: Mapping[str, str]
) -> Iterator[list[Cell]]:
    for one in groups:
        yield [*key_cells(axis, one.key, names), one.open, *one.ages, *one.dues]


def _ageing_view(group: Ageing, names: Mapping[str, str]) -> AgeingView:
    return AgeingView(
        key=group.key,
        name=names.get(group.key, group.key),
        open=group.open,
        ages=dict(zip(AGE_CODES, group.ages, strict=True)),
        dues=dict(zip(DUE_CODES, group.dues, strict=True)),
    )


class DurationView(BaseModel):
    """The time problems stood in a state they have left, in days; `key` is null for the whole."""

    key: str | None
    name: str | None
    state: str
    number: int
    mean_days: Decimal
    median_days: Decimal
    p90_days: Decimal


class DurationsView(BaseModel):
    """Each state of the whole, then of each group."""

    durations: list[DurationView]


@router.get(
    "/durations",
    response_model=DurationsView,
    responses={**refusals(Invalid, RangeEmpty), **FILE_ANSWERS},
)
async def analyse_durations(
    session: QuerySession,
    actor: Reader,
    chosen: ChosenFormat,
    group_by: StayGroup | None = None,
    since: Since = None,
    until: Until = None,
    campaign_id: UUID | None = None,
    kind_prefix: Annotated[str | None, Query(pattern=r"^[A-Z][A-Z0-9_]{0,39}$")] = None,
    lead_dept: Annotated[str | None, Query(pattern=r"^[A-Z]{2,12}$")] = None,
    region_prefix: RegionCode | None = None,
) -> DurationsView | StreamingResponse:
    """How long the caller's problems stood in each state they left from `from` (a year before `to`,
    if left out) to `to` (today): where time is lost (I-55)."""
    last = until or clock.today()
    first = since or clock.days_after(last, -_YEAR_DAYS)
    if first > last:
        raise RangeEmpty
    filters = Filters(campaign_id, None, kind_prefix, lead_dept=lead_dept, region=region_prefix)
    found = await read_durations(session, sight_of(actor), filters, group_by, first, last)
    axis = None if group_by is None else GroupBy(group_by)
    keys = {one.key for one in found if one.key is not None}
    names = await find_names(await session.driver(), axis, keys)
    if chosen is Format.JSON:
        return DurationsView(durations=[_duration_view(one, names) for one in found])
    columns = [*key_columns(axis), *_DURATION_COLUMNS]
    return await download(chosen, "各环节用时", columns, _duration_rows(found, axis, names))


_DURATION_COLUMNS = [
    Column("环节", width=16),
    Column("次数", Kind.INTEGER),
    Column("平均天数", Kind.DECIMAL),
    Column("中位天数", Kind.DECIMAL),
    Column("九成在多少天内", Kind.DECIMAL, 16),
]


def _duration_rows(
    found: list[Duration], axis: GroupBy | None, names: Mapping[str, str]
) -> Iterator[list[Cell]]:
    for one in found:
        key = ("全部", "全部") if one.key is None else (one.key, names[one.key])
        yield [
            *(key if axis else ()),
            labels.STATES.get(one.state, one.state),
            one.number,
            *map(_rounded, (one.mean, one.median, one.p90)),
        ]


def _duration_view(one: Duration, names: Mapping[str, str]) -> DurationView:
    return DurationView(
        key=one.key,
        name=None if one.key is None else names[one.key],
        state=one.state,
        number=one.number,
        mean_days=_rounded(one.mean),
        median_days=_rounded(one.median),
        p90_days=_rounded(one.p90),
    )


def _rounded(days: float) -> Decimal:
    return Decimal(days).quantize(Decimal("0.01"))


class ProposalView(BaseModel):
    """A kind to be handled as SYSTEMIC in a county, and why."""

    county_code: str
    county_name: str
    kind: str
    kind_name: str
    villages: int
    found: int
    open: int


class ProposalsView(BaseModel):
    """The proposals, the kinds found in most villages first."""

    proposals: list[ProposalView]


@router.get(
    "/systemic-proposals",
    response_model=ProposalsView,
    responses={**refusals(Invalid), **FILE_ANSWERS},
)
async def propose_systemic(
    session: QuerySession,
    runtime: RunningService,
    actor: Reader,
    chosen: ChosenFormat,
    region_code: RegionCode | None = None,
    campaign_id: UUID | None = None,
    since: Since = None,
) -> ProposalsView | StreamingResponse:
    """The kinds found in so many villages of a county (⚙ 5) that they are no single cases, as long
    as none of their problems is SYSTEMIC (I-21). What was found since `from` counts: in a campaign
    all of it, else what was found within a year, if left out."""
    today = clock.today()
    if since is None and campaign_id is None:
        since = clock.days_after(today, -_YEAR_DAYS)
    filters = Filters(campaign_id, region=region_code)
    found = [
        one
        for one in await read_proposals(session, sight_of(actor), filters, since)
        if one.villages >= runtime.configuration.value(SYSTEMIC_VILLAGES, one.county, today)
    ]
    names = await find_region_names(await session.driver(), {one.county for one in found})
    proposals = [_proposal_view(one, names) for one in found]
    if chosen is Format.JSON:
        return ProposalsView(proposals=proposals)
    rows = ([cell for _, cell in proposal] for proposal in proposals)
    return await download(chosen, "共性问题建议", _PROPOSAL_COLUMNS, rows)


_PROPOSAL_COLUMNS = [
    *(Column("县代码"), Column("县", width=20)),
    *(Column("问题类型代码", width=24), Column("问题类型", width=24)),
    *(Column(title, Kind.INTEGER) for title in ("涉及村数", "发现数", "未销号数")),
]


def _proposal_view(one: Proposal, names: Mapping[str, str]) -> ProposalView:
    return ProposalView(
        county_code=one.county,
        county_name=names.get(one.county, one.county),
        kind=one.kind,
        kind_name=kind_name(one.kind),
        villages=one.villages,
        found=one.found,
        open=one.open,
    )
