"""The environment of households: every variable begins with HOUSEHOLDS_."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class HouseholdsSettings(ServiceSettings):
    """What households reads from its environment."""

    # A refused setting must not show the others: the database URL may hold a password.
    model_config = SettingsConfigDict(env_prefix="HOUSEHOLDS_", hide_input_in_errors=True)

    field_key_file: Path = Field(
        description="master key of the encrypted columns, hex, mode 600; required: the register"
        " holds id numbers and never writes one in clear"
    )
