"""The addresses of the channels as people enter them, each of its own form."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.notify.contacts.domain import Channel
from shared.web.fields import Mobile

# A key becomes a part of a URL, so it may hold nothing that has a meaning there.
_Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{8,128}$")]
_Secret = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,256}$")]


class Address(BaseModel):
    """What every address is: a channel, and where it leads."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    channel: Channel

    def sealed_form(self) -> str:
        """The address as JSON, to be sealed."""
        return self.model_dump_json(exclude_none=True)


class WecomAddress(Address):
    """A group robot of WeCom."""

    channel: Literal[Channel.WECOM]
    key: _Key = Field(description="机器人 Webhook 地址中 key= 之后的部分")


class DingtalkAddress(Address):
    """A group robot of DingTalk."""

    channel: Literal[Channel.DINGTALK]
    access_token: _Key = Field(description="机器人 Webhook 地址中 access_token= 之后的部分")
    secret: _Secret | None = Field(None, description="加签密钥，以 SEC 开头")


class FeishuAddress(Address):
    """A custom bot of Feishu."""

    channel: Literal[Channel.FEISHU]
    key: _Key = Field(description="机器人 Webhook 地址末段")
    secret: _Secret | None = Field(None, description="签名校验密钥")


class SmsAddress(Address):
    """A mobile telephone."""

    channel: Literal[Channel.SMS]
    mobile: Mobile


class EmailAddress(Address):
    """A mailbox."""

    channel: Literal[Channel.EMAIL]
    address: Annotated[
        str,
        StringConstraints(
            max_length=254,
            pattern=r"^[A-Za-z0-9.!#$%&*+/=?^_{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$",
        ),
    ] = Field(description="电子邮箱", examples=["houjian@example.com"])


class AppriseAddress(Address):
    """An address of Apprise, of a scheme the operator allows."""

    channel: Literal[Channel.APPRISE]
    url: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,20}://[\x21-\x7e]{1,1000}$")]

    @property
    def scheme(self) -> str:
        """What the address begins with."""
        return self.url.partition("://")[0]


class DryRunAddress(Address):
    """Nowhere: what would have been sent is kept to be looked at."""

    channel: Literal[Channel.DRY_RUN]


AnyAddress = Annotated[
    WecomAddress
    | DingtalkAddress
    | FeishuAddress
    | SmsAddress
    | EmailAddress
    | AppriseAddress
    | DryRunAddress,
    Field(discriminator="channel", description="通道与地址；加密保存，只显示尾部"),
]
PetitionerAddress = Annotated[
    SmsAddress | EmailAddress | DryRunAddress,
    Field(discriminator="channel", description="信访人的联系方式；加密保存，办结后到期清除"),
]
