"""What a store that is rebuilt learns of suspended webhooks."""

from pathlib import Path
from typing import Any

from services.notify.webhooks.commands import suspend_endpoint
from services.notify.webhooks.domain import Reason
from shared.events.base import Received, decode
from shared.events.notify import SubscriptionSuspended
from shared.testing import recorded_envelopes
from tests.conftest import Start
from tests.notify.conftest import Notify
from tests.notify.webhooks.endpoints import Hooks, running_hooks


async def heard_by(hooks: Hooks, source: Hooks) -> None:
    """Everything `source` has published of subscriptions, as `hooks` hears it."""
    events: list[Received[Any]] = [
        Received(decode(envelope), envelope)
        for envelope in await recorded_envelopes(source.app.database)
        if envelope.topic == "notify.subscription"
    ]
    await Notify(hooks.app).hear(*events)


async def test_who_was_told_of_a_suspension_is_told_once(hooks: Hooks) -> None:
    from_id = (await hooks.open("/a")).id
    subscription = (await hooks.fetch("SELECT subscription_id FROM subscriptions"))[0]
    for _ in range(2):
        await suspend_endpoint(hooks.app.database, subscription["subscription_id"], Reason.FAILING)
    told = await hooks.warnings()
    assert [org for _, _, org in told] == ["OPS@511132", hooks.org]
    await heard_by(hooks, hooks)
    assert await hooks.warnings() == told
    assert len(await hooks.app.events(SubscriptionSuspended)) == 1
    queue = Notify(hooks.app).queue(hooks.org, hooks.role)
    [message] = await queue.pull()
    assert message["payload"]["subscription_id"] == from_id
    assert message["payload"]["title"].startswith("推送地址已停用")
    assert "推送地址连续失败，已停止推送" in message["payload"]["text"]


async def test_who_wants_nothing_more_is_not_said_to_have_failed(hooks: Hooks) -> None:
    await hooks.open("/a")
    [subscription] = await hooks.fetch("SELECT subscription_id FROM subscriptions")
    await suspend_endpoint(hooks.app.database, subscription["subscription_id"], Reason.GONE)
    [message] = await Notify(hooks.app).queue(hooks.org, hooks.role).pull()
    assert "推送地址已答复不再接收推送（410），已停止推送" in message["payload"]["text"]


async def test_a_rebuilt_store_has_told_the_same(
    hooks: Hooks, start: Start, field_key_file: Path
) -> None:
    await hooks.open("/a")
    subscription = (await hooks.fetch("SELECT subscription_id FROM subscriptions"))[0]
    await suspend_endpoint(hooks.app.database, subscription["subscription_id"], Reason.GONE)
    async with running_hooks(start, field_key_file) as rebuilt:
        await heard_by(rebuilt, hooks)
        assert await rebuilt.warnings() == await hooks.warnings()
        [row] = await rebuilt.fetch("SELECT state, reason FROM subscriptions")
        assert tuple(row) == ("SUSPENDED", "TARGET_LOST")
