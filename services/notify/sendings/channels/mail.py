"""E-mail through the operator's SMTP server."""

import ssl
from collections.abc import Mapping, Sequence
from email.message import EmailMessage

import aiosmtplib

from services.notify.sendings.domain import SENT, Outcome, Parcel, Saying, Verdict, one_letter
from services.notify.settings import MailServer


class Mail:
    """Hands letters to `server`."""

    gap_seconds = 0.0

    def __init__(self, server: MailServer, timeout_seconds: float) -> None:
        self._server = server
        self._timeout_seconds = timeout_seconds
        self._tls = (
            None if server.security == "none" else ssl.create_default_context(cafile=server.ca_file)
        )

    def parcels(self, sayings: Sequence[Saying]) -> list[Parcel]:
        """Everything in one letter."""
        return one_letter(sayings)

    async def send(self, address: Mapping[str, str], parcel: Parcel) -> Outcome:
        """Send a letter of plain text."""
        server = self._server
        letter = EmailMessage()
        letter["From"], letter["To"] = server.sender, address["address"]
        letter["Subject"] = " ".join(parcel.saying.title.split())
        letter.set_content(parcel.text)
        try:
            await aiosmtplib.send(
                letter,
                hostname=server.host,
                port=server.port,
                username=server.username,
                password=server.password.get_secret_value() if server.password else None,
                use_tls=server.security == "tls",
                start_tls=server.security == "starttls",
                tls_context=self._tls,
                timeout=self._timeout_seconds,
            )
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            return _refused(refusal.recipients[0].code)
        except aiosmtplib.SMTPDataError as refusal:
            return _refused(refusal.code)
        # Whatever else is refused is the operator's fault and soon mended, not the recipient's.
        except aiosmtplib.SMTPAuthenticationError:
            return Outcome(Verdict.TEMPORARY, "SMTP_LOGIN")
        except aiosmtplib.SMTPResponseException as refusal:
            return Outcome(Verdict.TEMPORARY, f"SMTP_{refusal.code}")
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            return Outcome(Verdict.TEMPORARY, "UNREACHABLE")
        return SENT


def _refused(code: int) -> Outcome:
    verdict = Verdict.REFUSED if code >= 500 else Verdict.TEMPORARY
    return Outcome(verdict, f"SMTP_{code}")
