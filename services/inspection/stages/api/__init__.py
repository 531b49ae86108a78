"""The calls below /campaigns/{id}, and the configured values behind them."""

from typing import Any

from fastapi import APIRouter

from services.inspection.campaigns.queries import SETTINGS as CAMPAIGN_SETTINGS
from services.inspection.stages.api import checks, duties, reports, samplings, stages
from services.inspection.stages.queries.samplings import MINIMUM
from shared.configuration import Setting

router = APIRouter()
for part in (stages, checks, duties, reports, samplings):
    router.include_router(part.router)

SETTINGS: tuple[Setting[Any], ...] = (*CAMPAIGN_SETTINGS, *MINIMUM.values())
