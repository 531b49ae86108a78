"""Signatures after Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`, one per secret."""

import base64
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks import Webhook

SECRET_BYTES = 32
_PREFIX = "whsec_"


def new_secret() -> str:
    """A fresh secret as receivers keep it: `whsec_` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret in clear, and until when it signs (None: until it is replaced)."""

    value: str
    expires_at: datetime | None


class Signatures:
    """Signs with every secret in force, the newest first: whoever holds one of them can verify."""

    def __init__(self, secrets: Sequence[Secret]) -> None:
        self._signers = [(Webhook(secret.value), secret.expires_at) for secret in secrets]

    def headers(self, webhook_id: str, body: str) -> Mapping[str, str]:
        """The headers of one attempt."""
        # The receiver compares with its own clock: never a simulated instant.
        moment = datetime.fromtimestamp(int(time.time()), UTC)
        return {
            "content-type": "application/json",
            "user-agent": "bangfu-webhooks/1",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": " ".join(
                signer.sign(webhook_id, moment, body)
                for signer, expires_at in self._signers
                if expires_at is None or moment < expires_at
            ),
        }

    def __bool__(self) -> bool:
        """Whether there is any secret."""
        return bool(self._signers)
