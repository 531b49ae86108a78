"""Download links: whoever holds one may fetch its file until it expires, without a token."""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.inspection.evidence.domain import LinkInvalid
from shared.privacy import KeyRing


@dataclass(frozen=True, slots=True)
class LinkMark:
    """What a link carries beside the id of its file: the second it expires at, and the proof."""

    expires: str
    signature: str


class LinkSigner:
    """Signs with the first key of the ring; links signed with one of the others still open."""

    def __init__(self, keys: KeyRing) -> None:
        self._keyed = keys.column("evidence_files", "link")

    def sign(self, ref: UUID, expires_at: datetime) -> LinkMark:
        """The mark of a link to the file `ref`."""
        expires = str(int(expires_at.timestamp()))
        return LinkMark(expires, _text(self._keyed.blind_index(_statement(str(ref), expires))))

    def check(self, ref: str, mark: LinkMark, now: datetime) -> UUID:
        """The id in a link that was signed here and has not expired; raises `LinkInvalid`."""
        given = mark.signature.encode()
        proofs = self._keyed.blind_indexes(_statement(ref, mark.expires))
        genuine = [hmac.compare_digest(_text(proof).encode(), given) for proof in proofs]
        # Only what was signed is read as an id and a time.
        if not any(genuine) or int(mark.expires) <= now.timestamp():
            raise LinkInvalid
        return UUID(ref)


def _statement(ref: str, expires: str) -> str:
    return f"{ref}|{expires}"


def _text(proof: bytes) -> str:
    return urlsafe_b64encode(proof).rstrip(b"=").decode()
