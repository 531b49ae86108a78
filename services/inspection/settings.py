"""Typed environment of inspection (prefix INSPECTION_)."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class InspectionSettings(ServiceSettings):
    """What inspection reads from its environment."""

    model_config = SettingsConfigDict(env_prefix="INSPECTION_", frozen=True, extra="ignore")

    ledger_fold_seconds: float = Field(0.5, gt=0, le=60)
    reference_refresh_seconds: float = Field(5, gt=0, le=60)
