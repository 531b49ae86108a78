"""Typed environment of inspection (prefix INSPECTION_)."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from shared.settings import Environment, ServiceSettings


class InspectionSettings(ServiceSettings):
    """What inspection reads from its environment."""

    model_config = SettingsConfigDict(env_prefix="INSPECTION_", frozen=True, extra="ignore")

    ledger_fold_seconds: float = Field(5, gt=0, le=60)
    reference_refresh_seconds: float = Field(5, gt=0, le=60)

    object_store_url: str = Field(
        "",
        description="file:///directory or s3://bucket/prefix; without it no evidence file is kept",
    )
    object_store_endpoint: str = Field("", description="URL of an S3-compatible store")
    object_store_region: str = ""
    object_store_key_id: str = ""
    object_store_secret: SecretStr = SecretStr("")
    virus_scanner: str = Field(
        "", description="tcp://host:port or unix:///socket of clamd; without it nothing is scanned"
    )
    link_key_file: Path | None = Field(
        None, description="key that signs download links, hex; without it one of this process alone"
    )

    @model_validator(mode="after")
    def demand_a_lasting_link_key(self) -> Self:
        """In production the links that one process signs must open at all others, and next day."""
        lasting = self.link_key_file is not None or not self.object_store_url
        if self.environment is Environment.PRODUCTION and not lasting:
            raise ValueError("LINK_KEY_FILE is required where evidence files are kept")
        return self
