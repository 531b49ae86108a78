"""Lanes: nobody waits for another, and nothing is lost or sent twice when something fails."""

import asyncio
import time
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from services.notify.sendings import sender
from services.notify.sendings.channels.opening import open_channels
from services.notify.sendings.sender import send_to_people
from services.notify.settings import NotifySettings
from shared import clock
from tests.notify.conftest import Story
from tests.notify.sendings.providers import (
    DRY,
    KEY,
    MORNING,
    WECOM,
    Answer,
    Asked,
    Opened,
    answered,
    at,
    falling_silent,
    serving,
    wecom,
)


async def test_a_provider_that_hangs_delays_nobody_elses(opened: Opened) -> None:
    with ExitStack() as stack:
        silent = stack.enter_context(serving(falling_silent))
        robot = stack.enter_context(serving(lambda _asked: answered({"code": 0})))
        people = await opened(
            wecom_url=silent.url, feishu_url=robot.url, channel_timeout_seconds=1.0
        )
        dead = [await people.add({"channel": "WECOM", "key": f"{KEY}{n}"}) for n in range(6)]
        alive = await people.add({"channel": "FEISHU", "key": KEY})
        for contact in (*dead, alive):
            await people.say(contact, MORNING, "消息")
        began = time.monotonic()
        run = asyncio.create_task(people.run(MORNING))
        while not robot.asked:
            assert time.monotonic() - began < 5
            await asyncio.sleep(0.01)
        # It was asked while the first of the dead ones still kept their callers waiting.
        assert robot.asked[0].at < began + 1.0
        assert await run == {"sent": 1}
        assert sorted(await people.states())[:6] == [("PENDING", "TIMEOUT")] * 6


async def test_two_senders_never_serve_one_contact_at_once(opened: Opened) -> None:
    def slow(asked: Asked) -> Answer:
        time.sleep(0.2)
        return wecom(asked)

    with serving(slow) as robot:
        people = await opened(wecom_url=robot.url)
        contact = await people.add(WECOM)
        await people.say(contact, MORNING, "甲", "乙", "丙")
        figures = await asyncio.gather(people.run(MORNING), people.run(MORNING))
        assert sorted(figures, key=len) == [{}, {"sent": 3}]
        assert len(robot.asked) == 1


async def test_what_a_dead_sender_had_taken_goes_out_when_its_lease_is_over(
    opened: Opened,
) -> None:
    people = await opened()
    contact = await people.add(DRY)
    await people.say(contact, MORNING, "甲")
    async with people.notify.app.database.transaction() as session:
        await session.execute(
            text("INSERT INTO sending_lanes (lane_id, busy_until) VALUES (:id, :until)"),
            {"id": contact["id"], "until": datetime.fromisoformat(at(2))},
        )
    assert await people.run(at(1, 59)) == {}
    assert await people.run(at(2)) == {"sent": 1}


async def test_in_real_time_the_loop_sends_what_is_urgent_within_two_seconds(
    opened: Opened,
) -> None:
    people = await opened()
    await people.add(DRY)
    await people.notify.hear(Story(tier="IMMEDIATE").tell(at=clock.now()))
    began = time.monotonic()
    while await people.states() != [("SENT", None)]:
        assert time.monotonic() - began < 5
        await asyncio.sleep(0.05)


async def test_the_loop_outlives_connections_that_are_cut(opened: Opened) -> None:
    people = await opened()
    await people.add(DRY)
    own = await people.notify.app.database.connect()
    try:
        await own.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        urgent = Story(tier="IMMEDIATE").tell(at=clock.now())
        for _attempt in range(100):
            with suppress(OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await people.notify.hear(urgent)
                break
            await asyncio.sleep(0.1)
        began = time.monotonic()
        while await own.fetchval("SELECT state FROM sendings") != "SENT":
            assert time.monotonic() - began < 15
            await asyncio.sleep(0.05)
    finally:
        await own.close()


async def test_the_loop_leaves_simulated_time_alone_and_stops_at_once(opened: Opened) -> None:
    people = await opened()
    await people.add(DRY)
    await people.tell(MORNING, tier="IMMEDIATE")
    stop = asyncio.Event()
    loop = asyncio.create_task(send_to_people(people.notify.app.runtime, stop))
    await asyncio.sleep(0)
    stop.set()
    began = time.monotonic()
    await loop
    assert time.monotonic() - began < 2
    assert await people.states() == [("PENDING", None)]


async def test_what_no_adapter_has_foreseen_is_tried_again_and_undoes_nothing(
    opened: Opened,
) -> None:
    def breaking(asked: Asked) -> Answer:
        if "乙" in asked.json["text"]["content"]:
            return 200, {}, b"[" * 16_000  # deeper than any reader goes
        return wecom(asked)

    with serving(breaking) as robot:
        people = await opened(wecom_url=robot.url)
        contact = await people.add(WECOM)
        await people.say(contact, MORNING, "甲" * 600, "乙" * 600)
        assert await people.run(MORNING) == {"sent": 1}
        assert sorted(await people.states()) == [("PENDING", "UNFORESEEN"), ("SENT", None)]
        for moment in (at(1), at(6), at(36), at(156)):
            await people.run(moment)
        assert sorted(await people.states()) == [("FAILED", "UNFORESEEN"), ("SENT", None)]
        assert len([text for text in robot.texts if "甲" in text]) == 1


@pytest.mark.parametrize("seconds", ["0", "²"])
async def test_a_provider_that_is_busy_is_not_asked_again_at_once(
    opened: Opened, seconds: str
) -> None:
    with serving(lambda _asked: (429, {"retry-after": seconds}, b"")) as robot:
        people = await opened(wecom_url=robot.url)
        await people.say(await people.add(WECOM), MORNING, "甲")
        assert await people.run(MORNING) == {}
        assert len(robot.asked) == 1
        assert await people.states() == [("PENDING", None)]
        robot.respond = wecom
        assert await people.run(at(1)) == {"sent": 1}


async def test_a_message_that_cannot_be_said_holds_up_no_other(opened: Opened) -> None:
    people = await opened()
    await people.add(DRY)
    await people.tell(MORNING)
    async with people.notify.app.database.driver_transaction() as driver:
        await driver.execute("UPDATE happenings SET data = '[1]'")
    await people.tell(MORNING)
    assert await people.run(MORNING) == {"failed": 1, "sent": 1}
    (failed,) = await people.sendings(state="FAILED")
    assert failed["reason"] == "UNSAYABLE"


async def test_a_turn_that_takes_too_long_costs_what_is_left_no_attempt(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(asked: Asked) -> Answer:
        time.sleep(0.1)
        return wecom(asked)

    monkeypatch.setattr(sender, "_TURN_SECONDS", 0.05)
    with serving(slow) as robot:
        people = await opened(wecom_url=robot.url)
        await people.say(await people.add(WECOM), MORNING, *["整" * 600] * 3)
        assert await people.run(MORNING) == {"sent": 3}
        assert len(robot.asked) == 3
        assert [one["attempts"] for one in await people.sendings()] == [1, 1, 1]


async def test_a_sender_that_is_stopped_has_noted_all_that_it_sent(opened: Opened) -> None:
    def slow(asked: Asked) -> Answer:
        time.sleep(0.3)
        return wecom(asked)

    with serving(slow) as robot:
        people = await opened(wecom_url=robot.url)
        now = clock.now()
        contact = await people.add(WECOM)
        await people.say(contact, now.isoformat(), *["整" * 600] * 18, priority=9)
        stop, runtime = asyncio.Event(), people.notify.app.runtime
        assert isinstance(runtime.settings, NotifySettings)
        async with open_channels(runtime.settings) as channels:
            own = sender.Sender(runtime, channels, include_simulated=True)
            loop = asyncio.create_task(own.run(stop))
            while len(robot.asked) < 2:
                assert clock.now() - now < timedelta(seconds=10)
                await asyncio.sleep(0.02)
            stop.set()
            await loop
        sent = await people.sendings(state="SENT")
        assert 2 <= len(sent) == len(robot.asked) < 18
    async with people.notify.app.database.reading() as session:
        requests = await session.scalar(text("SELECT sent_at FROM sending_lanes"))
    # Each request counts from when it was made, not from when the turn began.
    assert len(set(requests or ())) == len(sent)


async def test_the_list_of_all_sendings_and_forgetting_them_read_no_more_than_they_need(
    opened: Opened,
) -> None:
    people = await opened()
    contact = await people.add(DRY)
    async with people.notify.app.database.driver_transaction() as driver:
        await driver.execute(
            """
            INSERT INTO sendings (contact_id, message_id, priority, state, created_at, next_at)
            SELECT $1, gen_random_uuid(), 5, 'SENT', now() - n * interval '1 minute', now()
              FROM generate_series(1, 20000) n
            """,
            contact["id"],
        )
        await driver.execute("ANALYZE sendings, contacts")
        plans = [
            "\n".join(row[0] for row in await driver.fetch(f"EXPLAIN {statement}"))
            for statement in (
                """
                SELECT sending_id FROM sendings
                 WHERE state <> 'PENDING' AND created_at < now() - interval '180 days' LIMIT 5000
                """,
                """
                SELECT s.* FROM sendings s JOIN contacts c USING (contact_id)
                 WHERE c.region >= '51' AND c.region < '52'
                 ORDER BY created_at, sending_id LIMIT 51
                """,
            )
        ]
    assert all("sendings_by_time" in plan for plan in plans)
