"""Group robots of WeCom (企业微信): a text has at most 2048 bytes."""

from collections.abc import Mapping, Sequence

import httpx

from services.notify.sendings.channels.adapter import judged, post
from services.notify.sendings.domain import Outcome, Parcel, Saying, packed

TEXT_BYTES = 2048
_TOO_MANY = (45009, 45033)  # per minute, at once
_BUSY = (-1,)


class Wecom:
    """Speaks to WeCom at `url`."""

    gap_seconds = 0.0

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = f"{url}/cgi-bin/webhook/send"

    def parcels(self, sayings: Sequence[Saying]) -> list[Parcel]:
        """As few texts as the limit allows."""
        return packed(sayings, TEXT_BYTES)

    async def send(self, address: Mapping[str, str], parcel: Parcel) -> Outcome:
        """Send a text: markup in what people typed is shown as they typed it."""
        body = {"msgtype": "text", "text": {"content": parcel.text}}
        answer = await post(self._client, self._url, params={"key": address["key"]}, json=body)
        return judged(answer, "errcode", limited=_TOO_MANY, temporary=_BUSY)
