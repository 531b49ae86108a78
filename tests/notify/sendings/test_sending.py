"""When things go out, and what does not."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text

from services.notify.sendings.commands import forget_sendings, skip_simulated
from shared.events.inspection import ProblemClosed
from shared.ids import new_id
from tests.notify.conftest import LEAD, TOWNSHIP
from tests.notify.sendings.providers import (
    DRY,
    KEY,
    MORNING,
    NEXT_MORNING,
    NIGHT,
    WECOM,
    Opened,
    answered,
    at,
    serving,
    wecom,
)


async def test_at_night_nothing_goes_out_until_eight_in_the_morning(opened: Opened) -> None:
    people = await opened()
    await people.add(DRY)
    await people.tell(NIGHT)
    assert await people.run(NIGHT) == {}
    (waiting,) = await people.sendings()
    assert waiting["state"] == "PENDING"
    assert datetime.fromisoformat(waiting["next_at"]) == datetime.fromisoformat(NEXT_MORNING)
    assert await people.run("2026-03-05T07:59:59+08:00") == {}
    assert await people.run(NEXT_MORNING) == {"sent": 1}


async def test_what_is_urgent_goes_out_at_night_and_alone(opened: Opened) -> None:
    people = await opened()
    await people.add(DRY)
    await people.tell(NIGHT)
    urgent = await people.tell(NIGHT, tier="IMMEDIATE")
    assert await people.run(NIGHT) == {"sent": 1}
    (sent,) = await people.sendings(state="SENT")
    assert urgent.facts["problem_no"] in sent["kept"]


async def test_after_a_long_holiday_nothing_is_stale_that_waited_for_it(opened: Opened) -> None:
    people = await opened()
    await people.add(DRY)
    await people.tell("2026-02-14T21:30:00+08:00")
    assert await people.run("2026-02-14T21:31:00+08:00") == {}
    assert await people.run("2026-02-24T08:00:00+08:00") == {"sent": 1}


async def test_a_region_keeps_hours_of_its_own(opened: Opened) -> None:
    people = await opened()
    answer = await people.notify.app.client.put(
        "/api/v1/config/511132/sending_hours",
        json={"value": [8, 23], "effective_from": "2026-01-01"},
        headers=people.headers("OPS@51", "ops"),
    )
    assert answer.status_code == 200, answer.text
    await people.add(DRY)
    await people.tell(NIGHT)
    assert await people.run(NIGHT) == {"sent": 1}
    refused = await people.notify.app.client.put(
        "/api/v1/config/511132/sending_hours",
        json={"value": [21, 8], "effective_from": "2026-01-01"},
        headers=people.headers("OPS@51", "ops"),
    )
    assert refused.status_code == 422


async def test_everything_due_goes_out_together(opened: Opened) -> None:
    with serving(wecom) as robot:
        people = await opened(wecom_url=robot.url)
        await people.add(WECOM)
        stories = [await people.tell(MORNING) for _ in range(5)]
        assert await people.run(MORNING) == {"sent": 5}
        assert len(robot.asked) < 3
        together = "".join(robot.texts)
        assert all(story.facts["problem_no"] in together for story in stories)


async def test_a_robot_gets_no_more_than_twenty_texts_a_minute(opened: Opened) -> None:
    with serving(wecom) as robot:
        people = await opened(wecom_url=robot.url)
        contact = await people.add(WECOM)
        await people.say(contact, MORNING, *["整" * 600] * 25)
        assert await people.run(MORNING) == {"sent": 20}
        assert await people.run(at(0, 59)) == {}
        assert len(robot.asked) == 20
        assert await people.run(at(1)) == {"sent": 5}
        assert len(robot.asked) == 25


async def test_a_text_in_several_pieces_is_never_begun_without_room_for_its_end(
    opened: Opened,
) -> None:
    with serving(wecom) as robot:
        people = await opened(wecom_url=robot.url)
        contact = await people.add(WECOM)
        await people.say(contact, MORNING, *["整" * 600] * 19, "改" * 1200)
        assert await people.run(MORNING) == {"sent": 19}
        assert await people.run(at(1)) == {"sent": 1}
        assert [one[:5] for one in robot.texts[19:]] == ["（1/2）", "（2/2）"]


async def test_a_test_counts_like_any_other_text(opened: Opened) -> None:
    with serving(wecom) as robot:
        people = await opened(wecom_url=robot.url)
        contact = await people.add(WECOM)
        path = f"/contacts/{contact['id']}/test"
        for _ in range(20):
            assert (await people.call("POST", path, now=MORNING))["state"] == "SENT"
        refused = await people.call("POST", path, now=at(0, 30), status=429)
        assert (refused["code"], refused["retry_after"]) == ("TOO_MANY_TEXTS", 30)
        await people.tell(at(0, 30))
        assert await people.run(at(0, 59)) == {}
        assert await people.run(at(1)) == {"sent": 1}


async def test_a_failing_provider_is_tried_four_times_more_and_then_given_up(
    opened: Opened,
) -> None:
    with serving(lambda _asked: answered({}, 503)) as robot:
        people = await opened(wecom_url=robot.url)
        await people.add(WECOM)
        await people.tell(MORNING)
        tries = [at(0), at(1), at(6), at(36), at(156)]
        for number, moment in enumerate(tries, 1):
            before = datetime.fromisoformat(moment) - timedelta(seconds=1)
            await people.run(before.isoformat())
            assert len(robot.asked) == number - 1
            await people.run(moment)
            assert len(robot.asked) == number
        assert await people.states() == [("FAILED", "HTTP_503")]
        robot.respond = wecom
        (failed,) = await people.sendings()
        path = f"/sendings/{failed['id']}/retry"
        await people.call("POST", path, org="HOUS@511133", status=404)
        again = await people.call("POST", path, now=at(200))
        assert (again["state"], again["attempts"], again["reason"]) == ("PENDING", 0, None)
        assert await people.run(at(200)) == {"sent": 1}
        refused = await people.call("POST", path, status=409)
        assert refused["code"] == "STATE_CONFLICT"


async def test_what_was_recalled_is_not_sent(opened: Opened) -> None:
    people = await opened()
    await people.add(DRY)
    story = await people.tell(NIGHT)
    await people.notify.hear(
        story.tell(
            ProblemClosed,
            "2026-03-05T07:00:00+08:00",
            simulated=True,
            state="CLOSED",
            closed_on=date(2026, 3, 5),
        )
    )
    assert await people.run(NEXT_MORNING) == {"sent": 1, "skipped": 1}
    reasons = {one["state"]: one["reason"] for one in await people.sendings()}
    assert reasons == {"SKIPPED": "RECALLED", "SENT": None}


async def test_what_could_not_be_sent_for_a_week_is_no_news(opened: Opened) -> None:
    people = await opened()
    await people.add(DRY)
    await people.tell(MORNING)
    assert await people.run("2026-03-11T09:00:01+08:00") == {"skipped": 1}
    assert await people.states() == [("SKIPPED", "STALE")]


async def test_what_a_rebuilt_store_plans_anew_is_as_old_as_its_event(opened: Opened) -> None:
    people = await opened()
    await people.add(DRY)
    await people.tell(MORNING)
    rebuilt = datetime.fromisoformat("2026-03-11T09:00:01+08:00")
    async with people.notify.app.database.transaction() as session:
        await session.execute(
            text("UPDATE sendings SET created_at = :now, next_at = :now"), {"now": rebuilt}
        )
    assert await people.run(rebuilt.isoformat()) == {"skipped": 1}
    assert await people.states() == [("SKIPPED", "STALE")]


async def test_a_removed_contact_is_written_to_no_more(opened: Opened) -> None:
    people = await opened()
    contact = await people.add(DRY)
    await people.tell(MORNING)
    await people.call("DELETE", f"/contacts/{contact['id']}", status=204)
    assert await people.run(MORNING) == {"skipped": 1}
    assert await people.states() == [("SKIPPED", "CONTACT_REMOVED")]


async def test_an_address_sealed_with_a_lost_key_is_given_up(opened: Opened) -> None:
    people = await opened()
    first, second = await people.add(DRY), await people.add(DRY)
    async with people.notify.app.database.transaction() as session:
        await session.execute(
            text(
                "UPDATE contacts SET address_sealed ="
                " (SELECT address_sealed FROM contacts WHERE contact_id = :other)"
                " WHERE contact_id = :one"
            ),
            {"one": first["id"], "other": second["id"]},
        )
    await people.tell(MORNING)
    assert await people.run(MORNING) == {"sent": 1, "failed": 1}
    (failed,) = await people.sendings(state="FAILED")
    assert failed["reason"] == "ADDRESS_UNREADABLE"
    tested = await people.call("POST", f"/contacts/{first['id']}/test")
    assert tested == {"state": "FAILED", "reason": "ADDRESS_UNREADABLE", "kept": None}


async def test_an_organisation_without_contacts_is_told_so(opened: Opened) -> None:
    people = await opened()
    await people.tell(MORNING)
    (message,) = await people.notify.queue().pull()
    listed = await people.call("GET", "/sendings", message_id=message["message_id"])
    assert listed == {"items": [], "next_cursor": None, "reason": "NO_CONTACT"}
    await people.add(DRY, org=TOWNSHIP)
    await people.tell(MORNING)
    (copy, other) = await people.notify.queue(TOWNSHIP, "township_reviewer").pull()
    for one in (copy, other):
        listed = await people.call(
            "GET",
            "/sendings",
            message_id=one["message_id"],
            org=TOWNSHIP,
            role="township_party_secretary",
        )
        assert listed["reason"] == "NOBODY_MINDS"
    await people.call(
        "GET", "/sendings", message_id=message["message_id"], org="HOUS@511133", status=404
    )
    await people.call("GET", "/sendings", message_id=str(new_id()), status=404)


async def test_sendings_are_seen_by_their_organisation_and_operators_of_its_region(
    opened: Opened,
) -> None:
    people = await opened()
    contact = await people.add(DRY)
    await people.tell(MORNING)
    (own,) = (await people.call("GET", "/sendings"))["items"]
    assert own["contact_id"] == contact["id"]
    for org, role, seen in (
        (LEAD, "dept_handler", 1),
        ("HOUS@511133", "dept_head", 0),
        ("FIN@511132", "dept_head", 0),
        ("OPS@5111", "ops", 1),
        ("OPS@511133", "ops", 0),
        ("VILLAGE@511132201205", "village_cadre", 0),
    ):
        answer = await people.call("GET", "/sendings", contact_id=contact["id"], org=org, role=role)
        assert len(answer["items"]) == seen, org
    await people.call("GET", "/sendings", role="household", status=403)


async def test_where_time_is_real_what_simulated_time_left_behind_is_skipped(
    opened: Opened,
) -> None:
    people = await opened(simulation_clock=False)
    await people.add(DRY)
    contact = await people.add(DRY)
    await people.say(contact, MORNING, "甲")
    await skip_simulated(people.notify.app.database)
    assert await people.states() == [("SKIPPED", "SIMULATED")]


async def test_after_half_a_year_sendings_are_forgotten_but_not_those_that_wait(
    opened: Opened,
) -> None:
    people = await opened()
    contact = await people.add(DRY)
    await people.say(contact, MORNING, "甲")
    await people.run(MORNING)
    await people.say(contact, MORNING, "乙")
    database = people.notify.app.database
    assert await forget_sendings(database, datetime.fromisoformat(MORNING)) == 0
    assert await forget_sendings(database, datetime.fromisoformat(at(1))) == 1
    assert await people.states() == [("PENDING", None)]


async def test_neither_logs_nor_tables_hold_a_key_or_an_identifier(
    opened: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    mobile, secret = "19900000017", "SECvery-secret-one"
    people = await opened(
        wecom_url="http://127.0.0.1:9",
        dingtalk_url="http://127.0.0.1:9",
        sms={"url": "http://127.0.0.1:9", "body": {"to": "{mobile}"}, "free_text": True},
        apprise_schemes=["json"],
    )
    for address in (
        WECOM,
        {"channel": "DINGTALK", "access_token": KEY, "secret": secret},
        {"channel": "SMS", "mobile": mobile},
    ):
        contact = await people.add(address)
        await people.call("POST", f"/contacts/{contact['id']}/test")
    await people.tell(MORNING)
    await people.run(MORNING)
    assert {reason for _state, reason in await people.states()} == {"UNREACHABLE"}
    printed = capsys.readouterr()
    stored = await people.everything_stored()
    for hidden in (KEY, secret, mobile):
        assert hidden not in printed.out + printed.err
        assert hidden not in stored
