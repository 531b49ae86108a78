"""Letters: their form, and what a mail server's refusals mean."""

import socket
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.notify.sendings.providers import MAIL, MORNING, Opened


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
