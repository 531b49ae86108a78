"""The environment of notify: every variable begins with NOTIFY_."""

from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from shared.egress import Egress
from shared.settings import Environment, ServiceSettings


class SmsTemplate(BaseModel):
    """A text registered with the SMS gateway: its id, and the variables it takes, in order."""

    model_config = ConfigDict(extra="forbid")

    id: str
    variables: list[str] = []


class SmsGateway(BaseModel):
    """How an SMS gateway is asked over HTTP.

    In the texts of `headers` and `body` stand {mobile}, {template_id}, the variables of a message
    ({title}, {place}, {due_on}, {count} …), {variables} (those of the template as a JSON text) and,
    as a whole value, {variable_list} (their values in order). `templates` are by purpose; "*" is
    for every other, COUNT for several messages at once. {text}, the message itself, is filled in
    only with `free_text`. An answer is good when its field `success_field` is `success_value`, and
    to be asked for again when it is one of `later_values`. Up to `separate_at_most` messages go out
    one by one, more as their number.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: str
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, SecretStr] = {}
    body: dict[str, Any]
    form: bool = False
    templates: dict[str, SmsTemplate] = {}
    free_text: bool = False
    success_field: str = ""
    success_value: str = ""
    later_values: frozenset[str] = frozenset()
    separate_at_most: int = Field(3, ge=1)


class MailServer(BaseModel):
    """The SMTP server e-mail is handed to."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    host: str
    port: int = Field(587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    sender: str
    ca_file: Path | None = None


class NotifySettings(ServiceSettings):
    """What notify reads from its environment."""

    # A refused setting must not show the others: the database URL may hold a password.
    # An empty variable is one that is not set, as in a file of variables that is not filled in.
    model_config = SettingsConfigDict(
        env_prefix="NOTIFY_", env_ignore_empty=True, hide_input_in_errors=True
    )

    field_key_file: Path = Field(
        description="master key of the encrypted columns, hex, mode 600; required: addresses of"
        " contacts and secrets of webhooks are never written in clear"
    )

    # People's channels
    wecom_url: str = Field("https://qyapi.weixin.qq.com", description="WeCom, or a relay to it")
    dingtalk_url: str = Field("https://oapi.dingtalk.com", description="DingTalk, or a relay to it")
    feishu_url: str = Field("https://open.feishu.cn", description="Feishu, or a relay to it")
    console_url: str | None = Field(
        None, description="where people open the console: with it, texts end in a link"
    )
    sms: SmsGateway | None = Field(None, description="the SMS gateway, as JSON")
    mail: MailServer | None = Field(None, description="the SMTP server, as JSON")
    apprise_schemes: frozenset[str] = Field(
        frozenset(),
        description="the schemes of Apprise that contacts may have, as a JSON list; json:// and"
        " the like can reach any host the service can",
    )
    channel_timeout_seconds: float = Field(10, gt=0, le=60)
    sendings_at_once: int = Field(
        4, ge=1, le=50, description="contacts, or robots of several, at once, of each channel"
    )

    # Subscriptions
    delivery_retention_days: int = Field(
        30, ge=1, description="how long what was delivered, or recorded for a stream, is kept"
    )

    # Webhooks: where they may go
    webhook_networks: str = Field(
        "", description="private networks that webhooks may reach, as in 10.8.0.0/16,192.168.3.4/32"
    )
    webhook_ports: str = Field(
        "80,443,8080,8443", description="ports that webhooks may reach, as in 443,8000-8100"
    )
    webhook_plain_http: bool = Field(False, description="whether a webhook may have an http:// URL")
    webhook_ca_file: Path | None = Field(
        None, description="certificate authorities of receivers, PEM, beside the public ones"
    )

    # Webhooks
    webhook_log_days: int = Field(30, ge=1, description="how long attempts of webhooks are listed")

    @cached_property
    def webhook_egress(self) -> Egress:
        """Where webhooks may go."""
        return Egress.parse(
            self.webhook_networks, self.webhook_ports, plain_http=self.webhook_plain_http
        )

    @model_validator(mode="after")
    def refuse_unknown_egress(self) -> Self:
        """Networks and ports that cannot be meant stop the process, not the first webhook."""
        leads_home = self.webhook_egress.leads_home()
        if leads_home and self.environment is Environment.PRODUCTION:
            raise ValueError("webhooks to this machine itself are refused in production")
        return self
