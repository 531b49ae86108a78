"""Subscriptions are known again after the store was lost; what was kept is kept for a while."""

from datetime import timedelta
from typing import Any

from services.notify.feeds.commands import suspend
from services.notify.feeds.queries import get_subscription, of_organisation
from services.notify.feeds.retention import forget_deliveries
from shared import clock
from shared.events.base import Received, decode
from shared.events.notify import SubscriptionEvent
from shared.testing import recorded_envelopes
from tests.notify.conftest import Notify, Story
from tests.notify.feeds.conftest import Subscriber, kept

WEBHOOK = {"channel": "WEBHOOK", "target": "https://1.1.1.1/"}
STATE = """
SELECT subscription_id, org, channel, filters::text, state, reason, created_at, changed_at,
       event_sequence FROM subscriptions ORDER BY 1
"""
VERSIONS = """
SELECT subscription_id, version, valid_from, state, filters::text FROM subscription_versions
 ORDER BY 1, 2
"""


async def stored(notify: Notify) -> tuple[Any, Any]:
    """The subscriptions and their versions."""
    async with notify.app.database.statement() as connection:
        return await connection.fetch(STATE), await connection.fetch(VERSIONS)


async def own_events(notify: Notify) -> list[Received[Any]]:
    """What notify has published of subscriptions, as it hears it itself."""
    heard = [Received(decode(one), one) for one in await recorded_envelopes(notify.app.database)]
    return [one for one in heard if isinstance(one.event, SubscriptionEvent)]


async def forget(notify: Notify) -> None:
    """The store is lost, but for the outbox that stands for the topics."""
    async with notify.app.database.statement() as connection:
        await connection.execute(
            "TRUNCATE subscriptions, subscription_versions, deliveries, messages, happenings,"
            " problems, reminders, inbox, inbox_cursor"
        )


async def test_hearing_its_own_events_changes_nothing(notify: Notify, office: Subscriber) -> None:
    view = await office.subscribe("KAFKA")
    await office.change(view, state="PAUSED")
    await office.call("POST", "", WEBHOOK)
    before = await stored(notify)
    await notify.hear(*await own_events(notify))
    assert await stored(notify) == before


async def test_a_lost_store_knows_subscriptions_and_their_past_again(
    notify: Notify, office: Subscriber
) -> None:
    queue = await office.subscribe(severities=["PROMINENT"])
    topic = await office.subscribe("KAFKA")
    ended = await office.subscribe("SSE")
    await office.change(queue, "2086-03-03T09:00:00+08:00", filters={})
    await office.end(ended, "2086-03-04T09:00:00+08:00")
    before = await stored(notify)
    events = await own_events(notify)
    problem = Story().tell(at="2086-03-02T09:00:00+08:00")
    await notify.hear(problem)
    assert await office.told() == []

    await forget(notify)
    await notify.hear(*events)
    assert await stored(notify) == before
    await notify.hear(problem)
    assert await office.told() == [], "the filters of that day"
    assert (await office.call("GET", f"/{topic['id']}")).json()["target"] == topic["target"]
    assert len(await office.copies()) == 1, "under the same id"
    [(position, *_)] = await kept(notify, ended)
    assert position > 1_000_000_000_000, "no number that was given before is given again"


async def test_a_restored_webhook_waits_for_a_target(notify: Notify, office: Subscriber) -> None:
    made = (await office.call("POST", "", WEBHOOK)).json()
    ended = (await office.call("POST", "", WEBHOOK)).json()
    await office.end(ended)
    events = await own_events(notify)
    await forget(notify)
    await notify.hear(*events)
    view = (await office.call("GET", f"/{made['id']}")).json()
    assert (view["state"], view["reason"], view["target"]) == ("SUSPENDED", "TARGET_LOST", None)
    assert (await office.call("GET", f"/{ended['id']}")).json()["state"] == "DELETED"
    moved = await office.change(view, target="https://1.1.1.1/again")
    assert (moved["reason"], moved["version"]) == ("UNTESTED", 2)


async def test_a_suspension_is_published_with_its_reason(
    notify: Notify, office: Subscriber
) -> None:
    view = await office.subscribe("SSE")
    async with notify.app.database.transaction() as session:
        row = await get_subscription(
            session, of_organisation(view["org"]), view["id"], for_update=True
        )
        await suspend(session, row, "GONE", clock.now())
    last = (await own_events(notify))[-1].event
    assert (last.wire_type, last.reason) == ("notify.subscription.suspended.v1", "GONE")
    assert (await office.call("GET", f"/{view['id']}")).json()["reason"] == "GONE"


async def test_what_was_delivered_is_forgotten_and_what_waits_is_not(
    notify: Notify, office: Subscriber
) -> None:
    stream = await office.subscribe("SSE")
    webhook = (await office.call("POST", "", WEBHOOK)).json()
    gone = (await office.call("POST", "", WEBHOOK)).json()
    await notify.hear(Story().tell(), Story().tell())
    await office.end(gone)
    past = clock.now() - timedelta(days=31)
    async with notify.app.database.statement() as connection:
        await connection.execute("UPDATE deliveries SET recorded_at = $1 WHERE position = 1", past)
    assert await forget_deliveries(notify.app.database, 30) == 2
    assert [place for place, *_ in await kept(notify, stream)] == [2]
    assert [place for place, *_ in await kept(notify, webhook)] == [1, 2]
    assert [place for place, *_ in await kept(notify, gone)] == [2]
    await notify.hear(Story().tell())
    assert [place for place, *_ in await kept(notify, stream)] == [2, 3]
