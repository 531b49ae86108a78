"""What can be done with the contact book: enter, change and remove contacts."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.notify.contacts.domain import Channel, check_wording, shown_address
from services.notify.contacts.queries import get_contact_for_update
from services.notify.contacts.sealing import addresses_under, robot_of
from services.notify.contacts.tables import Contact
from services.notify.keys import keys_of
from shared import clock
from shared.audit import record_audit
from shared.database import ReadSession, Session
from shared.errors import NotFound, VersionConflict
from shared.ids import new_id
from shared.security import Actor, Role


@dataclass(frozen=True, slots=True)
class Reach:
    """A channel and an address on it; `sealed_form` is the address as JSON."""

    channel: Channel
    address: dict[str, str]
    sealed_form: str

    def sealed(self, session: ReadSession, contact_id: UUID) -> dict[str, Any]:
        """The columns of a contact that say how it is reached."""
        ring = keys_of(session)
        return {
            "channel": self.channel,
            "address_sealed": addresses_under(ring).seal(self.sealed_form, contact_id),
            "robot": robot_of(ring, self.channel, self.address),
            "address_shown": shown_address(self.channel, self.address),
        }


async def add_contact(
    session: Session,
    actor: Actor,
    *,
    org: str,
    roles: list[str],
    person: str | None,
    label: str,
    copies: bool,
    reach: Reach,
) -> Contact:
    """Enter a contact; raises `NotFound` for a foreign organisation, and `PersonalIdentifier`."""
    if actor.has(Role.OPS):
        actor.must_cover(org.partition("@")[2])
    elif org != actor.organisation:
        raise NotFound
    check_wording(label=label, person=person)
    contact_id = new_id()
    contact = Contact(
        contact_id=contact_id,
        org=org,
        roles=roles,
        person=person,
        label=label,
        copies=copies,
        created_at=clock.now(),
        **reach.sealed(session, contact_id),
    )
    session.add(contact)
    await session.flush()
    await record_audit(
        session, actor, "ADD", "contact", contact_id, change={"channel": reach.channel, "org": org}
    )
    return contact


async def change_contact(
    session: Session,
    actor: Actor,
    contact_id: UUID,
    *,
    version: int,
    changes: dict[str, Any],
    reach: Reach | None,
) -> Contact:
    """Change the fields of a contact that `changes` names, and how it is reached.

    Raises `NotFound`, `VersionConflict` and `PersonalIdentifier`.
    """
    contact = await get_contact_for_update(session, actor, contact_id)
    if contact.version != version:
        raise VersionConflict(version=contact.version)
    check_wording(label=changes.get("label"), person=changes.get("person"))
    if reach is not None:
        changes = {**changes, **reach.sealed(session, contact_id)}
    for name, value in changes.items():
        setattr(contact, name, value)
    contact.version += 1
    await record_audit(
        session, actor, "CHANGE", "contact", contact_id, change={"fields": sorted(changes)}
    )
    return contact


async def remove_contact(session: Session, actor: Actor, contact_id: UUID) -> None:
    """Take a contact out of the book and forget its address; raises `NotFound`."""
    contact = await get_contact_for_update(session, actor, contact_id)
    contact.remove()
    await record_audit(session, actor, "REMOVE", "contact", contact_id)
