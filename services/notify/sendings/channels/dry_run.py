"""The channel on which nothing leaves."""

from collections.abc import Mapping, Sequence

from services.notify.sendings.domain import Outcome, Parcel, Saying, Verdict


class DryRun:
    """Keeps what would have been sent."""

    gap_seconds = 0.0

    def parcels(self, sayings: Sequence[Saying]) -> list[Parcel]:
        """Each by itself, to be looked at by itself."""
        return [
            Parcel(saying, saying.whole, (place,), (place,)) for place, saying in enumerate(sayings)
        ]

    async def send(self, address: Mapping[str, str], parcel: Parcel) -> Outcome:
        """Keep the text."""
        return Outcome(Verdict.SENT, kept=parcel.text)
