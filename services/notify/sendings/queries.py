"""Reading sendings: which wait, what they say, and what became of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select
from sqlmodel import col, select

from services.notify.contacts.domain import ContactState
from services.notify.contacts.queries import covered_by
from services.notify.contacts.tables import SENDINGS, Contact, Sending
from services.notify.queues.queries import PLACE, PLACE_CODE
from services.notify.queues.tables import Message
from services.notify.sendings.domain import Reason
from shared.database import Connection, ReadSession
from shared.errors import NotFound
from shared.security import Actor, Role
from shared.web.pagination import PageRequest

AT_ONCE = 100

# The place is named as in a pull of the queue. News is as old as its event: a store that is rebuilt
# plans its sendings anew.
_WAITING = f"""
SELECT s.sending_id, s.message_id, s.priority, s.attempts, s.content,
       least(s.created_at, h.at) AS since,
       m.state AS message_state, m.purpose, m.information, h.data,
       coalesce({PLACE}, '') AS place
  FROM sendings s
  LEFT JOIN messages m USING (message_id)
  LEFT JOIN happenings h ON h.event_id = m.event_id
  LEFT JOIN problems p ON p.problem_id = m.problem_id
 {PLACE_CODE}
 WHERE s.contact_id = $1 AND s.state = 'PENDING' AND s.next_at <= $2 AND (NOT s.simulated OR $3)
 ORDER BY s.priority DESC, s.created_at, m.position LIMIT $4
"""


class ListedSending(NamedTuple):
    """A sending with the contact it goes to."""

    sending: Sending
    contact: Contact


async def waiting_for(
    connection: Connection, contact_id: UUID, now: datetime, *, include_simulated: bool
) -> list[Any]:
    """The sendings due to a contact with what they tell of, the weightiest first."""
    rows: list[Any] = await connection.fetch(_WAITING, contact_id, now, include_simulated, AT_ONCE)
    return rows


async def list_sendings(
    session: ReadSession,
    actor: Actor,
    page: PageRequest,
    *,
    message_id: UUID | None,
    contact_id: UUID | None,
    state: str | None,
) -> list[ListedSending]:
    """The sendings to contacts within the actor's scope, oldest first."""
    statement: Select[Any] = _with_contact(actor)
    for column, wanted in (
        (Sending.message_id, message_id),
        (Sending.contact_id, contact_id),
        (Sending.state, state),
    ):
        if wanted is not None:
            statement = statement.where(col(column) == wanted)
    order = [SENDINGS.c.created_at, SENDINGS.c.sending_id]
    rows: Sequence[Any] = (
        await session.execute(page.after(statement, order, datetime, UUID))
    ).all()
    return [ListedSending(*row) for row in rows]


async def why_nobody(session: ReadSession, actor: Actor, message_id: UUID) -> Reason | None:
    """Why nothing goes out of a message, None where something does; raises `NotFound` for one of
    another organisation, or outside an operator's region."""
    message = await session.get(Message, message_id)
    if message is None:
        raise NotFound
    if actor.has(Role.OPS):
        actor.must_cover(message.org.partition("@")[2])
    elif message.org != actor.organisation:
        raise NotFound
    told = select(Sending.sending_id).where(col(Sending.message_id) == message_id).limit(1)
    if await session.scalar(told) is not None:
        return None
    known = select(Contact.contact_id).where(
        col(Contact.org) == message.org, col(Contact.state) == ContactState.ACTIVE
    )
    found = await session.scalar(known.limit(1))
    return Reason.NO_CONTACT if found is None else Reason.NOBODY_MINDS


async def get_sending_for_update(
    session: ReadSession, actor: Actor, sending_id: UUID
) -> ListedSending:
    """A sending within the actor's scope, locked; raises `NotFound`."""
    row = (
        await session.execute(
            _with_contact(actor)
            .where(col(Sending.sending_id) == sending_id)
            .with_for_update(of=Sending)
        )
    ).one_or_none()
    if row is None:
        raise NotFound
    return ListedSending(*row)


def _with_contact(actor: Actor) -> Any:
    return (
        select(Sending, Contact)
        .join(Contact, col(Contact.contact_id) == col(Sending.contact_id))
        .where(covered_by(actor))
    )
