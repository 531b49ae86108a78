"""What can be done with broadcasts: issue, read, withdraw, and name those who have not read.

Everything but receipts is an event of notify's own; `keep_…` applies such an event, whether it is
being made or heard again by a store that is rebuilt.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, text
from sqlmodel import col, update

from services.notify.broadcasts.domain import (
    Action,
    State,
    check_reach,
    check_read_by,
    next_state,
)
from services.notify.broadcasts.queries import (
    Reading,
    Tally,
    find_for_update,
    get_broadcast,
    get_issued,
    list_for_update,
    tallies_of,
)
from services.notify.broadcasts.tables import Broadcast, Recipient
from services.notify.contacts.domain import check_wording
from services.notify.mirror.domain import derived_id
from services.notify.queues.commands.telling import Happened, enqueue, recall_event
from services.notify.queues.domain.notices import Notice, Priority, Purpose
from shared import clock, timers
from shared.audit import record_audit
from shared.database import Session
from shared.errors import NotFound
from shared.events.notify import (
    BroadcastEvent,
    BroadcastIssued,
    BroadcastUnread,
    BroadcastWithdrawn,
)
from shared.ids import new_id
from shared.messaging import outbox
from shared.regions import prefix_range
from shared.runtime import Runtime
from shared.security import Actor, Role
from shared.timers import DueTimer, NewTimer, TimerKind

SUBJECT = "broadcast"
TIMER = "broadcast_unread"
# The morning after the last day, at the hour at which people are reminded of other deadlines.
_TOLD_AT_HOUR = 9

# One person of an organisation has a contact for each way to reach him.
_ADDRESS = """
WITH addressed AS (
  INSERT INTO broadcast_recipients (broadcast_id, org, person, label)
  SELECT DISTINCT ON (org, person) $1::uuid, org, person, label FROM contacts
   WHERE state = 'ACTIVE' AND person IS NOT NULL AND roles && $2::text[]
     AND region >= $3 AND region < $4
   ORDER BY org, person, created_at, contact_id
  RETURNING org)
SELECT DISTINCT org FROM addressed ORDER BY org
"""


async def issue_broadcast(
    session: Session,
    actor: Actor,
    *,
    region_code: str,
    roles: Sequence[Role],
    title: str,
    text: str,
    read_by: date,
    priority: Priority,
) -> Broadcast:
    """Send a letter to every person of the contact book who holds one of `roles` in the region.

    Raises `NotFound` outside the actor's region, `PersonalIdentifier`, `ReadByPast`,
    `NoRecipients`, `BroadcastTooWide`.
    """
    actor.must_cover(region_code)
    check_wording(title=title, text=text)
    check_read_by(read_by, clock.today())
    broadcast_id = new_id()
    addressed = await (await session.driver()).fetch(
        _ADDRESS, broadcast_id, list(roles), *prefix_range(region_code)
    )
    check_reach(len(addressed))
    issued = BroadcastIssued(
        broadcast_id=broadcast_id,
        region_code=region_code,
        title=title,
        read_by=read_by,
        issued_by=actor.organisation,
        at=clock.now(),
        roles=sorted(set(roles)),
        text=text,
        priority=priority,
        organisations=[row["org"] for row in addressed],
    )
    broadcast = await keep_issued(session, issued, simulated=clock.is_simulated())
    await _record(session, broadcast, issued, broadcast_id)
    await record_audit(
        session,
        actor,
        "ISSUE",
        SUBJECT,
        broadcast_id,
        change={"region_code": region_code, "roles": issued.roles, "read_by": read_by},
    )
    return broadcast


async def withdraw_broadcast(
    session: Session, actor: Actor, broadcast_id: UUID, reason: str
) -> Broadcast:
    """Take a broadcast back. Raises `NotFound` for another organisation's, `IllegalMove`,
    `PersonalIdentifier`."""
    check_wording(reason=reason)
    broadcast = await get_issued(session, actor, broadcast_id, lock=True)
    before = broadcast.state
    withdrawn = BroadcastWithdrawn(**broadcast.model_dump(include=_NAMED), at=clock.now())
    await _withdraw(session, broadcast, withdrawn.at)
    await _record(session, broadcast, withdrawn, derived_id(broadcast_id, "withdrawn"))
    await record_audit(
        session,
        actor,
        Action.WITHDRAW,
        SUBJECT,
        broadcast_id,
        remark=reason,
        change={"state": [before, broadcast.state]},
    )
    return broadcast


async def confirm_reading(session: Session, actor: Actor, broadcast_id: UUID) -> Reading:
    """Note that the actor, whom it is addressed to, has read a broadcast; the first time stands.

    Raises `NotFound` for whom it is not addressed to, `IllegalMove` once it is withdrawn.
    """
    reading = await get_broadcast(session, actor, broadcast_id)
    if not reading.addressed:
        raise NotFound
    if reading.read_at is not None:
        return reading
    next_state(State(reading.broadcast.state), Action.READ)
    read_at = await session.scalar(
        update(Recipient)
        .where(
            col(Recipient.broadcast_id) == broadcast_id,
            col(Recipient.org) == actor.organisation,
            col(Recipient.person) == actor.person,
            col(Recipient.read_at).is_(None),
        )
        .values(read_at=clock.now())
        .returning(col(Recipient.read_at))
        .execution_options(synchronize_session=False)
    )
    if read_at is None:  # the same person was quicker elsewhere
        return await get_broadcast(session, actor, broadcast_id)
    await record_audit(session, actor, Action.READ, SUBJECT, broadcast_id)
    return reading._replace(read_at=read_at)


async def keep_issued(session: Session, event: BroadcastIssued, *, simulated: bool) -> Broadcast:
    """Apply the event of a broadcast: its row, its timer, one message to each organisation."""
    broadcast = await find_for_update(session, event.broadcast_id)
    if broadcast is None:
        broadcast = Broadcast(**event.model_dump(exclude={"at"}), issued_at=event.at)
        session.add(broadcast)
        await session.flush()
        morning = clock.start_of_day(event.read_by + timedelta(days=1), _TOLD_AT_HOUR)
        await timers.arm(session, NewTimer(SUBJECT, event.broadcast_id, TIMER, morning, simulated))
    # Who else in an organisation is written to: contacts of any of the roles.
    role = ",".join(sorted(set(event.roles)))
    await enqueue(
        session,
        [Happened(event.broadcast_id, event.wire_type, event.at, _message_of(event))],
        [
            Notice(
                *(event.broadcast_id, organisation, None, Purpose.BROADCAST),
                *(Priority(event.priority), role),
            )
            for organisation in event.organisations
        ],
    )
    return broadcast


async def keep_withdrawn(session: Session, event: BroadcastWithdrawn) -> None:
    """Apply the event of a withdrawal."""
    broadcast = await find_for_update(session, event.broadcast_id)
    if broadcast is not None and broadcast.state == State.ISSUED:
        await _withdraw(session, broadcast, event.at)


async def keep_unread(session: Session, event: BroadcastUnread) -> None:
    """Apply the event that some have not read a broadcast: one message to the issuer."""
    broadcast = await find_for_update(session, event.broadcast_id)
    if broadcast is None:
        return
    broadcast.unread_told_at = broadcast.unread_told_at or event.at
    event_id = _unread_id(event.broadcast_id)
    await enqueue(
        session,
        [Happened(event_id, event.wire_type, event.at, event.model_dump_json(exclude={"at"}))],
        [Notice(event_id, event.issued_by, None, Purpose.BROADCAST_UNREAD, Priority.NORMAL)],
    )


async def settle_unread(session: Session, broadcast_id: UUID) -> None:
    """The issuer has been told: nothing more is to be done on the morning after the last day."""
    await timers.cancel(session, SUBJECT, [broadcast_id], [TIMER])


async def follow_sequence(session: Session, broadcast_id: UUID, sequence: int) -> None:
    """Count an event heard again, so that the next one made here follows it."""
    counted = col(Broadcast.event_sequence)
    await session.execute(
        update(Broadcast)
        .where(col(Broadcast.broadcast_id) == broadcast_id)
        .values(event_sequence=func.greatest(counted, sequence))
    )


async def fire_unread(session: Session, due: Sequence[DueTimer]) -> None:
    """Tell the issuers of broadcasts whose last day is over how many have not read them, once."""
    found = await list_for_update(session, [timer.subject_id for timer in due])
    open_ones = [one for one in found if _is_to_be_told(one)]
    tallies = await tallies_of(session, [one.broadcast_id for one in open_ones])
    for broadcast in open_ones:
        tally = tallies.get(broadcast.broadcast_id, Tally(0, 0))
        unread = tally.recipients - tally.read
        if not unread:
            continue
        event = BroadcastUnread(
            **broadcast.model_dump(include=_NAMED),
            at=clock.now(),
            recipients=tally.recipients,
            unread=unread,
        )
        await keep_unread(session, event)
        await _record(session, broadcast, event, _unread_id(broadcast.broadcast_id))


async def lock_broadcasts(session: Session, broadcast_ids: Sequence[UUID]) -> list[UUID]:
    """Lock broadcasts; those that are known."""
    rows = await session.scalars(_LOCK, {"ids": list(broadcast_ids)})
    return list(rows)


async def tell_unread(runtime: Runtime, as_of: datetime) -> dict[str, int]:
    """The job `broadcasts`: tell the issuers who has not read (X-15); at `as_of`, and of simulated
    broadcasts too, where time is simulated."""
    simulating = runtime.settings.simulation_clock
    fired = await runtime.scheduler.tick(
        as_of if simulating else None, include_simulated=simulating, kinds=[TIMER]
    )
    return {"broadcasts": fired}


UNREAD_TIMER = TimerKind(SUBJECT, TIMER, lock=lock_broadcasts, fire=fire_unread)

_LOCK = text(
    "SELECT broadcast_id FROM broadcasts WHERE broadcast_id = ANY(:ids) ORDER BY 1 FOR UPDATE"
)
_NAMED = set(BroadcastEvent.model_fields) - {"at"}


async def _withdraw(session: Session, broadcast: Broadcast, at: datetime) -> None:
    broadcast.withdraw(at)
    await timers.cancel(session, SUBJECT, [broadcast.broadcast_id], [TIMER])
    await recall_event(session, broadcast.broadcast_id, at)


async def _record(
    session: Session, broadcast: Broadcast, event: BroadcastEvent, event_id: UUID
) -> None:
    """Record the event under the id that everyone who hears it again derives too."""
    broadcast.event_sequence += 1
    await session.flush()
    prepared = replace(outbox.prepare(event, broadcast.event_sequence), event_id=event_id)
    await outbox.record_many(await session.driver(), [prepared])
    session.events_recorded()


def _message_of(event: BroadcastIssued) -> str:
    """What a message of it holds: all but the list of the organisations."""
    data = event.model_dump(mode="json", exclude={"organisations", "at"})
    return json.dumps(data | {"due_on": data["read_by"]}, ensure_ascii=False)


def _unread_id(broadcast_id: UUID) -> UUID:
    return derived_id(broadcast_id, "unread")


def _is_to_be_told(broadcast: Broadcast) -> bool:
    return broadcast.state == State.ISSUED and broadcast.unread_told_at is None
