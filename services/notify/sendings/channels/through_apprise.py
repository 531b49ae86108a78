"""Everything else, through Apprise where it is installed."""

import asyncio
import importlib
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.notify.sendings.channels.adapter import ChannelAdapter, Unavailable
from services.notify.sendings.domain import (
    SENT,
    Outcome,
    Parcel,
    Reason,
    Saying,
    Verdict,
    one_letter,
)


def apprise_or_reason(schemes: Collection[str]) -> ChannelAdapter:
    """The adapter, or one that says that Apprise is not installed."""
    try:
        library = importlib.import_module("apprise")
    except ImportError:
        return Unavailable(Reason.CHANNEL_NOT_INSTALLED)
    for talkative in ("apprise", "urllib3"):  # they would write addresses into their records
        logging.getLogger(talkative).setLevel(logging.CRITICAL + 1)
    return ThroughApprise(library, schemes)


class ThroughApprise:
    """Speaks through `library`, the module apprise, to addresses of the `schemes` allowed."""

    gap_seconds = 0.0

    def __init__(self, library: Any, schemes: Collection[str]) -> None:
        self._library = library
        self._schemes = schemes

    def parcels(self, sayings: Sequence[Saying]) -> list[Parcel]:
        """Everything in one; Apprise itself cuts what its service does not take."""
        return one_letter(sayings)

    async def send(self, address: Mapping[str, str], parcel: Parcel) -> Outcome:
        """Send in a thread: the library knows no other way, and says no more than whether it went
        well."""
        if address["url"].partition("://")[0] not in self._schemes:
            return Outcome(Verdict.REFUSED, "SCHEME")
        return await asyncio.to_thread(self._send, address["url"], parcel)

    def _send(self, url: str, parcel: Parcel) -> Outcome:
        target = self._library.Apprise()
        if not target.add(url):
            return Outcome(Verdict.REFUSED, "ADDRESS")
        went_well = target.notify(body=parcel.text, title=parcel.saying.title)
        return SENT if went_well else Outcome(Verdict.TEMPORARY, "APPRISE")
