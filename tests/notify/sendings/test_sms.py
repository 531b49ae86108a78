"""SMS gateways: registered texts with their variables, and what a gateway's answers mean."""

import json
from typing import Any

from tests.notify.sendings.providers import (
    MOBILE,
    MORNING,
    SMS,
    Answer,
    Asked,
    Opened,
    answered,
    serving,
)

GATEWAY: dict[str, Any] = {
    "headers": {"Authorization": "APPCODE abcdef"},
    "body": {
        "to": ["+86{mobile}"],
        "template": "{template_id}",
        "param": "{variables}",
        "list": "{variable_list}",
        "text": "{text}",
    },
    "templates": {
        "DISPATCH": {"id": "T1", "variables": ["place", "due_on"]},
        "COUNT": {"id": "T2", "variables": ["count"]},
    },
    "success_field": "result.0.code",
    "success_value": "OK",
}


def gateway(asked: Asked) -> Answer:
    """An SMS gateway."""
    assert asked.headers["Authorization"] == "APPCODE abcdef"
    assert asked.json["to"] == [f"+86{MOBILE}"]
    return answered({"result": {"0": {"code": "OK"}}})


async def test_a_short_message_is_a_registered_text_with_its_variables(opened: Opened) -> None:
    with serving(gateway) as provider:
        people = await opened(sms={**GATEWAY, "url": provider.url})
        await people.add(SMS)
        await people.tell(MORNING)
        assert await people.run(MORNING) == {"sent": 1}
        body = provider.asked[0].json
        assert body["template"] == "T1"
        assert json.loads(body["param"]) == {
            "place": "峨边彝族自治县宜坪乡桐花村",
            "due_on": "2086-04-01",
        }
        assert body["list"] == ["峨边彝族自治县宜坪乡桐花村", "2086-04-01"]
        assert body["text"] == ""


async def test_many_short_messages_become_one_with_their_number(opened: Opened) -> None:
    with serving(gateway) as provider:
        people = await opened(sms={**GATEWAY, "url": provider.url})
        await people.add(SMS)
        for _ in range(4):
            await people.tell(MORNING)
        assert await people.run(MORNING) == {"sent": 4}
        (asked,) = provider.asked
        assert (asked.json["template"], asked.json["list"]) == ("T2", ["4"])


async def test_where_no_text_is_registered_for_a_number_each_goes_out_by_itself(
    opened: Opened,
) -> None:
    templates = {"DISPATCH": {"id": "T1"}}
    with serving(gateway) as provider:
        people = await opened(sms={**GATEWAY, "url": provider.url, "templates": templates})
        await people.add(SMS)
        for _ in range(4):
            await people.tell(MORNING)
        assert await people.run(MORNING) == {"sent": 4}
        assert len(provider.asked) == 4


async def test_a_gateway_that_says_later_is_asked_again(opened: Opened) -> None:
    with serving(lambda _asked: answered({"result": {"0": {"code": "BUSY"}}})) as provider:
        people = await opened(sms={**GATEWAY, "url": provider.url, "later_values": ["BUSY"]})
        await people.add(SMS)
        await people.tell(MORNING)
        assert await people.run(MORNING) == {}
        assert await people.states() == [("PENDING", "BUSY")]


async def test_what_has_no_registered_text_is_skipped_unless_free_text_is_agreed(
    opened: Opened,
) -> None:
    with serving(gateway) as provider:
        people = await opened(sms={**GATEWAY, "url": provider.url})
        contact = await people.add(SMS)
        await people.say(contact, MORNING, "会议改期")
        assert await people.run(MORNING) == {"skipped": 1}
        assert await people.states() == [("SKIPPED", "NO_TEMPLATE")]
        assert provider.asked == []
        people = await opened(sms={**GATEWAY, "url": provider.url, "free_text": True})
        contact = await people.add(SMS)
        await people.say(contact, MORNING, "会议改期")
        assert await people.run(MORNING) == {"sent": 1}
        assert provider.asked[0].json["text"] == "【第1条】\n会议改期"


async def test_a_gateway_that_speaks_in_forms_and_refuses_is_believed(opened: Opened) -> None:
    def refusing(asked: Asked) -> Answer:
        assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert f"mobile={MOBILE}" in asked.body.decode()
        return answered({"code": "isv.BUSINESS_LIMIT_CONTROL"})

    with serving(refusing) as provider:
        people = await opened(
            sms={
                "url": provider.url,
                "form": True,
                "body": {"mobile": "{mobile}", "tpl": "{template_id}"},
                "templates": {"*": {"id": "T9"}},
                "success_field": "code",
                "success_value": "0",
            }
        )
        await people.add(SMS)
        await people.tell(MORNING)
        assert await people.run(MORNING) == {"failed": 1}
        assert await people.states() == [("FAILED", "REFUSED_isv.BUSINESS_LIMIT_CONTROL")]
