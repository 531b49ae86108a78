"""Each service gets what it takes: form, signature, length; and nothing that identifies people."""

import json
import socket
import sys
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from services.notify.sendings.channels.adapter import Unavailable
from services.notify.sendings.channels.through_apprise import apprise_or_reason
from shared.privacy import holds_identifier
from tests.notify.sendings.providers import (
    KEY,
    MORNING,
    SECRET,
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
MOBILE = "19900000001"
SMS = {"channel": "SMS", "mobile": MOBILE}
MAIL = {"channel": "EMAIL", "address": "houjian@example.com"}


class Mailbox:
    """An SMTP server's mailbox; it refuses who is unknown, or everybody for the time being."""

    def __init__(self) -> None:
        self.letters: list[Message] = []
        self.refuse = ""
        self.refuse_sender = ""

    async def handle_MAIL(  # noqa: N802 - as aiosmtpd calls it
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Whether a sender is known."""
        envelope.mail_from = address
        return self.refuse_sender or "250 OK"

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Whether a recipient is taken."""
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - as aiosmtpd calls it
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take a letter."""
        assert isinstance(envelope.content, bytes)
        self.letters.append(message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, dict[str, Any]]]:
    """A real SMTP server, and the settings that lead to it."""
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "bf@example.com"}
    try:
        yield box, settings
    finally:
        controller.stop()


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


async def test_a_letter_has_a_chinese_subject_and_plain_text(
    opened: Opened, mailbox: tuple[Mailbox, dict[str, Any]]
) -> None:
    box, settings = mailbox
    people = await opened(mail=settings, console_url="https://bangfu.example.gov.cn/")
    await people.add(MAIL)
    story = await people.tell(MORNING)
    assert await people.run(MORNING) == {"sent": 1}
    (letter,) = box.letters
    assert letter["To"] == "houjian@example.com"
    subject = str(make_header(decode_header(letter["Subject"])))
    assert subject.startswith("整改任务：")
    assert letter.get_content_type() == "text/plain"
    content = letter.get_payload(decode=True)
    assert isinstance(content, bytes)
    text = content.decode()
    assert "由你单位牵头整改" in text
    assert f"https://bangfu.example.gov.cn/api/v1/problems/{story.problem_id}" in text


@pytest.mark.parametrize(
    ("refusal", "state", "reason"),
    [
        ("550 No such user here", "FAILED", "REFUSED_SMTP_550"),
        ("451 Try again later", "PENDING", "SMTP_451"),
    ],
)
async def test_a_mail_server_refuses_for_good_or_for_now(
    opened: Opened,
    mailbox: tuple[Mailbox, dict[str, Any]],
    refusal: str,
    state: str,
    reason: str,
) -> None:
    box, settings = mailbox
    box.refuse = refusal
    people = await opened(mail=settings)
    await people.add(MAIL)
    await people.tell(MORNING)
    await people.run(MORNING)
    assert await people.states() == [(state, reason)]


async def test_a_sender_the_mail_server_does_not_know_is_no_fault_of_the_recipient(
    opened: Opened, mailbox: tuple[Mailbox, dict[str, Any]]
) -> None:
    box, settings = mailbox
    box.refuse_sender = "553 Sender address rejected"
    people = await opened(mail=settings)
    await people.add(MAIL)
    await people.tell(MORNING)
    await people.run(MORNING)
    assert await people.states() == [("PENDING", "SMTP_553")]


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
