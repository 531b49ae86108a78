"""The environment of notify: every variable begins with NOTIFY_."""

from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class NotifySettings(ServiceSettings):
    """What notify reads from its environment."""

    model_config = SettingsConfigDict(env_prefix="NOTIFY_")
