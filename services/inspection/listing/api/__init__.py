"""The calls below /lists and /list-deliveries."""

from typing import Any

from fastapi import APIRouter

from services.inspection.listing.api import deliveries, lists
from services.inspection.listing.queries import DELIVERY_DUE
from shared.configuration import Setting

router = APIRouter()
router.include_router(lists.router)
router.include_router(deliveries.router)

SETTINGS: tuple[Setting[Any], ...] = (DELIVERY_DUE,)
