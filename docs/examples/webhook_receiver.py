"""An example of a receiver: verifies each delivery, takes it once, and answers at once.

    WEBHOOK_SECRETS="whsec_…" python webhook_receiver.py 8080

Several secrets, separated by spaces, are accepted while one replaces the other.
"""

# ruff: noqa: INP001 - a program of its own
import os
import sys
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

BODY_LIMIT_BYTES = 20_000


class Inbox:
    """What has been received: each delivery once, however often it is sent."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._verifiers = [Webhook(secret) for secret in secrets]
        self.received: dict[str, Any] = {}

    def take(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether the delivery is genuine and recent; it is then kept, unless it is known."""
        # What is signed is `id.timestamp.body`: a dot in the id would let the parts be shifted.
        if "." in headers.get("webhook-id", ""):
            return False
        for verifier in self._verifiers:
            try:
                delivery = verifier.verify(body, dict(headers))
            except (WebhookVerificationError, ValueError):
                continue
            # In earnest: write it where it survives a crash, with the id as its unique key.
            self.received.setdefault(headers["webhook-id"], delivery)
            return True
        return False


def handler_of(inbox: Inbox) -> type[BaseHTTPRequestHandler]:
    """The handler of a server that takes deliveries into `inbox`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            body = self.rfile.read(min(length, BODY_LIMIT_BYTES))
            headers = {name.lower(): value for name, value in self.headers.items()}
            # Work that takes time comes after the answer: the sender waits 20 seconds at most.
            self.send_response(204 if inbox.take(headers, body) else 401)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Nothing: deliveries are not to be found in logs."""

    return Handler


def main() -> None:
    """Receive until the process is ended."""
    inbox = Inbox(os.environ["WEBHOOK_SECRETS"].split())
    ThreadingHTTPServer(("", int(sys.argv[1])), handler_of(inbox)).serve_forever()


if __name__ == "__main__":
    main()
