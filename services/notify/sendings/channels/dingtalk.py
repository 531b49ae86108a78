"""Custom group robots of DingTalk (钉钉), signed (加签) where they have a secret."""

import time
from collections.abc import Mapping, Sequence

import httpx

from services.notify.sendings.channels.adapter import judged, post, signature
from services.notify.sendings.domain import Outcome, Parcel, Saying, packed

TEXT_BYTES = 18_000  # a request has at most 20,000
_TOO_MANY = (130101, 410100)
_BUSY = (-1,)
# Whoever sends too much is not let in for ten minutes.
_BAN_SECONDS = 600.0


class Dingtalk:
    """Speaks to DingTalk at `url`."""

    gap_seconds = 0.0

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = f"{url}/robot/send"

    def parcels(self, sayings: Sequence[Saying]) -> list[Parcel]:
        """As few texts as the limit allows."""
        return packed(sayings, TEXT_BYTES)

    async def send(self, address: Mapping[str, str], parcel: Parcel) -> Outcome:
        """Send a text. The signature is by real time, whatever is simulated."""
        query = {"access_token": address["access_token"]}
        secret = address.get("secret")
        if secret:
            stamp = str(time.time_ns() // 1_000_000)
            query |= {"timestamp": stamp, "sign": signature(secret, f"{stamp}\n{secret}")}
        body = {"msgtype": "text", "text": {"content": parcel.text}}
        answer = await post(self._client, self._url, params=query, json=body)
        return judged(
            answer, "errcode", limited=_TOO_MANY, temporary=_BUSY, wait_seconds=_BAN_SECONDS
        )
