"""Reading broadcasts: by whom they concern, and who has read them."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, any_, func, literal, select
from sqlmodel import and_, col, or_

from services.notify.broadcasts.tables import Broadcast, Recipient
from services.notify.roles import TAKERS
from shared.database import ReadSession, Session
from shared.errors import NotFound
from shared.security import Actor
from shared.web.pagination import PageRequest


class Reading(NamedTuple):
    """A broadcast as an actor sees it: whether it is addressed to him, and when he read it."""

    broadcast: Broadcast
    addressed: bool
    read_at: datetime | None


class Tally(NamedTuple):
    """How many persons it is addressed to, and how many of them have read it."""

    recipients: int
    read: int


async def list_broadcasts(
    session: ReadSession, actor: Actor, page: PageRequest
) -> Sequence[Reading]:
    """What the actor's organisation issued or the actor is addressed by, newest first."""
    order = col(Broadcast.broadcast_id)
    statement = (
        _readings(actor)
        .where(or_(_is_issuer(actor), col(Recipient.person).is_not(None)))
        .order_by(order.desc())
        .limit(page.limit + 1)
    )
    key = page.key(UUID)
    if key is not None:
        statement = statement.where(order < key[0])
    return [Reading(*row) for row in await session.execute(statement)]


async def get_broadcast(session: ReadSession, actor: Actor, broadcast_id: UUID) -> Reading:
    """A broadcast that the actor or his organisation issued or was sent; raises `NotFound`."""
    sight = [_is_issuer(actor), col(Recipient.person).is_not(None)]
    if actor.has(*TAKERS):  # they find its message in their queue
        sight.append(literal(actor.organisation) == any_(col(Broadcast.organisations)))
    statement = _readings(actor).where(col(Broadcast.broadcast_id) == broadcast_id, or_(*sight))
    row = (await session.execute(statement)).first()
    if row is None:
        raise NotFound
    return Reading(*row)


async def get_issued(
    session: ReadSession, actor: Actor, broadcast_id: UUID, *, lock: bool = False
) -> Broadcast:
    """A broadcast of the actor's own organisation, to be changed if `lock`; raises `NotFound`."""
    statement = select(Broadcast).where(
        col(Broadcast.broadcast_id) == broadcast_id, _is_issuer(actor)
    )
    if lock:
        statement = statement.with_for_update()
    broadcast = await session.scalar(statement)
    if broadcast is None:
        raise NotFound
    return broadcast


async def find_for_update(session: Session, broadcast_id: UUID) -> Broadcast | None:
    """A broadcast, locked."""
    return await session.get(Broadcast, broadcast_id, with_for_update=True)


async def list_for_update(session: Session, broadcast_ids: Sequence[UUID]) -> Sequence[Broadcast]:
    """Those of the broadcasts that are known, locked."""
    broadcast_id = col(Broadcast.broadcast_id)
    statement = select(Broadcast).where(broadcast_id.in_(broadcast_ids)).order_by(broadcast_id)
    return (await session.scalars(statement.with_for_update())).all()


async def tallies_of(session: ReadSession, broadcast_ids: Sequence[UUID]) -> dict[UUID, Tally]:
    """The receipts of some broadcasts, counted; those without recipients are left out."""
    broadcast_id = col(Recipient.broadcast_id)
    rows = await session.execute(
        select(broadcast_id, func.count(), func.count(col(Recipient.read_at)))
        .where(broadcast_id.in_(broadcast_ids))
        .group_by(broadcast_id)
    )
    return {found: Tally(recipients, read) for found, recipients, read in rows}


async def list_receipts(
    session: ReadSession, broadcast_id: UUID, read: bool | None, page: PageRequest
) -> Sequence[Recipient]:
    """Who was addressed, by organisation: all, or those who have (not) read it."""
    order: list[Any] = [col(Recipient.org), col(Recipient.person)]
    statement = page.after(_receipts(broadcast_id, read), order, str, str)
    return (await session.scalars(statement)).all()


async def stream_receipts(
    session: ReadSession, broadcast_id: UUID, read: bool | None
) -> AsyncIterator[Recipient]:
    """As `list_receipts`, all of them."""
    statement = _receipts(broadcast_id, read).order_by(col(Recipient.org), col(Recipient.person))
    async for recipient in await session.stream_scalars(statement):
        yield recipient


def _readings(actor: Actor) -> Select[Any]:
    addressed = and_(
        col(Recipient.broadcast_id) == col(Broadcast.broadcast_id),
        col(Recipient.org) == actor.organisation,
        col(Recipient.person) == actor.person,
    )
    columns: list[Any] = [
        Broadcast,
        col(Recipient.person).is_not(None),
        col(Recipient.read_at),
    ]
    return select(*columns).select_from(Broadcast).outerjoin(Recipient, addressed)


def _receipts(broadcast_id: UUID, read: bool | None) -> Select[Any]:
    statement = select(Recipient).where(col(Recipient.broadcast_id) == broadcast_id)
    if read is None:
        return statement
    seen = col(Recipient.read_at)
    return statement.where(seen.is_not(None) if read else seen.is_(None))


def _is_issuer(actor: Actor) -> ColumnElement[bool]:
    return col(Broadcast.issued_by) == actor.organisation
