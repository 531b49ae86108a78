"""Answers to petitioners: sent, noted, told of when they fail, and then forgotten."""

import asyncio
import json
import time
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from services.notify.feedback.domain import Action, Result, State, content_of, next_state
from services.notify.feedback.queries import _ended
from shared.errors import IllegalMove
from shared.events.notify import PetitionFeedbackDelivered, PetitionFeedbackFailed
from shared.ids import new_id
from shared.testing import received
from tests.conftest import kept_plan
from tests.notify.conftest import LEAD, Notify
from tests.notify.sendings.providers import (
    MORNING,
    NEXT_MORNING,
    NIGHT,
    Answer,
    Asked,
    Opened,
    answered,
    serving,
)

MOBILE = "19900000023"
ANSWER: dict[str, Any] = {
    "petition_no": "XF-2026-0017",
    "result": "RESOLVED",
    "note": "危房已修缮完毕。",
    "contact": {"channel": "SMS", "mobile": MOBILE},
}
DRY = {"channel": "DRY_RUN"}


def gateway(url: str) -> dict[str, Any]:
    """An SMS gateway with a registered text for answers."""
    return {
        "url": url,
        "body": {"to": "{mobile}", "tpl": "{template_id}", "params": "{variable_list}"},
        "templates": {"FEEDBACK": {"id": "F1", "variables": ["petition_no", "result"]}},
        "success_field": "code",
        "success_value": "0",
    }


def taking(_asked: Asked) -> Answer:
    """A gateway that takes everything."""
    return answered({"code": "0"})


def refusing(_asked: Asked) -> Answer:
    """A gateway that knows the number is no more."""
    return answered({"code": "MOBILE_GONE"})


async def test_a_petitioner_is_answered_in_working_hours_and_the_handler_sees_it(
    opened: Opened,
) -> None:
    with serving(taking) as provider:
        people = await opened(sms=gateway(provider.url))
        given = await people.call(
            "POST", "/petition-feedback", ANSWER, role="dept_handler", now=NIGHT, status=201
        )
        assert (given["state"], given["address_shown"]) == ("PENDING", "199****0023")
        assert await people.run(NIGHT) == {}
        assert await people.run(NEXT_MORNING) == {"sent": 1}
        assert provider.asked[0].json == {
            "to": MOBILE,
            "tpl": "F1",
            "params": ["XF-2026-0017", "已办结"],
        }
        assert await people.run(NEXT_MORNING, "feedback") == {"noted": 1, "erased": 0}
        path = f"/petition-feedback/{given['id']}"
        seen = await people.call("GET", path, role="dept_handler")
        assert (seen["state"], seen["reason"]) == ("DELIVERED", None)
        (event,) = await people.notify.app.events(PetitionFeedbackDelivered)
        assert event.model_dump(mode="json") == {
            "feedback_id": given["id"],
            "petition_no": "XF-2026-0017",
            "organisation": LEAD,
        }
        assert await people.notify.queue().pull() == []


async def test_a_failure_is_shown_to_the_handler_and_put_into_the_queue_once(
    opened: Opened,
) -> None:
    with serving(refusing) as provider:
        people = await opened(sms=gateway(provider.url))
        given = await people.call("POST", "/petition-feedback", ANSWER, now=MORNING, status=201)
        assert await people.run(MORNING) == {"failed": 1}
        assert (await people.run(MORNING, "feedback"))["noted"] == 1
        assert (await people.run(MORNING, "feedback"))["noted"] == 0
        seen = await people.call("GET", f"/petition-feedback/{given['id']}")
        assert (seen["state"], seen["reason"]) == ("FAILED", "REFUSED_MOBILE_GONE")
        (event,) = await people.notify.app.events(PetitionFeedbackFailed)
        assert isinstance(event, PetitionFeedbackFailed)
        assert event.reason == "REFUSED_MOBILE_GONE"
        (message,) = await people.notify.queue().pull()
        payload = message["payload"]
        assert payload["title"] == "信访答复未送达：XF-2026-0017"
        assert "被拒收或多次发送失败" in payload["text"]
        assert payload["link"] == f"/api/v1/petition-feedback/{given['id']}"
        assert MOBILE not in json.dumps(payload)
        (sending,) = (await people.call("GET", "/sendings", state="FAILED"))["items"]
        refused = await people.call("POST", f"/sendings/{sending['id']}/retry", status=409)
        assert refused["code"] == "STATE_CONFLICT"


@pytest.mark.parametrize("code", [MOBILE, int(MOBILE), f"86{MOBILE}", f"E-{MOBILE}"])
async def test_a_gateway_that_answers_with_the_number_gives_nobody_away(
    opened: Opened, code: object
) -> None:
    with serving(lambda _asked: answered({"code": code})) as provider:
        people = await opened(sms=gateway(provider.url))
        given = await people.call("POST", "/petition-feedback", ANSWER, now=MORNING, status=201)
        await people.run(MORNING)
        await people.run(MORNING, "feedback")
        seen = await people.call("GET", f"/petition-feedback/{given['id']}")
        assert (seen["state"], seen["reason"]) == ("FAILED", "REFUSED_UNKNOWN")
        assert MOBILE not in await people.everything_stored()


async def test_the_event_alone_puts_the_failure_into_the_queue_of_a_rebuilt_store(
    opened: Opened,
) -> None:
    people = await opened()
    event = PetitionFeedbackFailed(
        feedback_id=new_id(), petition_no="XF-2026-0018", organisation=LEAD, reason="NO_TEMPLATE"
    )
    heard: Any = received(event, at=datetime.fromisoformat(MORNING))
    await people.notify.hear(heard)
    await people.notify.hear(heard)
    (message,) = await people.notify.queue().pull()
    assert "因没有相应的短信模板" in message["payload"]["text"]


async def test_a_petitioner_is_in_no_list_and_is_told_of_nothing_else(opened: Opened) -> None:
    people = await opened()
    await people.call("POST", "/petition-feedback", ANSWER | {"contact": DRY}, status=201)
    assert (await people.call("GET", "/contacts"))["items"] == []
    await people.tell(MORNING)
    assert [one["message_id"] for one in await people.sendings()] == [None]


async def test_thirty_days_after_its_end_the_address_is_erased(opened: Opened) -> None:
    people = await opened()
    body = ANSWER | {"contact": {"channel": "EMAIL", "address": "xf@example.com"}}
    given = await people.call("POST", "/petition-feedback", body, now=MORNING, status=201)
    assert await people.run(MORNING) == {"skipped": 1}
    await people.run(MORNING, "feedback")
    assert (await people.run("2026-04-03T09:00:00+08:00", "feedback"))["erased"] == 0
    assert (await people.run("2026-04-03T09:00:01+08:00", "feedback"))["erased"] == 1
    assert (await people.run("2026-05-03T09:00:01+08:00", "feedback"))["erased"] == 0
    seen = await people.call("GET", f"/petition-feedback/{given['id']}")
    assert (seen["state"], seen["reason"], seen["address_shown"]) == (
        "FAILED",
        "CHANNEL_NOT_CONFIGURED",
        "",
    )
    async with people.notify.app.database.reading() as session:
        assert await session.scalar(text("SELECT address_sealed FROM contacts")) == ""


@pytest.mark.parametrize(
    ("fault", "field", "code"),
    [
        ({"note": f"请回电{MOBILE}"}, "note", "PERSONAL_IDENTIFIER"),
        ({"petition_no": "511132198001019015"}, "petition_no", "PERSONAL_IDENTIFIER"),
        ({"result": "DONE"}, "result", "UNKNOWN_VALUE"),
        ({"contact": {"channel": "SMS", "mobile": "1"}}, "contact.mobile", "PHONE_INVALID"),
        ({"contact": {"channel": "WECOM", "key": "abcdefgh"}}, "contact.channel", "UNKNOWN_VALUE"),
        ({"note": "危房\0"}, "note", "FORMAT"),
    ],
)
async def test_an_answer_holds_no_number_and_goes_to_a_person(
    opened: Opened, fault: dict[str, Any], field: str, code: str
) -> None:
    people = await opened()
    refused = await people.call("POST", "/petition-feedback", ANSWER | fault, status=422)
    assert [(one["field"], one["code"]) for one in refused["errors"]] == [(field, code)]
    assert MOBILE not in str(refused)


async def test_only_the_handlers_organisation_sees_an_answer(opened: Opened) -> None:
    people = await opened()
    body = ANSWER | {"contact": DRY}
    given = await people.call("POST", "/petition-feedback", body, status=201)
    path = f"/petition-feedback/{given['id']}"
    assert (await people.call("GET", "/petition-feedback"))["items"] == [given]
    found = await people.call("GET", "/petition-feedback", petition_no="XF-1", state="PENDING")
    assert found["items"] == []
    strangers = (
        ("HOUS@511133", "dept_head"),
        ("POV@511132", "poverty_office"),
        ("TOWN@511132201", "township_party_secretary"),
    )
    for org, role in strangers:
        assert (await people.call("GET", "/petition-feedback", org=org, role=role))["items"] == []
        await people.call("GET", path, org=org, role=role, status=404)
    for method, where in (("GET", "/petition-feedback"), ("GET", path)):
        await people.call(method, where, role="helper", status=403)
    await people.call("POST", "/petition-feedback", body, role="ops", status=403)


async def test_the_same_key_answers_once(opened: Opened) -> None:
    people = await opened()
    headers = people.headers() | {"Idempotency-Key": "answer-1"}
    for _ in range(2):
        answer = await people.notify.app.client.post(
            "/api/v1/petition-feedback", json=ANSWER | {"contact": DRY}, headers=headers
        )
        assert answer.status_code == 201
    assert len((await people.call("GET", "/petition-feedback"))["items"]) == 1


async def test_in_real_time_the_end_is_noted_by_itself(opened: Opened) -> None:
    people = await opened()
    given = await people.call("POST", "/petition-feedback", ANSWER | {"contact": DRY}, status=201)
    async with people.notify.app.database.transaction() as session:
        await session.execute(text("UPDATE sendings SET priority = 9, next_at = created_at"))
    began = time.monotonic()
    path = f"/petition-feedback/{given['id']}"
    while (await people.call("GET", path))["state"] != "DELIVERED":
        assert time.monotonic() - began < 10
        await asyncio.sleep(0.05)


def test_what_has_ended_does_not_end_again() -> None:
    for state in (State.DELIVERED, State.FAILED):
        for action in Action:
            with pytest.raises(IllegalMove):
                next_state(state, action)


@pytest.mark.parametrize("result", Result)
def test_every_result_has_words(result: Result) -> None:
    content = content_of("XF-1", result, "已核实。", "住建局")
    assert content["text"].startswith("您反映的事项（编号XF-1）")
    assert content["text"].endswith("。已核实。住建局")
    assert content["result"]


async def test_what_has_ended_is_found_by_its_index(notify: Notify) -> None:
    assert "petition_feedback_pending" in await kept_plan(notify.app.database, _ended().limit(10))
