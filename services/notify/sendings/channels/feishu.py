"""Custom bots of Feishu (飞书) and Lark, signed where they have a secret."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from services.notify.sendings.channels.adapter import judged, post, signature
from services.notify.sendings.domain import Outcome, Parcel, Saying, packed

TEXT_BYTES = 18_000  # a request has at most 20 KB
_TOO_MANY = (11232, 230020, 99991400)


class Feishu:
    """Speaks to Feishu at `url`."""

    gap_seconds = 0.2  # five a second

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = f"{url}/open-apis/bot/v2/hook"

    def parcels(self, sayings: Sequence[Saying]) -> list[Parcel]:
        """As few texts as the limit allows."""
        return packed(sayings, TEXT_BYTES)

    async def send(self, address: Mapping[str, str], parcel: Parcel) -> Outcome:
        """Send a text. Time and secret are the key of the signature, of nothing."""
        body: dict[str, Any] = {"msg_type": "text", "content": {"text": parcel.text}}
        secret = address.get("secret")
        if secret:
            stamp = str(int(time.time()))
            body |= {"timestamp": stamp, "sign": signature(f"{stamp}\n{secret}", "")}
        answer = await post(self._client, f"{self._url}/{address['key']}", json=body)
        return judged(answer, "code", limited=_TOO_MANY)
