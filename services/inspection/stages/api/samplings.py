"""POST and GET /campaigns/{id}/samplings: a city's spot-check."""

import secrets
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.inspection.campaigns.domain import Action, OutsideCampaign
from services.inspection.campaigns.queries import get_campaign
from services.inspection.stages.api.stages import may
from services.inspection.stages.commands.sampling import draw_sample
from services.inspection.stages.domain.sampling import (
    PoolTooSmall,
    QuotaBy,
    SampleTooSmall,
    TargetInvalid,
    ZoneKind,
)
from services.inspection.stages.queries.samplings import get_sampling, list_samplings
from services.inspection.stages.tables import CampaignSampling
from shared.errors import Forbidden, IllegalMove, Invalid, NotFound
from shared.security import Actor
from shared.web.dependencies import QuerySession, WriteSession
from shared.web.fields import RegionCode
from shared.web.idempotency import IdempotencyConflict, IdempotencyInProgress, OnceOnly
from shared.web.problem_details import refusals

router = APIRouter(prefix="/campaigns/{campaign_id}/samplings", tags=["campaigns"])

# Whole numbers every reader of JSON keeps exactly.
_LARGEST_SEED = 2**53 - 1

Seed = (
    Annotated[int, Field(ge=0, le=_LARGEST_SEED)]
    | Annotated[str, StringConstraints(min_length=1, max_length=100)]
)
SampleSize = Annotated[int, Field(ge=0, le=10_000)]


class DrawSample(BaseModel):
    """What is to be drawn."""

    model_config = ConfigDict(extra="forbid")

    target_region: RegionCode
    zone_kind: ZoneKind
    households: SampleSize
    villages: SampleSize
    seed: Seed | None = Field(None, description="抽样种子；不填则随机生成并保存")
    quotas: QuotaBy | None = Field(None, description="按乡镇或户类的户数比例分配（最大余数法）")


class Population(BaseModel):
    """How many there were to draw from."""

    households: int
    villages: int


class Share(BaseModel):
    """How many households of a group were drawn; `key` is the township or cohort."""

    key: str
    population: int
    drawn: int


class SamplingView(BaseModel):
    """A draw: the same seed draws the same from the same population."""

    id: UUID
    target_region: str
    zone_kind: ZoneKind
    seed: int | str
    quotas: QuotaBy | None
    households: list[UUID]
    villages: list[str]
    population: Population
    shares: list[Share]
    drawn_at: datetime

    @classmethod
    def of(cls, sampling: CampaignSampling) -> "SamplingView":
        """The view of a row."""
        population = Population(
            households=sampling.household_population, villages=sampling.village_population
        )
        return cls.model_validate({**sampling.model_dump(), "population": population})


class SamplingList(BaseModel):
    """The draws of a campaign, oldest first."""

    items: list[SamplingView]


_Sampler = Annotated[Actor, may(Action.DRAW_SAMPLE)]


@router.post(
    "",
    status_code=201,
    responses=refusals(
        *(NotFound, Forbidden, IllegalMove, Invalid, SampleTooSmall, PoolTooSmall),
        *(TargetInvalid, OutsideCampaign, IdempotencyConflict, IdempotencyInProgress),
    ),
)
async def post_sampling(
    campaign_id: UUID,
    body: DrawSample,
    session: WriteSession,
    once: OnceOnly,
    actor: _Sampler,
) -> SamplingView:
    """Draw households and villages of a county for a spot-check by the city: at least 200 and 10,
    in a zone 100 and 5 (I-52)."""
    sampling = await draw_sample(
        session,
        actor,
        campaign_id,
        target_region=body.target_region,
        zone_kind=body.zone_kind,
        households=body.households,
        villages=body.villages,
        seed=secrets.randbelow(_LARGEST_SEED) if body.seed is None else body.seed,
        quotas=body.quotas,
    )
    return await once.keep(SamplingView.of(sampling))


@router.get("", responses=refusals(NotFound, Invalid))
async def get_samplings(campaign_id: UUID, session: QuerySession, actor: _Sampler) -> SamplingList:
    """The draws of a campaign, for the city and above: whoever is visited does not know."""
    campaign = await get_campaign(session, actor, campaign_id)
    rows = await list_samplings(session, actor, campaign.id)
    return SamplingList(items=[SamplingView.of(row) for row in rows])


@router.get("/{sampling_id}", responses=refusals(NotFound, Invalid))
async def get_sampling_by_id(
    campaign_id: UUID, sampling_id: UUID, session: QuerySession, actor: _Sampler
) -> SamplingView:
    """One draw, as it was drawn."""
    return SamplingView.of(await get_sampling(session, actor, campaign_id, sampling_id))
