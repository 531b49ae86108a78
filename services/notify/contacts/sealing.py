"""The sealed addresses of the contact book, and the test that the key file fits the database."""

import json

from sqlmodel import col, select

from services.notify.contacts.tables import Contact
from shared.database import Database
from shared.privacy import KeyFileRejected, KeyRing, SealBroken, SealedColumn


def addresses_under(ring: KeyRing) -> SealedColumn:
    """The sealer of the addresses."""
    return ring.column("contacts", "address_sealed")


def open_address(ring: KeyRing, contact: Contact) -> dict[str, str]:
    """Where a contact is reached, by the fields of its channel; raises `SealBroken`."""
    opened: dict[str, str] = json.loads(
        addresses_under(ring).open(contact.address_sealed, contact.contact_id)
    )
    return opened


async def try_keys(database: Database, ring: KeyRing) -> None:
    """Raise `KeyFileRejected` when what is stored was sealed with other keys: nobody in the book
    could be reached."""
    async with database.reading() as session:
        stored = await session.scalar(
            select(Contact).where(col(Contact.address_sealed) != "").limit(1)
        )
    if stored is None:
        return
    try:
        open_address(ring, stored)
    except SealBroken:
        raise KeyFileRejected(
            "the contacts were sealed with another key than the key file holds"
        ) from None
