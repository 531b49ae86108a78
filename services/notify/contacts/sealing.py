"""The sealed addresses of the contact book, the robots they lead to, and the test that the key file
fits the database."""

import json
from collections.abc import Mapping
from uuid import UUID

from sqlmodel import col, select

from services.notify.contacts.domain import ROBOT_CHANNELS, Channel, robot_key
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


def robot_of(ring: KeyRing, channel: Channel, address: Mapping[str, str]) -> UUID | None:
    """By what contacts of one robot are known, without its key; None on channels without robots.

    It is made under the oldest key of the ring, so that a new one on top parts no contacts.
    """
    key = robot_key(channel, address)
    if key is None:
        return None
    return UUID(bytes=ring.column("contacts", "robot").blind_indexes(f"{channel}|{key}")[-1])


async def know_robots(database: Database, ring: KeyRing) -> None:
    """Know the robot of every contact that has one: also of those entered before robots were told
    apart, or when the ring had a key that has been taken from it since."""
    of_robots = (
        select(Contact)
        .where(col(Contact.channel).in_(ROBOT_CHANNELS), col(Contact.address_sealed) != "")
        .order_by(col(Contact.contact_id))
        .with_for_update()
    )
    async with database.transaction() as session:
        for contact in await session.scalars(of_robots):
            try:
                address = open_address(ring, contact)
            except SealBroken:
                continue  # nothing can go out to it
            contact.robot = robot_of(ring, Channel(contact.channel), address)


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
