"""Contacts of one robot share its lane and its limit; those of different robots share nothing."""

import asyncio
import secrets
import time
from contextvars import copy_context
from pathlib import Path
from threading import Event, Lock
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.notify.contacts.sealing import know_robots
from services.notify.keys import keep_keys
from services.notify.main import prepare
from services.notify.sendings import sender
from services.notify.sendings.commands import LEASE_SECONDS, claim_lanes
from shared.ids import new_id
from shared.privacy import KeyRing, load_key_ring
from tests.notify.conftest import LEAD, TOWNSHIP
from tests.notify.sendings.providers import (
    KEY,
    MORNING,
    WECOM,
    Answer,
    Asked,
    Opened,
    People,
    answered,
    at,
    serving,
    wecom,
)

OTHER = {"channel": "WECOM", "key": f"{KEY}-2"}
LONG = "整" * 600  # too long to go out with another


async def robots_of(people: People) -> dict[str, UUID | None]:
    """The robot of every contact."""
    async with people.notify.app.database.reading() as session:
        rows = await session.execute(text("SELECT contact_id, robot FROM contacts"))
        return {str(contact_id): robot for contact_id, robot in rows}


def ring_of(folder: Path, *keys: str) -> KeyRing:
    """A key ring of keys, the current one first."""
    file = folder / f"{new_id()}.key"
    file.touch(mode=0o600)
    file.write_text("\n".join(keys))
    return load_key_ring(file)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (WECOM, WECOM, True),
        (WECOM, OTHER, False),
        (WECOM, {"channel": "FEISHU", "key": KEY}, False),
        (
            {"channel": "DINGTALK", "access_token": KEY, "secret": "SECa"},
            {"channel": "DINGTALK", "access_token": KEY},
            True,
        ),
        ({"channel": "FEISHU", "key": KEY, "secret": "a"}, {"channel": "FEISHU", "key": KEY}, True),
        ({"channel": "SMS", "mobile": "19900000001"}, WECOM, False),
    ],
)
async def test_a_robot_is_known_by_its_key_alone(
    opened: Opened, one: dict[str, str], other: dict[str, str], same: bool
) -> None:
    people = await opened()
    await people.add(one)
    await people.add(other, org=TOWNSHIP)
    first, second = (await robots_of(people)).values()
    assert (first == second) is same
    assert second is not None


@pytest.mark.parametrize(
    "address",
    [
        {"channel": "SMS", "mobile": "19900000001"},
        {"channel": "EMAIL", "address": "houjian@example.com"},
        {"channel": "APPRISE", "url": "json://127.0.0.1"},
        {"channel": "DRY_RUN"},
    ],
)
async def test_where_there_is_no_robot_each_contact_has_a_lane_of_its_own(
    opened: Opened, address: dict[str, str]
) -> None:
    people = await opened(apprise_schemes=["json"])
    await people.add(address)
    await people.add(address)
    assert list((await robots_of(people)).values()) == [None, None]


async def test_contacts_of_one_robot_get_no_more_than_its_limit_together(opened: Opened) -> None:
    with serving(wecom) as robot:
        people = await opened(wecom_url=robot.url)
        for org in (LEAD, TOWNSHIP):
            await people.say(await people.add(WECOM, org=org), MORNING, *[LONG] * 15)
        assert await people.run(MORNING) == {"sent": 20}
        assert await people.run(at(0, 59)) == {}
        assert len(robot.asked) == 20
        assert await people.run(at(1)) == {"sent": 10}


async def test_tests_of_contacts_of_one_robot_count_together(opened: Opened) -> None:
    with serving(wecom) as robot:
        people = await opened(wecom_url=robot.url)
        one, other = await people.add(WECOM), await people.add(WECOM)
        paths = [f"/contacts/{contact['id']}/test" for contact in (one, other)]
        for path in paths * 10:
            await people.call("POST", path, now=MORNING)
        for path in paths:
            refused = await people.call("POST", path, now=at(0, 59), status=429)
            assert refused["code"] == "TOO_MANY_TEXTS"
        await people.say(other, MORNING, LONG)
        assert await people.run(at(0, 59)) == {}
        assert len(robot.asked) == 20
        assert await people.run(at(1)) == {"sent": 1}


async def test_a_test_waits_for_the_turn_of_another_contact_of_its_robot(opened: Opened) -> None:
    asked, go_on = Event(), Event()

    def waiting(request: Asked) -> Answer:
        asked.set()
        go_on.wait(10)
        return wecom(request)

    with serving(waiting) as robot:
        people = await opened(wecom_url=robot.url)
        one, other = await people.add(WECOM), await people.add(WECOM)
        path = f"/contacts/{other['id']}/test"
        await people.say(one, MORNING, *[LONG] * 20)
        run = asyncio.create_task(people.run(MORNING))
        assert await asyncio.to_thread(asked.wait, 10)
        refused = await people.call("POST", path, now=MORNING, status=429)
        assert refused["retry_after"] == LEASE_SECONDS
        go_on.set()
        assert await run == {"sent": 20}
        refused = await people.call("POST", path, now=MORNING, status=429)
        assert refused["retry_after"] == 60
        assert len(robot.asked) == 20
        await people.call("POST", path, now=at(1))


async def test_a_robot_is_asked_by_one_turn_at_a_time(opened: Opened) -> None:
    lock = Lock()

    def alone(request: Asked) -> Answer:
        if not lock.acquire(blocking=False):
            return answered({"errcode": 93000, "errmsg": "two at once"})
        try:
            time.sleep(0.05)
            return wecom(request)
        finally:
            lock.release()

    with serving(alone) as robot:
        people = await opened(wecom_url=robot.url)
        for _ in range(4):
            await people.say(await people.add(WECOM), MORNING, LONG, LONG)
        figures = await asyncio.gather(people.run(MORNING), people.run(MORNING))
        assert sum(one.get("sent", 0) for one in figures) == 8
        assert await people.states() == [("SENT", None)] * 8


async def test_of_a_robots_contacts_the_one_with_the_weightiest_text_is_first(
    opened: Opened,
) -> None:
    with serving(wecom) as robot:
        people = await opened(wecom_url=robot.url)
        await people.say(await people.add(WECOM), MORNING, "平常")
        await people.say(await people.add(WECOM), at(1), "紧急", priority=9)
        assert await people.run(at(1)) == {"sent": 2}
        assert ["紧急" in said for said in robot.texts] == [True, False]


async def test_different_robots_do_not_wait_for_each_other(opened: Opened) -> None:
    other_asked = Event()

    def meeting(request: Asked) -> Answer:
        if request.query["key"] != KEY:
            other_asked.set()
        elif not other_asked.wait(10):
            return answered({"errcode": 93000, "errmsg": "the other never came"})
        return answered({"errcode": 0})

    with serving(meeting) as robot:
        people = await opened(wecom_url=robot.url)
        for address in (WECOM, OTHER):
            await people.say(await people.add(address), MORNING, *[LONG] * 20)
        assert await people.run(MORNING) == {"sent": 40}
        assert len(robot.asked) == 40


async def test_who_changes_robots_as_his_turn_begins_is_served_on_the_lane_of_the_new_one(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda _asked: answered({"errcode": 0})) as robot:
        people = await opened(wecom_url=robot.url)
        contact = await people.add(WECOM)
        changes = [{"version": 1, "address": OTHER}]
        real_time = copy_context()

        async def claim_and_change(*claim: Any, **how: Any) -> Any:
            lanes = await claim_lanes(*claim, **how)
            while lanes and changes:
                change = people.call("PATCH", f"/contacts/{contact['id']}", changes.pop())
                await asyncio.create_task(change, context=real_time)
            return lanes

        monkeypatch.setattr(sender, "claim_lanes", claim_and_change)
        await people.say(contact, MORNING, LONG)
        assert await people.run(MORNING) == {"sent": 1}
        assert [one.query["key"] for one in robot.asked] == [OTHER["key"]]
        async with people.notify.app.database.statement() as connection:
            rows = await connection.fetch("SELECT lane_id, sent_at FROM sending_lanes")
        counts = {row["lane_id"]: len(row["sent_at"]) for row in rows}
        assert counts.pop((await robots_of(people))[contact["id"]]) == 1
        assert list(counts.values()) == [0]


async def test_a_new_key_on_top_and_an_old_one_taken_away_part_no_contacts(
    opened: Opened, tmp_path: Path
) -> None:
    old, new = secrets.token_hex(32), secrets.token_hex(32)
    people = await opened()
    database = people.notify.app.database
    keep_keys(database, ring_of(tmp_path, old))
    first = await people.add(WECOM)
    keep_keys(database, ring_of(tmp_path, new, old))
    second = await people.add(WECOM)
    robots = await robots_of(people)
    assert robots[first["id"]] == robots[second["id"]]
    keep_keys(database, ring_of(tmp_path, new))
    await know_robots(database, ring_of(tmp_path, new))
    third = await people.add(WECOM)
    robots = await robots_of(people)
    assert robots[second["id"]] == robots[third["id"]]


async def test_when_notify_starts_it_knows_the_robots_of_contacts_entered_before(
    opened: Opened,
) -> None:
    people = await opened()
    entered = [await people.add(WECOM), await people.add(WECOM), await people.add(OTHER)]
    await people.add({"channel": "DRY_RUN"})
    known = await robots_of(people)
    database = people.notify.app.database
    async with database.transaction() as session:
        await session.execute(text("UPDATE contacts SET robot = NULL"))
        await session.execute(
            text("UPDATE contacts SET address_sealed = 'lost' WHERE contact_id = :id"),
            {"id": entered[2]["id"]},
        )
    await prepare(people.notify.app.runtime)
    assert await robots_of(people) == {**known, entered[2]["id"]: None}


async def test_a_removed_contact_leaves_no_trace_of_its_robot(opened: Opened) -> None:
    people = await opened()
    contact = await people.add(WECOM)
    await people.call("DELETE", f"/contacts/{contact['id']}", status=204)
    assert await robots_of(people) == {contact["id"]: None}
