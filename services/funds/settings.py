"""The environment of funds: every variable begins with FUNDS_."""

from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class FundsSettings(ServiceSettings):
    """What funds reads from its environment."""

    # A refused setting must not show the others: the database URL may hold a password.
    model_config = SettingsConfigDict(env_prefix="FUNDS_", hide_input_in_errors=True)
