"""The environment of funds: every variable begins with FUNDS_."""

from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class FundsSettings(ServiceSettings):
    """What funds reads from its environment."""

    model_config = SettingsConfigDict(env_prefix="FUNDS_")
