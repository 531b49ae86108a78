"""Typed environment of a service: every variable carries the service's name as its prefix."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Where the process runs; production refuses what only a development machine may do."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class ServiceSettings(BaseSettings):
    """What every service reads from `<SERVICE>_<NAME>`; a service adds fields by subclassing."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", secrets_dir=None)

    database_url: str = Field(description="postgresql:// URL of this service's own database")
    database_pool_size: int = Field(10, ge=1, le=100)
    environment: Environment = Environment.DEVELOPMENT
    simulation_clock: bool = False

    kafka_bootstrap: str | None = Field(
        None, description="host:port; without it nothing is relayed"
    )
    kafka_idempotent: bool = Field(True, description="off on a broker without producer ids")
    kafka_fetch_wait_milliseconds: int = Field(25, ge=1, le=5000)
    kafka_request_timeout_milliseconds: int = Field(10_000, ge=500)
    relay_poll_seconds: float = Field(0.05, gt=0, le=5)
    relay_batch_size: int = Field(500, ge=1, le=5000)
    timer_poll_seconds: float = Field(1.0, gt=0, le=60)

    jwks_file: Path | None = None
    jwks_url: str | None = None
    token_issuer: str = Field(description="required `iss` of every token")
    token_audience: str = "bangfu"  # noqa: S105 - a name, not a secret

    field_key_file: Path | None = Field(None, description="master key of encrypted columns, hex")
    request_body_limit_bytes: int = Field(4 * 1024 * 1024, ge=1024)
    log_level: str = "INFO"
    otlp_endpoint: str | None = Field(
        None, description="OTLP over HTTP; without it no traces leave"
    )

    @model_validator(mode="after")
    def refuse_unsafe_production(self) -> Self:
        """Production runs on the real clock and knows whose tokens it trusts."""
        if self.environment is Environment.PRODUCTION and self.simulation_clock:
            raise ValueError("the simulation clock is refused in production")
        if self.jwks_file is None and self.jwks_url is None:
            raise ValueError("one of JWKS_FILE or JWKS_URL is required")
        return self
