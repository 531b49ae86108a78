"""The keys of the sealed columns: addresses of contacts, secrets of webhooks."""

from typing import cast

from shared.database import Database, ReadSession
from shared.privacy import KeyRing

_PLACE = "keys"


def keep_keys(database: Database, ring: KeyRing) -> None:
    """Let every session of the service find the keys."""
    database.extras[_PLACE] = ring


def keys_of(session: ReadSession) -> KeyRing:
    """The key ring of the service whose session it is; `.column(table, column)` seals and opens."""
    return cast("KeyRing", session.info[_PLACE])
