"""Which contacts of an organisation are told of a message, and which an actor keeps."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, literal
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from services.notify.contacts.domain import ContactState
from services.notify.contacts.tables import CONTACTS, Contact
from shared.database import ReadSession
from shared.errors import NotFound
from shared.regions import prefix_range
from shared.security import Actor, Role
from shared.web.pagination import PageRequest


def plan_sendings_sql(queued: str, first: int) -> str:
    """A part of the statement that queues messages: one sending per message and contact who minds.

    `queued` names the messages just queued. `$first` is now, the next one whether it is simulated.
    A copy for information goes to those who asked for copies; what was settled before its event
    came, in a store being rebuilt, goes to nobody.
    """
    return f"""
sent AS (
  INSERT INTO sendings (contact_id, message_id, priority, created_at, next_at, simulated)
  SELECT c.contact_id, q.message_id, q.priority, ${first}::timestamptz, ${first}, ${first + 1}::bool
    FROM {queued} q
    JOIN contacts c ON c.org = q.org AND c.state = 'ACTIVE'
   WHERE q.settled_at IS NULL AND (c.copies OR NOT q.information)
     AND (c.roles = '{{}}' OR q.role IS NULL OR c.roles && string_to_array(q.role, ',')))"""


def covered_by(actor: Actor) -> ColumnElement[bool]:
    """Which contacts an actor keeps: those of the own organisation; an operator's are all of the
    region."""
    if not actor.has(Role.OPS):
        return col(Contact.org) == actor.organisation
    low, high = prefix_range(actor.region)
    region = col(Contact.region)
    return and_(region >= low, region < high)


async def list_contacts(
    session: ReadSession, actor: Actor, page: PageRequest, *, org: str | None, role: str | None
) -> Sequence[Contact]:
    """The contacts in force within the actor's scope, of one organisation or role or all."""
    statement = select(Contact).where(covered_by(actor), col(Contact.state) == ContactState.ACTIVE)
    if org is not None:
        statement = statement.where(col(Contact.org) == org)
    if role is not None:
        statement = statement.where(literal(role) == any_(CONTACTS.c.roles))
    return (await session.scalars(page.after(statement, [CONTACTS.c.contact_id], UUID))).all()


async def get_contact(session: ReadSession, actor: Actor, contact_id: UUID) -> Contact:
    """A contact in force within the actor's scope; raises `NotFound`."""
    return await _one(session, _in_force(actor, contact_id))


async def get_contact_for_update(session: ReadSession, actor: Actor, contact_id: UUID) -> Contact:
    """As `get_contact`, locked."""
    return await _one(session, _in_force(actor, contact_id).with_for_update())


def _in_force(actor: Actor, contact_id: UUID) -> SelectOfScalar[Contact]:
    return select(Contact).where(
        col(Contact.contact_id) == contact_id,
        covered_by(actor),
        col(Contact.state) == ContactState.ACTIVE,
    )


async def _one(session: ReadSession, statement: SelectOfScalar[Contact]) -> Contact:
    contact = await session.scalar(statement)
    if contact is None:
        raise NotFound
    return contact
