"""Which adapter serves which channel, as the operator has configured them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from services.notify.contacts.domain import Channel
from services.notify.sendings.channels.adapter import ChannelAdapter, Unavailable
from services.notify.sendings.channels.dingtalk import Dingtalk
from services.notify.sendings.channels.dry_run import DryRun
from services.notify.sendings.channels.feishu import Feishu
from services.notify.sendings.channels.mail import Mail
from services.notify.sendings.channels.sms import Sms
from services.notify.sendings.channels.through_apprise import apprise_or_reason
from services.notify.sendings.channels.wecom import Wecom
from services.notify.sendings.domain import Reason
from services.notify.settings import NotifySettings
from shared.http import plain_client

_NOT_CONFIGURED = Unavailable(Reason.CHANNEL_NOT_CONFIGURED)


@asynccontextmanager
async def open_channels(
    settings: NotifySettings,
) -> AsyncIterator[Mapping[Channel, ChannelAdapter]]:
    """The adapters of all channels, over one pool of connections."""
    seconds = settings.channel_timeout_seconds
    async with plain_client(seconds=seconds) as client:
        yield {
            Channel.WECOM: Wecom(client, settings.wecom_url),
            Channel.DINGTALK: Dingtalk(client, settings.dingtalk_url),
            Channel.FEISHU: Feishu(client, settings.feishu_url),
            Channel.SMS: (Sms(client, settings.sms) if settings.sms else _NOT_CONFIGURED),
            Channel.EMAIL: Mail(settings.mail, seconds) if settings.mail else _NOT_CONFIGURED,
            Channel.APPRISE: (
                apprise_or_reason(settings.apprise_schemes)
                if settings.apprise_schemes
                else _NOT_CONFIGURED
            ),
            Channel.DRY_RUN: DryRun(),
        }
