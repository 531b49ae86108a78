"""Platforms and operators at their queues, and what an operator sets and watches of queues."""

from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.notify.mirror.domain import derived_id
from services.notify.queues.commands.telling import Happened, enqueue
from services.notify.queues.domain.notices import Notice, Priority, Purpose
from services.notify.webhooks.commands import SUSPENDED
from shared.ids import new_id
from tests.faults.stage import until
from tests.notify.conftest import FOUND, LEAD, Notify, Story

OPERATORS = "OPS@511132"
_SUSPENSION = (
    '{"subscription_id": "7b0f7f4e-8a55-4f7e-9f5e-2f8c1b1d0a01", "organisation": "扶贫部门",'
    ' "reason": "GONE", "region_code": "511132"}'
)


async def test_a_platform_takes_what_it_subscribed_to_out_of_its_queue(notify: Notify) -> None:
    made = await notify.app.client.post(
        "/api/v1/subscriptions",
        json={"channel": "QUEUE"},
        headers=notify.app.headers("PROV@51", "province_platform"),
    )
    assert made.status_code == 201
    await notify.hear(Story().tell())
    queue = notify.queue("PROV@51", "province_platform")
    (message,) = await queue.pull()
    assert message["payload"]["purpose"] == "SUBSCRIBED"
    assert (await queue.ack(message)).status_code == 204
    assert await queue.stats() == {"queued": 0, "leased": 0, "dead": 0}


async def test_operators_read_and_take_what_they_are_told(notify: Notify) -> None:
    await tell_operators(notify)
    headers = notify.app.headers(OPERATORS, "ops")
    inbox = await notify.app.client.get("/api/v1/inbox", headers=headers)
    assert [item["purpose"] for item in inbox.json()["items"]] == ["ENDPOINT_SUSPENDED"]
    queue = notify.queue(OPERATORS, "ops")
    (message,) = await queue.pull()
    assert (await queue.ack(message)).status_code == 204


async def test_operators_have_nobody_elses_inbox(notify: Notify) -> None:
    await notify.hear(Story().tell())
    inbox = await notify.app.client.get(
        "/api/v1/inbox", headers=notify.app.headers(OPERATORS, "ops")
    )
    assert inbox.json()["items"] == []


async def test_metrics_tell_how_many_messages_are_dead(notify: Notify) -> None:
    await notify.hear(Story().tell(), Story().tell())
    async with notify.app.database.statement() as connection:
        await connection.execute("UPDATE messages SET state = 'DEAD' WHERE org = $1", LEAD)

    async def told() -> bool:
        return REGISTRY.get_sample_value("bangfu_dead_letters") == 2

    await until(told, 10, "two dead letters are told of")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("queue_lease_seconds", 0),
        ("queue_lease_seconds", 3601),
        ("queue_delivery_limit", 0),
        ("queue_delivery_limit", -3),
        ("subscription_limit", -1),
    ],
)
async def test_a_value_under_which_queues_cannot_work_is_refused(
    notify: Notify, key: str, value: Any
) -> None:
    answered = await notify.app.client.put(
        f"/api/v1/config/51/{key}",
        json={"value": value, "effective_from": "2020-01-01"},
        headers=notify.app.headers("OPS@51", "ops"),
    )
    assert answered.status_code == 422
    assert answered.json()["errors"][0]["code"] == "VALUE_INVALID"


async def tell_operators(notify: Notify) -> None:
    """A webhook of the county was suspended."""
    event_id = derived_id(new_id(), "suspended", 2)
    notice = Notice(event_id, OPERATORS, None, Purpose.ENDPOINT_SUSPENDED, Priority.URGENT)
    async with notify.app.database.transaction() as session:
        await enqueue(session, [Happened(event_id, SUSPENDED, FOUND, _SUSPENSION)], [notice])
