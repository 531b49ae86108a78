"""Each service gets what it takes: form, signature, length; and nothing that identifies people."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from services.notify.sendings.channels.adapter import Unavailable
from services.notify.sendings.channels.through_apprise import apprise_or_reason
from shared.privacy import holds_identifier
from tests.notify.sendings.providers import (
    KEY,
    MAIL,
    MOBILE,
    MORNING,
    SECRET,
    SMS,
    WECOM,
    Answer,
    Asked,
    Opened,
    answered,
    dingtalk,
    feishu,
    serving,
    wecom,
)

LONG = "整改" * 900  # 5,400 bytes
DINGTALK = {"channel": "DINGTALK", "access_token": KEY, "secret": SECRET}
FEISHU = {"channel": "FEISHU", "key": KEY, "secret": SECRET}


@pytest.mark.parametrize(
    ("setting", "robot", "address", "requests"),
    [
        ("wecom_url", wecom, WECOM, 3),
        ("dingtalk_url", dingtalk, DINGTALK, 1),
        ("feishu_url", feishu, FEISHU, 1),
    ],
)
async def test_a_robot_takes_a_dispatch_and_a_long_text(
    opened: Opened,
    setting: str,
    robot: Callable[[Asked], Answer],
    address: dict[str, str],
    requests: int,
) -> None:
    with serving(robot) as provider:
        people = await opened(**{setting: provider.url})
        contact = await people.add(address)
        story = await people.tell(MORNING)
        await people.run(MORNING)
        (text,) = provider.texts
        assert text.startswith("【整改任务：")
        assert story.facts["problem_no"] in text
        assert "/api/v1/" not in text
        assert await people.states() == [("SENT", None)]
        provider.asked.clear()
        await people.say(contact, MORNING, LONG)
        assert await people.run(MORNING) == {"sent": 1}
        assert len(provider.asked) == requests
        if requests == 3:
            assert [text[:5] for text in provider.texts] == ["（1/3）", "（2/3）", "（3/3）"]


@pytest.mark.parametrize(
    ("setting", "robot", "address", "reason"),
    [
        ("wecom_url", wecom, {**WECOM, "key": "another-key"}, "REFUSED_93000"),
        ("dingtalk_url", dingtalk, {**DINGTALK, "secret": "SECwrong"}, "REFUSED_310000"),
        ("feishu_url", feishu, {**FEISHU, "secret": "wrong"}, "REFUSED_19021"),
    ],
)
async def test_a_robot_that_refuses_key_or_signature_is_not_asked_again(
    opened: Opened,
    setting: str,
    robot: Callable[[Asked], Answer],
    address: dict[str, str],
    reason: str,
) -> None:
    with serving(robot) as provider:
        people = await opened(**{setting: provider.url})
        contact = await people.add(address)
        result = await people.call("POST", f"/contacts/{contact['id']}/test")
        assert result == {"state": "FAILED", "reason": reason, "kept": None}
        await people.tell(MORNING)
        assert await people.run(MORNING) == {"failed": 1}
        assert await people.states() == [("FAILED", reason)]


@pytest.mark.parametrize(
    ("setting", "address", "answer", "seconds"),
    [
        ("wecom_url", WECOM, {"errcode": 45009}, 60),
        ("dingtalk_url", DINGTALK, {"errcode": 130101}, 600),
        ("feishu_url", FEISHU, {"code": 11232}, 60),
    ],
)
async def test_a_robot_that_is_told_too_much_is_left_in_peace_without_losing_an_attempt(
    opened: Opened, setting: str, address: dict[str, str], answer: dict[str, Any], seconds: int
) -> None:
    with serving(lambda _asked: answered(answer)) as provider:
        people = await opened(**{setting: provider.url})
        await people.add(address)
        await people.tell(MORNING)
        assert await people.run(MORNING) == {}
        (waiting,) = await people.sendings()
        assert (waiting["state"], waiting["attempts"]) == ("PENDING", 0)
        early, late = divmod(seconds - 1, 60), divmod(seconds, 60)
        await people.run(f"2026-03-04T09:{early[0]:02d}:{early[1]:02d}+08:00")
        assert len(provider.asked) == 1
        await people.run(f"2026-03-04T09:{late[0]:02d}:{late[1]:02d}+08:00")
        assert len(provider.asked) == 2


# One of its hundred services still asks for a module on its way out.
@pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")
async def test_apprise_reaches_what_the_operator_allows_and_nothing_else(opened: Opened) -> None:
    with serving(lambda _asked: answered({})) as provider:
        people = await opened(apprise_schemes=["json"])
        address = {"channel": "APPRISE", "url": provider.url.replace("http", "json", 1)}
        contact = await people.add(address)
        assert contact["address_shown"] == "json://***"
        await people.tell(MORNING)
        assert await people.run(MORNING) == {"sent": 1}
        body = provider.asked[0].json
        assert body["title"].startswith("整改任务：")
        assert "由你单位牵头整改" in body["message"]
        refused = await people.call(
            "POST",
            "/contacts",
            {
                "org": "HOUS@511132",
                "label": "群",
                "address": {"channel": "APPRISE", "url": "xml://127.0.0.1:1"},
            },
            status=422,
        )
        assert refused["errors"][0]["code"] == "SCHEME_NOT_ALLOWED"


async def test_without_apprise_its_contacts_are_skipped_and_say_so(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert isinstance(apprise_or_reason(["json"]), Unavailable)
    people = await opened(apprise_schemes=["json"])
    await people.add({"channel": "APPRISE", "url": "json://127.0.0.1:9"})
    await people.tell(MORNING)
    assert await people.run(MORNING) == {"skipped": 1}
    assert await people.states() == [("SKIPPED", "CHANNEL_NOT_INSTALLED")]


@pytest.mark.parametrize("address", [SMS, MAIL])
async def test_a_channel_that_is_not_set_up_says_so(
    opened: Opened, address: dict[str, str]
) -> None:
    people = await opened()
    contact = await people.add(address)
    await people.tell(MORNING)
    assert await people.run(MORNING) == {"skipped": 1}
    assert await people.states() == [("SKIPPED", "CHANNEL_NOT_CONFIGURED")]
    result = await people.call("POST", f"/contacts/{contact['id']}/test")
    assert (result["state"], result["reason"]) == ("SKIPPED", "CHANNEL_NOT_CONFIGURED")


async def test_the_dry_run_keeps_what_would_have_been_sent(opened: Opened) -> None:
    people = await opened()
    contact = await people.add({"channel": "DRY_RUN"})
    await people.tell(MORNING)
    assert await people.run(MORNING) == {"sent": 1}
    (sending,) = await people.sendings()
    assert sending["kept"].startswith("【整改任务：")
    result = await people.call("POST", f"/contacts/{contact['id']}/test")
    assert result["state"] == "SENT"
    assert "整改工作群" in result["kept"]


async def test_no_identifier_gets_into_a_text_whatever_it_is_made_of(opened: Opened) -> None:
    with serving(wecom) as provider:
        people = await opened(wecom_url=provider.url)
        contact = await people.add(WECOM)
        await people.say(contact, MORNING, f"请联系{MOBILE}，身份证511132198001019015。")
        await people.run(MORNING)
        assert provider.texts == ["【第1条】\n请联系〔已隐去〕，身份证〔已隐去〕。"]
        assert not any(map(holds_identifier, provider.texts))
